//! Nodes that run a program: its text, what it is given, what it may use.
//!
//! A text is taken as it stands: values come to a program as its input, and never as a part of what it does. Only a
//! text that is one expression is computed, as that of a program which a model wrote.

use indexmap::IndexMap;

use super::Checker;
use super::site::Bound;
use crate::diagnostic::{Finding, Span, short};
use crate::document::{Data, Node};
use crate::expr::Template;
use crate::grant::{HostPattern, Label};
use crate::value::Value;

/// Keys of such a node that hold values, beside `with:`.
pub(super) const KEYS: &[&str] = &["source", "files"];

/// What is bound to the ports of a node, with the places of their names.
pub(super) type Ports = IndexMap<String, (Span, Bound)>;

impl Checker<'_> {
    /// The inputs of the node: `source`, `input`, `files`. Says what of its other keys cannot be.
    pub(super) fn program(&self, node: &Node, ty: Span) -> Ports {
        let mut ports = Ports::new();
        if let Some(entry) = node.get("with") {
            self.map(&entry.value, "a map of names to what the program sees under them in `input`");
            ports.insert("input".into(), (entry.key_span, self.bound_value(&entry.value)));
        }
        if let Some(entry) = node.get("files") {
            self.map(&entry.value, "a map of names to texts and media handles");
            ports.insert("files".into(), (entry.key_span, self.bound_value(&entry.value)));
        }
        match (node.get("source"), node.get("file")) {
            (Some(entry), None) => {
                ports.insert("source".into(), (entry.key_span, self.source(&entry.value)));
            }
            (None, Some(entry)) => {
                let name = entry.value.as_str().unwrap_or_default();
                if let Err(why) = self.signatures.file(name) {
                    self.find(Finding::error("CG0312", entry.value.span, why));
                }
            }
            (source, _) => {
                let (code, span) = source.map_or(("CG0102", ty), |at| ("CG0110", at.key_span));
                let message = "this node runs one program: write one of `source:`, `file:`";
                self.find(Finding::error(code, span, message));
            }
        }
        self.program_uses(node);
        ports
    }

    /// A text as it stands, or what one expression gives.
    fn source(&self, node: &Node) -> Bound {
        let text = node.as_str().unwrap_or_default();
        let computed = text.trim().starts_with("${")
            && matches!(Template::parse(text.trim()), Ok(Template::Expr(_)));
        if computed || node.as_str().is_none() {
            return self.bound_value(node);
        }
        let template = Template::Literal(Value::from(text));
        Bound { template, sites: Vec::new(), span: node.span, broken: false }
    }

    /// The tools and hosts that the program may use, and the plugin that runs it.
    fn program_uses(&self, node: &Node) {
        for tool in items(node, "tools") {
            let Some(name) = tool.as_str() else { continue };
            let known = name.contains('.') && matches!(self.signatures.find(name), Ok(Some(_)));
            if !known || name.parse::<Label>().is_err() {
                let message = format!("there is no tool `{}`", short(&name));
                let help = "a tool is named as `alias.tool`, with its plugin under `use:`";
                self.find(Finding::error("CG0301", tool.span, message).help(help));
            }
        }
        for host in items(node, "network") {
            match host.as_str().map(str::parse::<HostPattern>) {
                Some(Ok(_)) => {}
                Some(Err(why)) => self.find(Finding::error("CG0206", host.span, why.to_string())),
                None => self.shape(host, "the name of a host"),
            }
        }
        if let Some(entry) = node.get("network")
            && !matches!(entry.value.data, Data::List(_))
            && entry.value.as_str() != Some("none")
        {
            self.shape(&entry.value, "`none`, or a list of hosts");
        }
        let lang = node.get("lang").and_then(|entry| entry.value.as_str().zip(Some(&entry.value)));
        if let Some((lang, at)) = lang
            && let Some(why) = self.signatures.broken(&crate::signature::interpreter(lang))
        {
            let message = format!("programs of `{}` cannot be run: {why}", short(&lang));
            self.find(Finding::error("CG0302", at.span, message));
        }
    }
}

/// The items of a list under a key; none when there is no list.
fn items<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    match node.get(key).map(|entry| &entry.value.data) {
        Some(Data::List(items)) => items,
        _ => &[],
    }
}
