//! `templates:` of a flow, and nodes that `extends` one: the shape of a node, written once and used often.
//!
//! A template is no construct of the graph. A node that uses one is written out, before anything else looks at it, as the
//! node that somebody would have written by hand: maps are merged key by key, what is nearer wins, lists and scalars are
//! replaced as a whole, and `params.name` becomes what the node says. So the graph shows nodes and the identity of a flow
//! does not depend on how it was written. What is found in a template says which node uses it.

use std::cell::{Cell, RefCell};

use indexmap::IndexMap;

use super::made::{Said, data};
use super::{Checker, keys};
use crate::address::NodeId;
use crate::diagnostic::{Finding, Span};
use crate::document::{self, Data, Entry, Node};
use crate::expr::{Expr, Rewritten, Template as Text, rewrite};
use crate::types::Field;
use crate::value::Value;

mod capture;

/// Templates that extend each other in a row: more nobody can follow.
pub const MAX_EXTENDS: usize = 8;

/// Keys and values that templates are written out to: as many as a file may have, so that a small file is no large flow.
pub const MAX_WRITTEN_OUT: usize = document::MAX_NODES;

/// Levels of templates whose nodes use templates, all together: as deep as a file may be.
const MAX_LEVELS: usize = document::MAX_DEPTH;

/// Keys whose value is an expression without `${…}`.
const BARE: [&str; 5] = ["map", "when", "while", "until", "where"];

/// The name by which a template reads what it is given.
const PARAMS: &str = "params";

/// The templates of a flow, by name.
pub(super) type Templates = IndexMap<String, Option<Template>>;

/// A template with all that it extends.
#[derive(Clone, Debug)]
pub(super) struct Template {
    params: IndexMap<String, Field>,
    /// Without `params` and `extends`.
    node: Node,
    levels: usize,
}

/// One use of a template: places in what was written out name it.
#[derive(Debug)]
struct Use {
    template: String,
    /// Of the node that uses it.
    id: String,
    span: Span,
    /// Levels of this one and those around it.
    levels: usize,
}

/// What was written out so far.
#[derive(Debug, Default)]
pub(super) struct Uses {
    all: RefCell<Vec<Use>>,
    written: Cell<usize>,
}

/// What a node gives a template, to be held against its type.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) name: String,
    pub(super) bound: super::site::Bound,
    pub(super) field: Field,
}

/// A node that was written out.
pub(super) struct Extended {
    pub(super) entry: Entry,
    pub(super) given: Vec<Given>,
}

impl Uses {
    /// The finding with the place of the node whose template it is in.
    pub(super) fn located(&self, finding: Finding) -> Finding {
        let all = self.all.borrow();
        let mut used = finding.span.used;
        let mut found = None;
        // The outermost one: it stands among the nodes.
        while let Some(one) = used.checked_sub(1).and_then(|at| all.get(at as usize)) {
            found = Some(one);
            used = one.span.used;
        }
        match found {
            Some(one) if finding.second.is_none() => {
                finding.and(one.span, format!("`{}` extends `{}` here", one.id, one.template))
            }
            _ => finding,
        }
    }
}

