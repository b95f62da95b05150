//! Built-in node types, bound into a flow: what they need beside their configuration is found here.

use std::sync::Arc;

use cleargate_executor::{Binding, CallScope, CatalogError, Node, Peers};
use cleargate_flow::grant::Grants;
use cleargate_flow::graph::{Leaf, PartUse};
use cleargate_flow::limits::Limits;
use cleargate_nodes::{FileRead, GuardrailNode, Http, ModelNode, Template, Transform, chain_of};

use crate::flows::FlowCatalog;

impl FlowCatalog {
    /// The built-in that a leaf names.
    pub(crate) fn builtin(&self, leaf: &Leaf) -> Result<Binding, CatalogError> {
        let config = |why: String| CatalogError::Config { uses: leaf.uses.clone(), why };
        let peers = self.around(leaf);
        let (mut grants, mut company) = (self.builtin_grants.clone(), None::<Arc<dyn Peers>>);
        let node: Arc<dyn Node> = match leaf.uses.as_str() {
            Transform::NAME => Arc::new(Transform),
            FileRead::NAME => Arc::new(FileRead),
            Http::NAME => Arc::new(Http),
            Template::NAME => Arc::new(
                Template::new(&leaf.config, &self.files).map_err(|e| config(e.to_string()))?,
            ),
            GuardrailNode::NAME => {
                let (stage, uses) = chain_of(&leaf.config).map_err(|e| config(e.to_string()))?;
                let uses: Vec<PartUse> = uses
                    .into_iter()
                    .map(|guard| PartUse { alias: guard.alias, config: guard.config })
                    .collect();
                let chain = peers.chain(stage, &uses).map_err(|e| config(e.message.to_string()))?;
                Arc::new(chain.expect("a chain has a guard"))
            }
            ModelNode::NAME => {
                let node =
                    ModelNode::new(&leaf.config, &self.files).map_err(|e| config(e.to_string()))?;
                // The flow that names the model is what allows the node to ask it; who answers has grants of its own.
                let model = node.model().parse().map_err(|e| config(format!("{e}")))?;
                grants = Arc::new(Grants { model: [model].into(), ..Grants::default() });
                company = Some(Arc::new(peers.clone()));
                Arc::new(node)
            }
            other => return Err(config(format!("`{other}` is no built-in"))),
        };
        let scope = CallScope {
            name: leaf.uses.clone(),
            grants,
            limits: peers.limits(Limits::default()),
            folder: self.folder.clone(),
            peers: company,
        };
        Ok(Binding { node, scope })
    }
}

/// What the operator grants to built-in nodes: entries of the grants file for the plugin `built-in`.
pub(crate) const BUILT_IN: &str = "built-in";

/// Grants of built-ins carry no digest: their bytes are the program's.
pub(crate) fn granted(file: &crate::grants::GrantFile) -> Arc<Grants> {
    Arc::new(file.allowed(BUILT_IN, BUILT_IN))
}
