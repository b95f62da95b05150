//! Names that outlive a process: flows, nodes, runs, and the place of one thing inside a run.
//!
//! An address is static: the path of node ids with iteration indices, never a random id. Replay, fork,
//! diff and restart are therefore the same operation at any depth.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Bytes that an id may have: it appears in paths, logs and URLs.
pub const MAX_ID_LEN: usize = 64;

/// Why a text is no id or address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Ids are expression identifiers, so that `${id.field}` can name them.
    #[error(
        "`{0}` is no id: use 1 to {MAX_ID_LEN} characters, a lower-case letter first, then lower-case \
         letters, digits and `_`"
    )]
    Id(String),
    /// An address is `node`, `node[3].inner`, …
    #[error("`{0}` is no address: write node ids with `.` between and `[index]` after a map")]
    Address(String),
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(NameError::Id(text.into())) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn identifier(text: &str) -> bool {
    text.len() <= MAX_ID_LEN
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn token(text: &str) -> bool {
    (1..=MAX_ID_LEN).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

text_id!(
    /// Name of a flow: `[a-z][a-z0-9_]*`.
    FlowId,
    identifier
);
text_id!(
    /// Name of a node inside its scope: `[a-z][a-z0-9_]*`.
    NodeId,
    identifier
);
text_id!(
    /// Name of a run: letters, digits, `-` and `_`; made by the executor, unique in a store.
    RunId,
    token
);
text_id!(
    /// `sha256-<64 hex digits>` of the canonical form of a checked flow: its identity.
    FlowHash,
    |text| text.strip_prefix("sha256-").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
);

impl FlowHash {
    /// The hash of a canonical form.
    pub fn of(canonical: &[u8]) -> Self {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(canonical);
        Self(format!("sha256-{}", hex::encode(digest)).into())
    }
}

/// One step of an address: a node, and the iteration when the step leads into a map's body.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Segment {
    /// The node in its scope.
    pub node: NodeId,
    /// Zero-based iteration of the block's body.
    pub index: Option<u32>,
}

/// Place of a node in a run: `parse`, `scan[12].assess`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(Arc<[Segment]>);

impl Address {
    /// A node of the outermost scope.
    pub fn root(node: NodeId) -> Self {
        Self(Arc::from([Segment { node, index: None }]))
    }

    /// The node `node` in iteration `index` of this block's body.
    pub fn child(&self, index: u32, node: NodeId) -> Self {
        let mut path = self.0.to_vec();
        path.last_mut().expect("an address has a segment").index = Some(index);
        path.push(Segment { node, index: None });
        Self(path.into())
    }

    /// The address with these steps.
    ///
    /// # Panics
    /// When there are none.
    pub fn of(segments: impl IntoIterator<Item = Segment>) -> Self {
        let path: Arc<[Segment]> = segments.into_iter().collect();
        assert!(!path.is_empty(), "an address has a segment");
        Self(path)
    }

    /// The blocks around it, the outermost first: `scan` and `scan[1].part` around `scan[1].part[0].one`.
    pub fn blocks(&self) -> impl Iterator<Item = Self> + '_ {
        (1..self.0.len()).map(|end| {
            let mut path = self.0[..end].to_vec();
            path[end - 1].index = None;
            Self(path.into())
        })
    }

    /// Whether it is at a place or below it: an address in which an index that is left out means every body.
    pub fn is_in(&self, place: &Self) -> bool {
        let same = |(here, there): (&Segment, &Segment)| {
            here.node == there.node && (there.index.is_none() || here.index == there.index)
        };
        self.0.len() >= place.0.len() && self.0.iter().zip(place.segments()).all(same)
    }

    /// Steps from the outermost scope inwards.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The node that is addressed.
    pub fn node(&self) -> &NodeId {
        &self.0.last().expect("an address has a segment").node
    }

    /// The path without iteration indices: the same for each item of a map. Groups statistics.
    pub fn static_path(&self) -> String {
        let ids: Vec<&str> = self.0.iter().map(|s| s.node.as_str()).collect();
        ids.join(".")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            write!(f, "{}", segment.node)?;
            if let Some(index) = segment.index {
                write!(f, "[{index}]")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Address {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bad = || NameError::Address(text.into());
        let segment = |part: &str| -> Result<Segment, NameError> {
            let (id, index) = match part.strip_suffix(']').and_then(|p| p.split_once('[')) {
                Some((id, index)) => (id, Some(index.parse().map_err(|_| bad())?)),
                None => (part, None),
            };
            Ok(Segment { node: id.parse().map_err(|_| bad())?, index })
        };
        let path: Vec<Segment> = text.split('.').map(segment).collect::<Result<_, _>>()?;
        Ok(Self(path.into()))
    }
}

impl TryFrom<String> for Address {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_what_it_prints() {
        let scan: Address = "scan".parse().unwrap();
        let inner = scan.child(12, "assess".parse().unwrap());
        assert_eq!(inner.to_string(), "scan[12].assess");
        assert_eq!(inner.to_string().parse::<Address>().unwrap(), inner);
        assert_eq!(inner.static_path(), "scan.assess");
    }

    #[test]
    fn an_index_that_is_left_out_means_every_body() {
        let address: Address = "scan[1].part[0].one".parse().unwrap();
        for (place, inside) in [
            ("scan", true),
            ("scan[1]", true),
            ("scan[2]", false),
            ("scan.part.one", true),
            ("scan[1].part[0].one", true),
            ("scan[1].part[1].one", false),
            ("scan.part.one.more", false),
            ("part", false),
        ] {
            assert_eq!(address.is_in(&place.parse().unwrap()), inside, "{place}");
        }
    }

    #[test]
    fn ids_are_identifiers() {
        for bad in ["", "A", "1a", "a-b", "é", &"a".repeat(65), "a.b", "a\u{202e}"] {
            assert!(bad.parse::<NodeId>().is_err(), "{bad:?} was accepted");
        }
        assert!("a_1".parse::<NodeId>().is_ok());
        for bad in ["", "a..b", "a[", "a[x]", "a[1", "[1]", "a[99999999999]"] {
            assert!(bad.parse::<Address>().is_err(), "{bad:?} was accepted");
        }
    }
}
