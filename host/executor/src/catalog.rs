//! How a leaf of a graph becomes a [`Node`]: the one thing the executor asks whoever embeds it.

use std::fmt;
use std::sync::Arc;

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::grant::Grants;
use cleargate_flow::graph::{Graph, Leaf};
use cleargate_flow::limits::Effective;
use cleargate_gate::Folder;

use crate::node::Node;
use crate::peers::Peers;

/// What a run's node types are. One catalog belongs to one version of one flow, so that a run keeps the
/// component it was started with.
pub trait Catalog: Send + Sync {
    /// Resolves a leaf. Called once for each leaf of a run; must not wait.
    ///
    /// # Errors
    /// Why there is no such node. Fails the node, not the run's other branches.
    fn node(&self, leaf: &Leaf, flow: &Graph) -> Result<Binding, CatalogError>;
}

/// A node type that is bound into a flow, with what it may do there.
#[derive(Clone)]
pub struct Binding {
    /// What performs the attempts.
    pub node: Arc<dyn Node>,
    /// What it may do.
    pub scope: CallScope,
}

/// What a call of a node type may do.
#[derive(Clone)]
pub struct CallScope {
    /// The name under which the flow uses it: what grants, quotas and stores are kept by.
    pub name: String,
    /// Effective permissions: requests that the operator granted.
    pub grants: Arc<Grants>,
    /// Bounds of one call after all layers.
    pub limits: Effective,
    /// What relative paths begin at: the flow's own folder.
    pub folder: Option<Folder>,
    /// The models and tools of the flow, for those that may call some.
    pub peers: Option<Arc<dyn Peers>>,
}

impl fmt::Debug for CallScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, grants, limits, folder, peers } = self;
        let mut scope = f.debug_struct("CallScope");
        scope.field("name", name).field("grants", grants).field("limits", limits);
        scope.field("folder", folder).field("peers", &peers.is_some()).finish()
    }
}

/// Why a leaf cannot be performed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Nothing of that name is installed.
    #[error("there is no node type `{uses}`: {why}")]
    Unknown {
        /// As the flow writes it.
        uses: String,
        /// What is missing, and how to get it.
        why: String,
    },
    /// It is there and must not run.
    #[error("node type `{uses}` may not run: {why}")]
    Denied {
        /// As the flow writes it.
        uses: String,
        /// What is missing.
        why: String,
        /// The line that would grant it.
        help: Option<String>,
    },
    /// Its configuration does not fit.
    #[error("node type `{uses}` cannot be set up: {why}")]
    Config {
        /// As the flow writes it.
        uses: String,
        /// What does not fit.
        why: String,
    },
}

impl From<CatalogError> for NodeError {
    fn from(error: CatalogError) -> Self {
        let message = error.to_string();
        match error {
            CatalogError::Unknown { .. } => NodeError::new(ErrorCode::Permanent, message),
            CatalogError::Config { .. } => NodeError::new(ErrorCode::InvalidInput, message),
            CatalogError::Denied { help, .. } => {
                let denied = NodeError::new(ErrorCode::Denied, message);
                match help {
                    Some(line) => denied.with_help(line),
                    None => denied,
                }
            }
        }
    }
}