impl Checker<'_> {
    /// The key `templates:` of a flow.
    pub(super) fn templates(&self, root: &Node) -> Templates {
        let Some(entry) = root.get("templates") else { return Templates::new() };
        let entries = self.map(&entry.value, "a map of names to templates");
        let mut done = Templates::new();
        for entry in entries {
            if let Err(error) = entry.key.parse::<NodeId>() {
                self.find(Finding::error("CG0105", entry.key_span, error.to_string()));
            }
            self.whole_template(entry, entries, &mut Vec::new(), &mut done);
        }
        done
    }

    fn wrong_template(&self, span: Span, message: String, help: &str) {
        self.find(Finding::error("CG0335", span, message).help(help));
    }

    /// Reads a template after those that it extends.
    fn whole_template<'n>(
        &self,
        entry: &'n Entry,
        all: &'n [Entry],
        below: &mut Vec<&'n str>,
        done: &mut Templates,
    ) -> Option<Template> {
        if let Some(known) = done.get(&*entry.key) {
            return known.clone();
        }
        below.push(&entry.key);
        let read = self.read_template(entry, all, below, done);
        below.pop();
        done.insert(entry.key.to_string(), read.clone());
        read
    }

    fn read_template<'n>(
        &self,
        entry: &'n Entry,
        all: &'n [Entry],
        below: &mut Vec<&'n str>,
        done: &mut Templates,
    ) -> Option<Template> {
        if !matches!(entry.value.data, Data::Map(_)) {
            self.shape(&entry.value, "a template: the keys of a node, with `params`");
            return None;
        }
        let params = entry.value.get(PARAMS).map(|own| self.ports(&own.value)).unwrap_or_default();
        let own = without(&entry.value, &keys::EXTENDS);
        let Some(extends) = entry.value.get("extends") else {
            let levels = levels(&own);
            return Some(Template { params, node: own, levels });
        };
        let name = extends.value.as_str().unwrap_or_default();
        if below.contains(&name) || below.len() >= MAX_EXTENDS {
            let circle = below.contains(&name);
            let message = match circle {
                true => {
                    format!("these templates extend each other: {} → {name}", below.join(" → "))
                }
                false => format!("templates extend each other {MAX_EXTENDS} deep, and no deeper"),
            };
            self.wrong_template(extends.value.span, message, "leave one `extends` out");
            return None;
        }
        let Some(base) = all.iter().find(|other| *other.key == *name) else {
            self.no_template(&extends.value, all.iter().map(|entry| &*entry.key));
            return None;
        };
        let mut base = self.whole_template(base, all, below, done)?;
        base.params.extend(params);
        let node = merged(&base.node, &own);
        let levels = levels(&node);
        Some(Template { params: base.params, node, levels })
    }

    fn no_template<'n>(&self, named: &Node, all: impl Iterator<Item = &'n str>) {
        let name = named.as_text().unwrap_or_default();
        let all: Vec<&str> = all.collect();
        let near = self.hints.near(&name, all.iter().copied());
        let help = near.unwrap_or_else(|| match all.is_empty() {
            true => format!("write it: `templates: {{ {name}: {{ type: … }} }}`"),
            false => format!("there are {}", all.join(", ")),
        });
        let message = format!("there is no template `{name}` under `templates:`");
        self.wrong_template(named.span, message, &help);
    }

    /// The node that one with `extends` stands for; nothing when it uses no template.
    pub(super) fn extended(
        &self,
        entry: &Entry,
        templates: &Templates,
    ) -> Option<Result<Extended, Said>> {
        let named = &entry.value.get("extends")?.value;
        let Some(name) = named.as_str() else {
            self.shape(named, "the name of a template");
            return Some(Err(Said));
        };
        let template = match templates.get(name) {
            Some(Some(template)) => template,
            // Said where it is written.
            Some(None) => return Some(Err(Said)),
            None => {
                self.no_template(named, templates.keys().map(String::as_str));
                return Some(Err(Said));
            }
        };
        Some(self.write_out(entry, named, name, template))
    }

    fn write_out(
        &self,
        entry: &Entry,
        named: &Node,
        name: &str,
        template: &Template,
    ) -> Result<Extended, Said> {
        let used = self.begin_use(entry, named, name, template)?;
        let (values, given) = self.given(entry, named, template)?;
        let before = self.findings.borrow().len();
        let written = Filling { checker: self, values: &values, used, name };
        let node = written.node(&template.node, false);
        let value = merged(&node, &without(&entry.value, &keys::EXTENDS));
        let value = Node { span: entry.value.span, ..value };
        capture::refuse(self, &value, &given);
        if self.findings.borrow().len() > before {
            return Err(Said);
        }
        Ok(Extended { entry: Entry { value, ..entry.clone() }, given })
    }

    /// Counts what is written out, and finds templates whose nodes use them again.
    fn begin_use(
        &self,
        entry: &Entry,
        named: &Node,
        name: &str,
        template: &Template,
    ) -> Result<u32, Said> {
        let mut all = self.uses.all.borrow_mut();
        let mut around = entry.key_span.used;
        let outer = around.checked_sub(1).map_or(0, |at| all[at as usize].levels);
        let mut within = Vec::new();
        while let Some(one) = around.checked_sub(1).map(|at| &all[at as usize]) {
            within.push(one.template.clone());
            around = one.span.used;
        }
        let levels = outer + template.levels;
        let count = self.uses.written.get() + size(&template.node);
        let wrong = match () {
            () if within.iter().any(|outer| outer == name) => {
                Some(format!("`{name}` uses itself: its nodes would have no end"))
            }
            () if levels > MAX_LEVELS => Some(format!(
                "templates in each other are {levels} levels deep; at most {MAX_LEVELS}"
            )),
            () if count > MAX_WRITTEN_OUT => Some(format!(
                "templates are written out to {MAX_WRITTEN_OUT} keys and values at most"
            )),
            () => None,
        };
        if let Some(message) = wrong {
            drop(all);
            self.wrong_template(named.span, message, "write the node itself here");
            return Err(Said);
        }
        self.uses.written.set(count);
        let (template, id, span) = (name.to_owned(), entry.key.to_string(), entry.key_span);
        all.push(Use { template, id, span, levels });
        Ok(u32::try_from(all.len()).expect("fewer uses than bytes"))
    }

    /// What a node gives to the params of a template, and what of it has to fit.
    fn given(
        &self,
        entry: &Entry,
        named: &Node,
        template: &Template,
    ) -> Result<(IndexMap<String, Node>, Vec<Given>), Said> {
        let before = self.findings.borrow().len();
        let wrong = |span: Span, message: String, help: Option<String>| {
            self.find(Finding::error("CG0336", span, message).maybe_help(help));
        };
        let written = entry.value.get(PARAMS);
        let written = written.map_or(&[][..], |own| self.map(&own.value, "a map of params"));
        let (mut values, mut given) = (IndexMap::new(), Vec::new());
        for own in written {
            let Some(field) = template.params.get(&*own.key) else {
                let known = template.params.keys().map(String::as_str);
                let near = self.hints.near(&own.key, known);
                wrong(own.key_span, format!("the template has no param `{}`", own.key), near);
                continue;
            };
            values.insert(own.key.to_string(), own.value.clone());
            let (name, bound) = (own.key.to_string(), self.bound_value(&own.value));
            given.push(Given { name, bound, field: field.clone() });
        }
        for (name, field) in &template.params {
            if values.contains_key(name) {
                continue;
            }
            if field.default.is_none() && !field.may_be_absent() {
                let message = format!("the template needs the param `{name}: {}`", field.ty);
                let help = format!("give it: `params: {{ {name}: … }}`");
                wrong(named.span, message, Some(help));
                continue;
            }
            let default = field.default.clone().unwrap_or_default();
            values.insert(name.clone(), data(&default, named.span));
        }
        match self.findings.borrow().len() == before {
            true => Ok((values, given)),
            false => Err(Said),
        }
    }
}

