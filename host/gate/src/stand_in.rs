//! Who answers in the place of the doors: in a rehearsal nothing of the world is touched.
//!
//! A request is decided, counted, masked and journaled as in any run; only who performs it is another. That is why this
//! is a seam of the gate and not of each door: what is rehearsed is what will run.

use std::pin::Pin;

use async_trait::async_trait;
use cleargate_flow::NodeError;

use crate::pass::Identity;
use crate::request::Request;
use crate::response::Response;

/// What the door does, once it is awaited.
pub type Door<'d> = Pin<Box<dyn Future<Output = Result<Response, NodeError>> + Send + 'd>>;

/// Performs what was decided.
#[async_trait]
pub trait StandIn: Send + Sync {
    /// Answers a request, or awaits the door. The body of an answer to [`Request::HttpOpen`] is what is then streamed.
    ///
    /// # Errors
    /// Those of the door, or others in its place.
    async fn perform(
        &self,
        who: &Identity,
        request: &Request,
        door: Door<'_>,
    ) -> Result<Response, NodeError>;

    /// Lets `ms` milliseconds go by for a guest that waits.
    async fn sleep(&self, who: &Identity, ms: u64);
}
