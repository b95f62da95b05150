//! Systems on which a process cannot be confined: everything is refused in words.

use async_trait::async_trait;

use super::{WorkError, WorkersConfig, WorkersError};
use crate::fault::Fault;
use crate::instance::Called;
use crate::place::{Job, Place, Told};

const WHY: &str = "a worker is confined with seccomp, which Linux on x86-64 and AArch64 has and this system has not";

/// There are none.
#[derive(Clone, Debug)]
pub struct Workers(());

impl Workers {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub async fn open(_config: WorkersConfig) -> Result<Self, WorkersError> {
        Err(WorkersError(WHY.into()))
    }

    /// Whether they are confined with Landlock, too.
    pub fn landlock(&self) -> bool {
        false
    }
}

#[async_trait]
impl Place for Workers {
    async fn execute(&self, _job: Job) -> Called<Told> {
        Called { result: Err(Fault::crashed(WHY)), usage: Default::default() }
    }
}

/// Refuses.
///
/// # Errors
/// Always.
pub fn work() -> Result<(), WorkError> {
    Err(WorkError::new(&WHY))
}