/// Puts what is given into a template.
struct Filling<'f, 'c> {
    checker: &'f Checker<'c>,
    values: &'f IndexMap<String, Node>,
    /// Which use it is.
    used: u32,
    name: &'f str,
}

impl Filling<'_, '_> {
    fn at(&self, span: Span) -> Span {
        Span { used: self.used, ..span }
    }

    /// A node of the template; `bare` when its text is an expression without `${…}`.
    fn node(&self, node: &Node, bare: bool) -> Node {
        let span = self.at(node.span);
        let data = match &node.data {
            Data::Scalar(Value::String(text)) if text.contains(PARAMS) => {
                return self.text(text, bare, span);
            }
            Data::Scalar(value) => Data::Scalar(value.clone()),
            Data::List(items) => {
                Data::List(items.iter().map(|item| self.node(item, bare)).collect())
            }
            Data::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        key: entry.key.clone(),
                        key_span: self.at(entry.key_span),
                        value: self.node(&entry.value, self.is_bare(entry, bare)),
                    })
                    .collect(),
            ),
        };
        Node { span, data }
    }

    /// Whether the text under a key is an expression; so are the columns of a table.
    fn is_bare(&self, entry: &Entry, around: bool) -> bool {
        let text = matches!(entry.value.data, Data::Scalar(_));
        match &*entry.key {
            "inputs" => true,
            key => text && (around || BARE.contains(&key)),
        }
    }

    fn text(&self, text: &str, bare: bool, span: Span) -> Node {
        let plain = |text: &str| Node { span, data: Data::Scalar(text.into()) };
        if bare {
            let inner = text.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            let expr = Expr::parse(inner.unwrap_or(text));
            // What does not parse is told where it is read.
            return plain(&expr.map_or_else(|_| text.into(), |expr| self.source(&expr, span)));
        }
        let given = |expr: &Expr| alone(expr.source()).and_then(|name| self.values.get(name));
        if let Ok(Text::Expr(expr)) = Text::parse(text)
            && let Some(value) = given(&expr)
        {
            return value.clone();
        }
        plain(&rewrite(text, |expr| match given(expr).and_then(literal_text) {
            Some(text) => Rewritten::Text(text),
            None => Rewritten::Source(self.source(expr, span)),
        }))
    }

    /// An expression in which each param is what the node gives.
    fn source(&self, expr: &Expr, span: Span) -> String {
        let mut source = expr.source().to_owned();
        let wrong = |message: String, help: &str| {
            self.checker.find(Finding::error("CG0336", span, message).help(help));
        };
        let mut references = expr.references();
        references.retain(|reference| &*reference.name == PARAMS);
        references.sort_by_key(|reference| std::cmp::Reverse(reference.at.start));
        for reference in references {
            if reference.guarded {
                let message = "a param is always there, so `has(…)` tells nothing";
                wrong(message.to_owned(), "ask whether it is nothing: `params.name == null`");
                continue;
            }
            let rest = &source[reference.at.end..];
            let path = rest.trim_start().strip_prefix('.').map(str::trim_start);
            let word = path.map_or("", |path| &path[..word_of(path)]);
            let end = path.map_or(reference.at.end, |path| source.len() - path.len() + word.len());
            let Some(value) = self.values.get(word) else {
                let known: Vec<&str> = self.values.keys().map(String::as_str).collect();
                let near = self.checker.hints.near(word, known.iter().copied());
                let message = match word {
                    "" => "`params` is read by name: `params.name`".to_owned(),
                    word => format!("the template `{}` has no param `{word}`", self.name),
                };
                wrong(message, &near.unwrap_or_else(|| format!("there are {}", known.join(", "))));
                continue;
            };
            match source_of(value) {
                Some(value) => source.replace_range(reference.at.start..end, &value),
                None => {
                    let message =
                        format!("`params.{word}` has expressions inside, and is read in one");
                    wrong(
                        message,
                        "give one expression: `${…}`, or read it alone: `${params.name}`",
                    );
                }
            }
        }
        source
    }
}

