//! The gate: the one place where a request of a node is decided, counted, recorded and performed.
//!
//! A node never holds a client, a path or a secret. It holds a [`Pass`] and describes what it wants as a
//! [`Request`]; [`decide`] compares it with the grants, a quota counts it, the [`CallLog`] remembers it, and
//! a door performs it. Built-in nodes and plugins hold the same pass.

mod address;
mod audit;
mod decide;
mod door;
mod gate;
mod log;
mod pass;
mod quota;
mod request;
mod response;
mod secret;
mod stand_in;
mod target;

pub use address::refused_because;
pub use audit::{Audit, AuditRecord, MemoryAudit, TracingAudit, Verdict};
pub use decide::{Decision, decide};
pub use door::file::Folder;
pub use door::http::{Answer, BodySource, Hop, Transport};
pub use door::network::{Network, NetworkConfig, NetworkError, Resolver, SystemResolver};
pub use door::peers::{PeerTool, Peers};
pub use gate::{Fill, Gate, GateConfig, Sources};
pub use log::{Begun, CallLog, NoLog, diverged};
pub use pass::{Identity, Pass, StreamedBody, StreamedResponse};
pub use quota::{Quotas, RunCounters};
pub use request::{
    BlobOp, FileAction, FileEntry, FileInfo, FileKind, FileOp, HttpRequest, KvOp, Opening, Request,
};
pub use response::{Bytes, HttpResponse, Response};
pub use secret::{MemorySecrets, SecretEntry, SecretError, SecretSource};
pub use stand_in::{Door, StandIn};
pub use target::{Target, TargetError};
