//! The name of bytes: their SHA-256. Who has the digest can check what a store hands out.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::error::StoreError;

/// Bytes of one blob: a payload has to fit into memory several times over while a node works on it.
pub const MAX_BLOB_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of one flow bundle: documents, prompts and the lock, never components.
pub const MAX_FLOW_BYTES: usize = 16 * 1024 * 1024;

/// SHA-256 of a blob. As text: `sha256-<64 hex digits>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobDigest([u8; 32]);

impl BlobDigest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for BlobDigest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for BlobDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256-{}", hex::encode(self.0))
    }
}

/// A text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no digest: write `sha256-` and 64 hex digits in lower case")]
pub struct BlobDigestError(String);

impl FromStr for BlobDigest {
    type Err = BlobDigestError;

    fn from_str(text: &str) -> Result<Self, BlobDigestError> {
        let bad = || BlobDigestError(text.chars().take(80).collect());
        let digits = text.strip_prefix("sha256-").ok_or_else(bad)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| bad())?;
        // One digest has one text: upper case would make two.
        if digits.bytes().any(|b| b.is_ascii_uppercase()) { Err(bad()) } else { Ok(Self(bytes)) }
    }
}

pub(crate) fn check_size(what: &'static str, bytes: &[u8], limit: usize) -> Result<(), StoreError> {
    if bytes.len() > limit {
        return Err(StoreError::TooLarge { what, bytes: bytes.len(), limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_prints() {
        let digest = BlobDigest::of(b"abc");
        let text = digest.to_string();
        assert!(text.starts_with("sha256-ba7816bf"));
        assert_eq!(text.parse(), Ok(digest));
        for bad in ["", "ba78", &text[..70], &text.to_uppercase(), &format!("{text}0")] {
            assert!(bad.parse::<BlobDigest>().is_err(), "{bad:?} was accepted");
        }
        let shouted = format!("sha256-{}", text[7..].to_uppercase());
        assert!(shouted.parse::<BlobDigest>().is_err());
    }
}
