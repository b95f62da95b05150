//! A place in a run, as a person writes it, or in the runs that its sub-flows are: `scan[3].review/answer`.

use std::fmt;

use cleargate_flow::Address;

use super::address;
use crate::error::Result;

/// Addresses, each in the run that the sub-flow at the one before it is. An index that is left out means every body.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place(Vec<Address>);

impl Place {
    /// Reads a place.
    ///
    /// # Errors
    /// A part between `/` is no address.
    pub(super) fn of(text: &str) -> Result<Self> {
        Ok(Self(text.split('/').map(address).collect::<Result<_>>()?))
    }

    /// The address in the run itself.
    pub(super) fn head(&self) -> &Address {
        self.0.first().expect("a place has a part")
    }

    /// The place in the run inside, when it is in one.
    pub(super) fn inside(&self) -> Option<Self> {
        (self.0.len() > 1).then(|| Self(self.0[1..].to_vec()))
    }
}

impl From<Address> for Place {
    fn from(address: Address) -> Self {
        Self(vec![address])
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, address) in self.0.iter().enumerate() {
            let stroke = if at > 0 { "/" } else { "" };
            write!(f, "{stroke}{address}")?;
        }
        Ok(())
    }
}
