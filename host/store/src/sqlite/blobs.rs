//! Blobs by digest and flow bundles by hash: written once, checked whenever they are read.

use cleargate_flow::FlowHash;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};

use super::checksum::checksum;
use super::fault::Fault;
use crate::blob::BlobDigest;
use crate::error::StoreError;

/// Keeps bytes under their digest. A damaged copy is mended by it.
pub(super) fn put(db: &Connection, digest: &BlobDigest, bytes: &[u8]) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO blob VALUES (?1, ?2) ON CONFLICT (digest) \
         DO UPDATE SET bytes = excluded.bytes WHERE bytes <> excluded.bytes",
    )?
    .execute(params![digest.as_bytes(), bytes])?;
    Ok(())
}

/// Returns the bytes of a digest.
pub(super) fn get(db: &Connection, digest: &BlobDigest) -> Result<Option<Vec<u8>>, Fault> {
    let mut statement = db.prepare_cached("SELECT bytes FROM blob WHERE digest = ?1")?;
    let bytes: Option<Vec<u8>> =
        statement.query_row([digest.as_bytes()], |row| row.get(0)).optional()?;
    match bytes {
        Some(bytes) if BlobDigest::of(&bytes) != *digest => {
            Err(Fault(StoreError::DamagedBlob { digest: *digest }))
        }
        bytes => Ok(bytes),
    }
}

fn flow_sum(hash: &FlowHash, bundle: &[u8]) -> [u8; 8] {
    checksum("flow", [ValueRef::Text(hash.as_str().as_bytes()), ValueRef::Blob(bundle)])
}

/// Keeps a bundle unless a sound one is there: a version never changes.
pub(super) fn put_flow(db: &Connection, hash: &FlowHash, bundle: &[u8]) -> Result<(), Fault> {
    match get_flow(db, hash) {
        Ok(Some(_)) => Ok(()),
        Ok(None) | Err(Fault(StoreError::DamagedEntry { .. })) => {
            db.prepare_cached("INSERT OR REPLACE INTO flow VALUES (?1, ?2, ?3)")?
                .execute(params![hash.as_str(), bundle, flow_sum(hash, bundle)])?;
            Ok(())
        }
        Err(other) => Err(other),
    }
}

/// Returns a bundle.
pub(super) fn get_flow(db: &Connection, hash: &FlowHash) -> Result<Option<Vec<u8>>, Fault> {
    let mut statement = db.prepare_cached("SELECT bundle, sum FROM flow WHERE hash = ?1")?;
    let found: Option<(Vec<u8>, Vec<u8>)> =
        statement.query_row([hash.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match found {
        Some((bundle, sum)) if sum != flow_sum(hash, &bundle) => {
            Err(Fault(StoreError::DamagedEntry { what: format!("the flow bundle {hash}") }))
        }
        found => Ok(found.map(|(bundle, _)| bundle)),
    }
}
