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

/// A blob is stored once for all tenants, and read by those who put it: a digest is no permission.
///
/// `mask` is given the whole blob, so that a secret cannot hide on the border of two readings. One answer has at
/// most `bound` bytes.
pub(crate) async fn blob(
    store: &dyn Store,
    tenant: &str,
    op: BlobOp,
    bound: u64,
    mask: impl Fn(Vec<u8>) -> Vec<u8>,
) -> Result<Response, NodeError> {
    match op {
        BlobOp::Put(bytes) => {
            let digest = store.put_blob(tenant, bytes).await.map_err(failed)?;
            Ok(Response::Digest(digest.to_string()))
        }
        BlobOp::Get { digest, offset, length } => {
            let invalid = |message: String| NodeError::new(ErrorCode::InvalidInput, message);
            let name = digest.parse().map_err(|e| invalid(format!("{e}")))?;
            // Not there and not yours are the same answer.
            let absent = || invalid(format!("there is no blob `{digest}`"));
            let found = store.get_blob(tenant, &name).await.map_err(failed)?;
            let bytes = mask(found.ok_or_else(absent)?);
            let length = usize::try_from(bound.min(length.into())).unwrap_or(usize::MAX);
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let end = start.saturating_add(length).min(bytes.len());
            Ok(Response::Bytes(Bytes(bytes[start..end].to_vec())))
        }
    }
}

fn failed(error: StoreError) -> NodeError {
    let code = match error {
        StoreError::OverQuota { key, .. } => return NodeError::limit(key, error.to_string()),
        StoreError::TooLarge { .. } => ErrorCode::InvalidInput,
        StoreError::Locked | StoreError::Full { .. } => ErrorCode::Transient,
        _ => ErrorCode::Permanent,
    };
    NodeError::new(code, error.to_string())
}
