//! The doors to the store: values and blobs, in the tenant's own space.

use cleargate_flow::NodeError;
use cleargate_flow::error::ErrorCode;
use cleargate_store::{KvSpace, Store, StoreError};

use crate::request::{BlobOp, KvOp};
use crate::response::{Bytes, Response};

pub(crate) async fn kv(
    store: &dyn Store,
    tenant: &str,
    name: &str,
    op: KvOp,
) -> Result<Response, NodeError> {
    let space = KvSpace::new(tenant, name);
    Ok(match op {
        KvOp::Get { key } => {
            Response::Value(store.kv_get(space, &key).await.map_err(failed)?.map(Bytes))
        }
        KvOp::Set { key, value } => {
            store.kv_set(space, &key, value).await.map_err(failed)?;
            Response::Done
        }
        KvOp::Delete { key } => {
            store.kv_delete(space, &key).await.map_err(failed)?;
            Response::Done
        }
        KvOp::Swap { key, expected, value } => Response::Swapped(
            store.kv_swap(space, &key, expected.as_deref(), value).await.map_err(failed)?,
        ),
        KvOp::List { prefix, after } => {
            let page = store.kv_list(space, &prefix, after.as_deref()).await.map_err(failed)?;
            Response::Keys { keys: page.keys, next: page.next }
        }
    })
}

pub(crate) async fn blob(store: &dyn Store, op: BlobOp) -> Result<Response, NodeError> {
    match op {
        BlobOp::Put(bytes) => {
            Ok(Response::Digest(store.put_blob(bytes).await.map_err(failed)?.to_string()))
        }
        BlobOp::Get { digest, offset, length } => {
            let invalid = |message: String| NodeError::new(ErrorCode::InvalidInput, message);
            let name = digest.parse().map_err(|e| invalid(format!("{e}")))?;
            let bytes = store.get_blob(&name).await.map_err(failed)?;
            let bytes = bytes.ok_or_else(|| invalid(format!("there is no blob `{digest}`")))?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let end = start.saturating_add(length as usize).min(bytes.len());
            Ok(Response::Bytes(Bytes(bytes[start..end].to_vec())))
        }
    }
}

fn failed(error: StoreError) -> NodeError {
    let code = match error {
        StoreError::TooLarge { .. } => ErrorCode::InvalidInput,
        StoreError::Locked => ErrorCode::Transient,
        _ => ErrorCode::Permanent,
    };
    NodeError::new(code, error.to_string())
}
