//! Who calls, from where, and until when.

use crate::bindings::services::cleargate::types::types as wit;

/// Facts about one call. `Context::default()` serves unit tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The run.
    pub run_id: String,
    /// Static path of the node in the run: node ids and iteration indices.
    pub address: String,
    /// First attempt is 1.
    pub attempt: u32,
    /// Milliseconds since 1970-01-01T00:00:00Z, when the call has a deadline.
    pub deadline: Option<u64>,
    /// The same for each attempt of the same step: give it to peers that deduplicate.
    pub idempotency_key: String,
    /// The name under which the flow uses this plugin.
    pub binding: String,
    /// Whose run it is.
    pub tenant: String,
    /// W3C trace context, when the run is traced.
    pub trace_parent: Option<String>,
}

impl From<wit::CallContext> for Context {
    fn from(ctx: wit::CallContext) -> Self {
        Self {
            run_id: ctx.run_id,
            address: ctx.address,
            attempt: ctx.attempt,
            deadline: ctx.deadline,
            idempotency_key: ctx.idempotency_key,
            binding: ctx.binding,
            tenant: ctx.tenant,
            trace_parent: ctx.trace_parent,
        }
    }
}
