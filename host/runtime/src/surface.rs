//! What can be read of a component before there is machine code of it: what it imports, what it offers, what an
//! instance takes at most.
//!
//! It is read once, where the bytes are. Whoever executes the component is given this and the machine code, and looks
//! the functions up by name.

use cleargate_flow::signature::PluginKind;
use serde::{Deserialize, Serialize};
use wasmtime::component::{Component, ComponentExportIndex};

use crate::component::LoadError;
use crate::foreign::{Refused, Tool, Tools, parts};
use crate::inspect::{Inspected, inspect};
use crate::linker::same_series;

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Surface {
    /// Names of imports, in their order.
    pub(crate) imports: Vec<String>,
    /// Core instances that an instance of it has at most.
    pub(crate) instances: u32,
    /// Components with code of their own that an instance of it has at most.
    pub(crate) components: u32,
    /// The kinds that it exports, and the names of the exports.
    kinds: Vec<(PluginKind, String)>,
    /// The functions that are called by their own types.
    functions: Vec<Tool>,
}

/// What can be called, looked up once, so that a call does not.
pub(crate) struct Exports {
    pub(crate) kinds: Vec<Export>,
    pub(crate) functions: Vec<(Tool, ComponentExportIndex)>,
}

/// The export of one kind.
pub(crate) struct Export {
    pub(crate) kind: PluginKind,
    pub(crate) functions: Vec<(&'static str, ComponentExportIndex)>,
}

impl Surface {
    /// Reads the bytes of a component: the kinds that it exports, or else its functions.
    ///
    /// # Errors
    /// It is no component, exceeds a bound, or offers nothing.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, LoadError> {
        let inspected = inspect(bytes)?;
        let (kinds, functions) = offer(bytes, &inspected)?;
        let Inspected { imports, instances, components, .. } = inspected;
        Ok(Self { imports, instances, components, kinds, functions })
    }

    /// Looks everything up that can be called.
    ///
    /// # Errors
    /// A function is not there.
    pub(crate) fn resolve(&self, component: &Component) -> Result<Exports, LoadError> {
        let kinds = self.kinds.iter().map(|(kind, name)| export(*kind, name, component));
        let functions = self.functions.iter().map(|tool| {
            let index = function(component, tool)?;
            Ok((tool.clone(), index))
        });
        Ok(Exports {
            kinds: kinds.collect::<Result<_, _>>()?,
            functions: functions.collect::<Result<_, LoadError>>()?,
        })
    }
}

type Offer = (Vec<(PluginKind, String)>, Vec<Tool>);

/// The kinds that it exports, or else its functions.
fn offer(bytes: &[u8], inspected: &Inspected) -> Result<Offer, LoadError> {
    let (parts, kinds): (Vec<_>, Vec<_>) =
        kinds(inspected).into_iter().partition(|(kind, _)| kind.is_part());
    if !parts.is_empty() {
        let parts: Vec<_> = parts.iter().map(|(kind, name)| (*kind, name.as_str())).collect();
        return Ok((kinds, parts::read(bytes, &parts)?));
    }
    if !kinds.is_empty() {
        return Ok((kinds, Vec::new()));
    }
    let Tools { tools, refused } = Tools::of(bytes, inspected)?;
    match (tools.is_empty(), refused.is_empty()) {
        (false, _) => Ok((kinds, tools)),
        (true, false) => Err(LoadError::NoTool(refused)),
        (true, true) => Err(LoadError::NoKind),
    }
}

/// The kinds that a component exports, by name. Other exports are the toolchain's own affair.
fn kinds(inspected: &Inspected) -> Vec<(PluginKind, String)> {
    PluginKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let start = format!("cleargate:{0}/{0}@", kind.as_str());
            let is = |name: &&String| name.strip_prefix(&start).is_some_and(same_series);
            inspected.exports.iter().find(is).map(|name| (kind, name.clone()))
        })
        .collect()
}

fn export(kind: PluginKind, name: &str, component: &Component) -> Result<Export, LoadError> {
    let functions: &[&'static str] = match kind {
        PluginKind::Node => &["describe", "run"],
        PluginKind::Tool => &["list-tools", "call"],
        PluginKind::Guardrail => &["describe", "check"],
        PluginKind::Filter => &["describe", "before", "after", "on-chunk"],
        part => unreachable!("{} is typed by its functions", part.as_str()),
    };
    let absent = |what: &str| LoadError::Invalid(format!("`{name}` lacks `{what}`"));
    let interface = component.get_export_index(None, name).ok_or_else(|| absent("an instance"))?;
    let find = |function: &&'static str| {
        let index = component.get_export_index(Some(&interface), *function);
        index.map(|index| (*function, index)).ok_or_else(|| absent(function))
    };
    let functions = functions.iter().map(find).collect::<Result<_, _>>()?;
    Ok(Export { kind, functions })
}

fn function(component: &Component, tool: &Tool) -> Result<ComponentExportIndex, LoadError> {
    let (interface, function) = tool.export();
    let absent = || LoadError::Invalid(format!("it lacks the function `{tool}`"));
    let interface = match interface {
        Some(name) => Some(component.get_export_index(None, name).ok_or_else(absent)?),
        None => None,
    };
    component.get_export_index(interface.as_ref(), function).ok_or_else(absent)
}

/// The first refusals: one is enough to understand what is in the way.
pub(crate) fn listed(refused: &[Refused]) -> String {
    let shown: Vec<String> = refused.iter().take(3).map(ToString::to_string).collect();
    shown.join("; ")
}
