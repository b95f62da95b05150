//! SHA-256 of bytes, in the one textual form that index, lock and store share: `sha256:<64 hex digits>`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// What bytes are called in every file that this crate writes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// A text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no digest: write `sha256:` and 64 lower-case hexadecimal digits")]
pub struct DigestError(String);

/// Bytes are not the ones that were promised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} has digest {found}, but {expected} was expected: the bytes were changed or are damaged"
)]
pub struct DigestMismatch {
    /// What the bytes were meant to be, as `acme:redactor 1.2.0`.
    pub what: String,
    /// What was promised.
    pub expected: Digest,
    /// What the bytes have.
    pub found: Digest,
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Returns nothing when `bytes` have this digest; `what` names them in the refusal.
    ///
    /// # Errors
    /// Both digests.
    pub fn verify(&self, bytes: &[u8], what: impl fmt::Display) -> Result<(), DigestMismatch> {
        let found = Self::of(bytes);
        if found == *self {
            Ok(())
        } else {
            Err(DigestMismatch { what: what.to_string(), expected: *self, found })
        }
    }

    /// The 64 hexadecimal digits alone: a file name.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let bad = || DigestError(text.chars().take(80).collect());
        let digits = text.strip_prefix("sha256:").ok_or_else(bad)?;
        if digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| bad())?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_prints_and_has_one_form() {
        let digest = Digest::of(b"abc");
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        for bad in
            ["", "sha256:", "ba78", &text.to_uppercase(), &text.replace("ba", "BA"), &text[..70]]
        {
            assert!(bad.parse::<Digest>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_mismatch_names_both_digests() {
        let error = Digest::of(b"a").verify(b"b", "acme:x 1.0.0").unwrap_err().to_string();
        assert!(error.contains(&Digest::of(b"a").to_string()), "{error}");
        assert!(error.contains(&Digest::of(b"b").to_string()), "{error}");
    }
}
