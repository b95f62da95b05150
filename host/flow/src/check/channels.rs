//! `state:` of a flow and `write:` of its nodes.

use indexmap::IndexMap;

use super::Checker;
use super::draft::{DraftNode, DraftWrite};
use super::typing::fit_parts;
use crate::diagnostic::{Finding, short};
use crate::document::{Data, Node};
use crate::expr::{Template, TypeNames};
use crate::graph::{Channel, Reducer};
use crate::types::{Field, Kind, Type};

/// Channels of a flow.
pub const MAX_CHANNELS: usize = 100;

/// Declared channels by name.
pub(super) type Channels = IndexMap<String, Channel>;

impl Checker<'_> {
    /// The key `state:` of a flow.
    pub(super) fn channels(&self, root: &Node) -> Channels {
        let Some(entry) = root.get("state") else { return Channels::new() };
        let all = self.map(&entry.value, "a map of names to channels");
        if all.len() > MAX_CHANNELS {
            let message = format!("{} channels; at most {MAX_CHANNELS} are allowed", all.len());
            self.find(Finding::error("CG0330", entry.key_span, message));
            return Channels::new();
        }
        let mut channels = Channels::new();
        for channel in all {
            if let Err(error) = channel.key.parse::<crate::address::NodeId>() {
                self.find(Finding::error("CG0105", channel.key_span, error.to_string()));
            }
            channels.insert(channel.key.to_string(), self.channel(&channel.value));
        }
        channels
    }

    /// A port with a reducer: `name: type`, or `name: { type: …, reducer: …, default: … }`.
    fn channel(&self, node: &Node) -> Channel {
        let reducer = node.get("reducer").filter(|_| node.get("type").is_some());
        let mut port = node.clone();
        if let (Data::Map(entries), Some(_)) = (&mut port.data, reducer) {
            entries.retain(|entry| &*entry.key != "reducer");
        }
        let before = self.findings.borrow().len();
        let Field { ty, default, .. } = self.port(&port);
        let reducer = reducer.and_then(|e| self.choice(&e.value, &Reducer::ALL));
        let reducer = reducer.unwrap_or_default();
        let start = default.or_else(|| reducer.start(&ty));
        // What is wrong with the type itself was said.
        if self.findings.borrow().len() == before {
            if let Err(wanted) = reducer.writes(&ty) {
                let message = format!("this reducer needs {wanted}; found `{}`", short(&ty));
                self.find(Finding::error("CG0330", node.span, message));
            } else if start.is_none() {
                let message = "nothing says what is there before the first write";
                let help = format!("write `default:`, or `type: \"opt<{}>\"`", short(&ty));
                self.find(Finding::error("CG0330", node.span, message).help(help));
            }
        }
        let start = start.unwrap_or_default();
        Channel { ty, reducer, start }
    }

    /// The key `write:` of a node.
    pub(super) fn writes(&self, node: &Node, channels: &Channels) -> IndexMap<String, DraftWrite> {
        let Some(entry) = node.get("write") else { return IndexMap::new() };
        let mut writes = IndexMap::new();
        for write in self.map(&entry.value, "a map of channels to what is written") {
            let bound = self.bound_value(&write.value);
            let Some(channel) = channels.get(&*write.key) else {
                let message = format!("there is no state channel {:?}", short(&write.key));
                let names = channels.keys().map(String::as_str);
                let help = self.hints.near(&write.key, names).unwrap_or_else(|| {
                    format!("declare it: `state: {{ {}: {{ type: … }} }}`", short(&write.key))
                });
                self.find(Finding::error("CG0330", write.key_span, message).help(help));
                continue;
            };
            let ty = channel.reducer.writes(&channel.ty).unwrap_or_else(|_| Kind::Any.into());
            writes.insert(write.key.to_string(), DraftWrite { span: write.key_span, bound, ty });
        }
        writes
    }

    /// Types what a node writes: it reads its own value under its own name.
    pub(super) fn type_writes(
        &self,
        node: &DraftNode,
        names: &dyn TypeNames,
    ) -> IndexMap<String, Template> {
        let mut writes = IndexMap::with_capacity(node.writes.len());
        for (channel, DraftWrite { bound, ty, .. }) in &node.writes {
            let from = self.type_bound(bound, names);
            let field = Field::from(ty.clone());
            if let Err(refused) = fit_parts(&bound.template, &from, &field)
                && !bound.broken
            {
                let code = if refused.label { "CG0209" } else { "CG0206" };
                let message = format!("what is written to `{channel}`: {}", refused.why);
                let finding = Finding::error(code, bound.span, message);
                self.find(finding.help(format!("a write to it is a `{}`", short(ty))));
            }
            writes.insert(channel.clone(), bound.template.clone());
        }
        writes
    }
}

/// The type of `state` in expressions.
pub(super) fn state_type(channels: &Channels) -> Option<Type> {
    let fields = channels.iter().map(|(name, channel)| (name.clone(), channel.ty.clone().into()));
    (!channels.is_empty()).then(|| Kind::Record(fields.collect()).into())
}