/// The name of the param, when an expression is nothing else.
fn alone(source: &str) -> Option<&str> {
    let name = source.trim().strip_prefix(PARAMS)?.trim_start().strip_prefix('.')?.trim_start();
    (!name.is_empty() && word_of(name) == name.len()).then_some(name)
}

/// Bytes of the word that a text begins with.
fn word_of(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// A literal that reads the same in the middle of a text.
fn literal_text(node: &Node) -> Option<String> {
    match &node.data {
        Data::Scalar(value) if !is_expression(node) && !value.is_null() => Some(value.to_string()),
        _ => None,
    }
}

fn is_expression(node: &Node) -> bool {
    node.as_str().is_some_and(|text| text.contains("${"))
}

/// What is given as an expression; nothing when it has expressions inside and is none.
fn source_of(node: &Node) -> Option<String> {
    if let Some(text) = node.as_str().filter(|_| is_expression(node)) {
        let Ok(Text::Expr(expr)) = Text::parse(text) else { return None };
        return Some(format!("({})", expr.source()));
    }
    plain(node).then(|| node.to_value().to_json())
}

/// Whether there is no expression in it.
fn plain(node: &Node) -> bool {
    match &node.data {
        Data::Scalar(_) => !is_expression(node),
        Data::List(items) => items.iter().all(plain),
        Data::Map(entries) => entries.iter().all(|entry| plain(&entry.value)),
    }
}

/// One over the other: maps key by key, anything else as a whole.
fn merged(base: &Node, over: &Node) -> Node {
    let (Data::Map(below), Data::Map(above)) = (&base.data, &over.data) else {
        return over.clone();
    };
    let mut entries = below.clone();
    for entry in above {
        match entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => {
                known.value = merged(&known.value, &entry.value);
                known.key_span = entry.key_span;
            }
            None => entries.push(entry.clone()),
        }
    }
    Node { span: over.span, data: Data::Map(entries) }
}

fn without(node: &Node, keys: &[&str]) -> Node {
    let kept = node.entries().iter().filter(|entry| !keys.contains(&&*entry.key)).cloned();
    Node { span: node.span, data: Data::Map(kept.collect()) }
}

fn inner(node: &Node) -> Box<dyn Iterator<Item = &Node> + '_> {
    match &node.data {
        Data::Scalar(_) => Box::new(std::iter::empty()),
        Data::List(items) => Box::new(items.iter()),
        Data::Map(entries) => Box::new(entries.iter().map(|entry| &entry.value)),
    }
}

fn levels(node: &Node) -> usize {
    1 + inner(node).map(levels).max().unwrap_or_default()
}

fn size(node: &Node) -> usize {
    1 + inner(node).map(|node| 1 + size(node)).sum::<usize>()
}
