//! Built-in node types, bound into a flow: what they need beside their configuration is found here.

use std::sync::Arc;

use cleargate_executor::{Binding, CallScope, CatalogError, Node};
use cleargate_flow::grant::Grants;
use cleargate_flow::graph::Leaf;
use cleargate_flow::limits::Limits;
use cleargate_flow::signature::PluginKind;
use cleargate_nodes::{FileRead, Guard, GuardrailNode, Http, Template, Transform, chain_of};

use crate::flows::FlowCatalog;

impl FlowCatalog {
    /// The built-in that a leaf names.
    pub(crate) fn builtin(&self, leaf: &Leaf) -> Result<Binding, CatalogError> {
        let config = |why: String| CatalogError::Config { uses: leaf.uses.clone(), why };
        let node: Arc<dyn Node> = match leaf.uses.as_str() {
            Transform::NAME => Arc::new(Transform),
            FileRead::NAME => Arc::new(FileRead),
            Http::NAME => Arc::new(Http),
            Template::NAME => Arc::new(
                Template::new(&leaf.config, &self.files).map_err(|e| config(e.to_string()))?,
            ),
            GuardrailNode::NAME => {
                let (stage, uses) = chain_of(&leaf.config).map_err(|e| config(e.to_string()))?;
                let chain = uses.into_iter().map(|guard| {
                    let used = self.used.iter().find(|u| u.alias == guard.alias);
                    let used =
                        used.filter(|u| u.exports(PluginKind::Guardrail)).ok_or_else(|| {
                            config(format!(
                                "`{}` is no alias of a guardrail in `use:`",
                                guard.alias
                            ))
                        })?;
                    Ok(Guard {
                        guardrail: cleargate_runtime::node::guardrail(&used.plugin),
                        config: guard.config,
                        scope: self.scope(used, leaf),
                    })
                });
                let chain = chain.collect::<Result<Vec<_>, CatalogError>>()?;
                Arc::new(GuardrailNode::new(stage, chain).map_err(|e| config(e.to_string()))?)
            }
            other => return Err(config(format!("`{other}` is no built-in"))),
        };
        let scope = CallScope {
            name: leaf.uses.clone(),
            grants: self.builtin_grants.clone(),
            limits: self.limits(Limits::default(), leaf),
            folder: self.folder.clone(),
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
