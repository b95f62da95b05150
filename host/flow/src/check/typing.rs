//! Third pass: types, in an order in which each is known before it is read. What comes out is the graph.

mod blocks;
mod waits;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;

use super::Checker;
use super::bound::may_be_skipped;
use super::draft::{Draft, DraftKind, DraftLeaf, DraftNode};
use super::order::Order;
use super::site::{Bound, Site};
use super::templates::Given;
use crate::diagnostic::{Finding, Hints, Span, short};
use crate::expr::{Template, TypeNames, infer_value, unify_types};
use crate::graph::{GraphNode, Leaf, NodeKind, Scope, VERIFIES};
use crate::types::{Field, GUARDED_LABEL, Kind, Misfit, Type, fits, validate};
use crate::value::Value;

/// `input` and `run`.
pub(super) struct Outermost<'c> {
    input: Type,
    run: Type,
    /// Of the state channels, when the flow has some.
    state: Option<Type>,
    hints: &'c Hints,
}

impl<'c> Outermost<'c> {
    pub(super) fn new(
        input: &IndexMap<String, Field>,
        state: Option<Type>,
        hints: &'c Hints,
    ) -> Self {
        let cost = Type::from(Kind::Record(
            [("usd".to_owned(), Type::from(Kind::Float).into())].into_iter().collect(),
        ));
        let run = [
            ("id".to_owned(), Type::from(Kind::String).into()),
            ("flow".to_owned(), Type::from(Kind::String).into()),
            ("cost".to_owned(), cost.into()),
        ];
        // A field with a default is there when the run begins; `opt` stays `opt`.
        Self {
            input: Kind::Record(input.clone()).into(),
            run: Kind::Record(run.into_iter().collect()).into(),
            state,
            hints,
        }
    }
}

impl TypeNames for Outermost<'_> {
    fn get(&self, name: &str) -> Option<&Type> {
        match name {
            "input" => Some(&self.input),
            "run" => Some(&self.run),
            "state" => self.state.as_ref(),
            _ => None,
        }
    }

    fn all(&self) -> Vec<String> {
        let state = self.state.as_ref().map(|_| "state".into());
        ["input".into(), "run".into()].into_iter().chain(state).collect()
    }

    fn hints(&self) -> &Hints {
        self.hints
    }
}

/// A scope inside another.
pub(super) struct Inner<'o> {
    outer: &'o dyn TypeNames,
    own: HashMap<String, Type>,
    /// Nodes whose turn has not come: they are not known yet, but may be what was meant.
    draft: &'o Draft,
}

impl TypeNames for Inner<'_> {
    fn get(&self, name: &str) -> Option<&Type> {
        self.own.get(name).or_else(|| self.outer.get(name))
    }

    fn all(&self) -> Vec<String> {
        let mut all = self.outer.all();
        all.extend(self.own.keys().cloned());
        all.extend(self.draft.nodes.iter().map(|node| node.id.to_string()));
        all.sort();
        all
    }

    fn hints(&self) -> &Hints {
        self.outer.hints()
    }
}

impl Checker<'_> {
    /// Types the outermost scope, and then the record that is read from its end.
    pub(super) fn type_scope(
        &self,
        draft: &Draft,
        order: &Order,
        outer: &dyn TypeNames,
        output: &IndexMap<String, Bound>,
    ) -> (Scope, Type) {
        let (scope, names) = self.type_nodes(draft, order, outer, HashMap::new());
        let mut fields = IndexMap::with_capacity(output.len());
        let skipped = may_be_skipped(&scope);
        for (name, bound) in output {
            let ty = self.type_end(bound, &names, &skipped);
            self.refuse_secret(&ty, bound.span, "the output of a flow");
            fields.insert(name.clone(), Field::from(ty));
        }
        drop(skipped);
        (scope, Kind::Record(fields).into())
    }

    fn type_nodes<'o>(
        &self,
        draft: &'o Draft,
        order: &Order,
        outer: &'o dyn TypeNames,
        own: HashMap<String, Type>,
    ) -> (Scope, Inner<'o>) {
        let mut names = Inner { outer, own, draft };
        let mut nodes = Vec::with_capacity(draft.nodes.len());
        let mut spans = Vec::with_capacity(draft.nodes.len());
        for (at, needs) in order.sorted.iter().zip(&order.edges) {
            let node = &draft.nodes[*at];
            let body = |case| order.bodies.get(&(*at, case)).map(|body| &**body);
            self.type_given(node, &names);
            let (kind, output) = self.type_node(node, &body, &names);
            names.own.insert(node.id.to_string(), output.clone());
            let compensate = node.undo.as_ref().zip(body(0)).map(|(undo, order)| {
                Box::new(self.type_nodes(undo, order, &names, HashMap::new()).0)
            });
            let verify = node.verify.as_ref().zip(body(VERIFIES));
            let verify = verify.map(|(verify, order)| {
                let own = HashMap::from([("attempt".to_owned(), attempt_type())]);
                let scope = self.type_nodes(verify, order, &names, own).0;
                self.type_verify(node, &scope, &output);
                Box::new(scope)
            });
            let write = self.type_writes(node, &names);
            spans.push(node.span);
            nodes.push(GraphNode {
                id: node.id.clone(),
                kind,
                needs: needs.clone(),
                join: node.join,
                compensate,
                verify,
                deadline: node.times.deadline,
                idle: node.times.idle,
                write,
                output,
            });
        }
        let scope = Scope { nodes };
        self.never_run(&scope, &spans);
        (scope, names)
    }

    /// Holds what a node gives to a template against the types of its params.
    fn type_given(&self, node: &DraftNode, names: &Inner<'_>) {
        for Given { name, bound, field } in &node.given {
            let from = self.type_bound(bound, names);
            if let Err(refused) = fit_parts(&bound.template, &from, field) {
                let code = if refused.label { "CG0209" } else { "CG0206" };
                let message = format!("param `{name}`: {}", refused.why);
                let finding = Finding::error(code, bound.span, message);
                self.find(finding.help(format!("the template takes a `{}`", short(&field.ty))));
            }
        }
    }

    fn type_node<'o>(
        &self,
        node: &'o DraftNode,
        body: &dyn Fn(usize) -> Option<&'o Order>,
        names: &Inner<'_>,
    ) -> (NodeKind, Type) {
        match &node.kind {
            DraftKind::Leaf(leaf) => self.type_leaf(node, leaf, names),
            DraftKind::Switch(switch) => self.type_switch(switch, body, names),
            DraftKind::Map(map) => self.type_map(map, body, names),
            DraftKind::Loop(looped) => self.type_loop(looped, body, names),
            DraftKind::Parallel(branches) => self.type_parallel(branches, body, names),
            DraftKind::Race(branches) => self.type_race(branches, body, names),
            DraftKind::Try(guarded) => self.type_try(guarded, body, names),
            DraftKind::Wait(wait) => self.type_wait(wait, names),
            DraftKind::Human(human) => self.type_human(human, names),
            DraftKind::Emit(emit) => self.type_emit(emit, names),
            DraftKind::Broken => (NodeKind::Switch { cases: Vec::new() }, Kind::Any.into()),
        }
    }

    fn type_leaf(&self, node: &DraftNode, leaf: &DraftLeaf, names: &Inner<'_>) -> (NodeKind, Type) {
        let signature = &leaf.signature;
        let mut output = leaf.output.as_ref().unwrap_or(&signature.output).clone();
        let mut inputs = HashMap::new();
        for (port, (key_span, bound)) in &leaf.with {
            let from = self.type_bound(bound, names);
            let field = signature.input.get(port);
            match field {
                Some(_) if bound.broken => {}
                Some(field) => self.fit(&bound.template, &from, field, port, bound.span, node),
                None if signature.open => self.refuse_secret(&from, bound.span, "this node"),
                None => self.unknown_port(port, *key_span, leaf),
            }
            // A port that names a label answers for it; every other label goes on with the value.
            let named = field.map(|field| &field.ty.labels);
            let on = from
                .labels
                .iter()
                .filter(|label| !named.is_some_and(|named| named.contains(*label)));
            output.labels.extend(on.cloned());
            if leaf.text.is_some() {
                inputs.insert(port.clone(), from.into_owned());
            }
        }
        self.type_text(leaf, &inputs);
        let mut defaults = IndexMap::new();
        for (port, field) in
            signature.input.iter().filter(|(port, _)| !leaf.with.contains_key(*port))
        {
            if let Some(default) = &field.default {
                defaults.insert(port.clone(), default.clone());
            } else if !field.may_be_absent() {
                let message =
                    format!("`{}` needs the input `{port}: {}`", node.id, short(&field.ty));
                let help = format!("bind it: `with: {{ {port}: … }}`");
                self.find(Finding::error("CG0207", node.span, message).help(help));
            }
        }
        let with = leaf
            .with
            .iter()
            .map(|(port, (_, bound))| (port.clone(), bound.template.clone()))
            .collect();
        let (uses, config, policy) = (leaf.uses.clone(), leaf.config.clone(), leaf.policy.clone());
        let guard = leaf.guard.clone();
        let asset = leaf.asset.as_ref().map(|asset| self.type_asset(node, asset, &policy, names));
        let leaf = Leaf { uses, with, config, defaults, policy, guard, asset };
        (NodeKind::Leaf(Arc::new(leaf)), output)
    }

    /// What is found out says whether the step happened, and then its value.
    fn type_verify(&self, node: &DraftNode, scope: &Scope, output: &Type) {
        let (Some(verify), Some(written)) = (scope.nodes.first(), &node.verify) else { return };
        if let NodeKind::Human(_) = verify.kind {
            // The form was made for the value.
            return;
        }
        let span = written.nodes.first().map_or(node.span, |verify| verify.span);
        let value = Field::from(output.clone());
        let wanted = [("happened".to_owned(), Field::from(Type::from(Kind::Bool)))];
        let wanted = wanted.into_iter().chain([("value".to_owned(), value)]).collect();
        if let Err(misfit) = fits(&verify.output, &Kind::Record(wanted).into()) {
            let message = format!("what finds out whether `{}` happened: {misfit}", node.id);
            let help = format!("it gives `{{ happened: bool, value: {} }}`", short(output));
            self.find(Finding::error("CG0333", span, message).help(help));
        }
    }

    fn unknown_port(&self, port: &str, span: Span, leaf: &DraftLeaf) {
        let ports = &leaf.signature.input;
        let near = self.hints.near(port, ports.keys().map(String::as_str));
        let help = near.unwrap_or_else(|| {
            let all: Vec<&str> = ports.keys().map(String::as_str).collect();
            if all.is_empty() {
                "it takes no input".into()
            } else {
                format!("it takes {}", short(&all.join(", ")))
            }
        });
        let message = format!("`{}` has no input {port:?}", leaf.uses);
        self.find(Finding::error("CG0208", span, message).help(help));
    }

    /// Whether a value fits a port: literals by their value, everything else by its type.
    fn fit(
        &self,
        template: &Template,
        from: &Type,
        field: &Field,
        port: &str,
        span: Span,
        node: &DraftNode,
    ) {
        let refused = match fit_parts(template, from, field) {
            Ok(()) => return,
            Err(refused) => refused,
        };
        let code = if refused.label { "CG0209" } else { "CG0206" };
        let message = format!("input `{port}`: {}", refused.why);
        let finding = Finding::error(code, span, message);
        self.find(finding.and(node.span, format!("its input `{port}` is `{}`", short(&field.ty))));
    }

    fn refuse_secret(&self, ty: &Type, span: Span, place: &str) {
        if ty.labels.contains(GUARDED_LABEL) {
            let message = format!("a value labelled `@{GUARDED_LABEL}` may not flow into {place}");
            self.find(Finding::error("CG0209", span, message));
        }
    }

    fn type_site<'n>(&self, site: &Site, names: &'n dyn TypeNames) -> Cow<'n, Type> {
        let inferred = site.expr.infer(names);
        for problem in inferred.problems {
            let full = self.findings.borrow().full(problem.code);
            let span = if full { site.span } else { site.at(self.text, &problem.at) };
            self.find(Finding::error(problem.code, span, problem.message).maybe_help(problem.help));
        }
        inferred.ty
    }

    pub(super) fn type_bound<'n>(&self, bound: &Bound, names: &'n dyn TypeNames) -> Cow<'n, Type> {
        if bound.broken {
            return Cow::Owned(Kind::Any.into());
        }
        let mut sites = bound.sites.iter().map(|site| self.type_site(site, names));
        type_template(&bound.template, &mut sites)
    }

    /// What is read from the end of a scope: `null` when it speaks of a node that was `skipped`. An expression that asks
    /// with `has(…)` is taken to cope.
    fn type_end(&self, bound: &Bound, names: &dyn TypeNames, skipped: &BTreeSet<&str>) -> Type {
        let ty = self.type_bound(bound, names).into_owned();
        let absent = bound.sites.iter().any(|site| {
            let read = || site.expr.references().into_iter().filter(|r| skipped.contains(&*r.name));
            read().next().is_some() && read().all(|reference| !reference.guarded)
        });
        match &ty.kind {
            Kind::Any | Kind::Json | Kind::Opt(_) => ty,
            _ if absent => {
                let labels = ty.labels.clone();
                Type { kind: Kind::Opt(Box::new(ty)), labels }
            }
            _ => ty,
        }
    }

    fn type_truth(&self, site: &Site, names: &dyn TypeNames) {
        let ty = self.type_site(site, names);
        if !matches!(ty.kind, Kind::Bool | Kind::Any | Kind::Json) {
            let span = site.at(self.text, &(0..site.expr.source().len()));
            self.find(Finding::error(
                "CG0203",
                span,
                format!("expected true or false, found `{}`", short(&ty)),
            ));
        }
    }
}

/// What is known of an attempt of which nobody knows whether it happened.
fn attempt_type() -> Type {
    "record{key: string, number: int}".parse().expect("a type")
}

/// The type of `null`.
fn nothing() -> Type {
    infer_value(&Value::Null)
}

fn type_template<'n>(
    template: &Template,
    sites: &mut dyn Iterator<Item = Cow<'n, Type>>,
) -> Cow<'n, Type> {
    let mut next = || sites.next().unwrap_or_else(|| Cow::Owned(Kind::Any.into()));
    let ty = match template {
        Template::Literal(value) => infer_value(value),
        Template::Expr(_) => return next(),
        Template::Text(parts) => {
            let mut labels = BTreeSet::new();
            for part in parts {
                if let crate::expr::Part::Expr(_) = part {
                    labels.extend(next().labels.iter().cloned());
                }
            }
            Type { kind: Kind::String, labels }
        }
        Template::List(items) => {
            let types: Vec<Type> =
                items.iter().map(|item| type_template(item, sites).into_owned()).collect();
            let labels = types.iter().flat_map(|ty| ty.labels.clone()).collect();
            let of = types.into_iter().reduce(|a, b| unify_types(&a, &b));
            Type { kind: Kind::List(Box::new(of.unwrap_or_else(|| Kind::Any.into()))), labels }
        }
        Template::Record(fields) => {
            let mut labels = BTreeSet::new();
            let mut typed = IndexMap::new();
            for (name, field) in fields {
                let ty = type_template(field, sites).into_owned();
                labels.extend(ty.labels.iter().cloned());
                typed.insert(name.clone(), Field::from(ty));
            }
            Type { kind: Kind::Record(typed), labels }
        }
    };
    Cow::Owned(ty)
}

pub(super) struct Refused {
    pub(super) why: String,
    /// Because of a label, not of the shape.
    pub(super) label: bool,
}

pub(super) fn fit_parts(template: &Template, from: &Type, field: &Field) -> Result<(), Refused> {
    match (template, &from.kind, &field.ty.kind) {
        (Template::Literal(value), ..) => {
            let ports = IndexMap::from([("value".to_owned(), field.clone())]);
            let record = Value::record([("value", value.clone())]);
            let measured = field.min.is_some() || field.max.is_some();
            let checked = if measured {
                crate::types::validate_fields(&record, &ports)
            } else {
                validate(value, &field.ty)
            };
            checked.map(drop).map_err(|mismatch| Refused { why: mismatch.why, label: false })
        }
        (Template::Record(parts), Kind::Record(have), Kind::Record(want)) => {
            for (name, port) in want {
                match (parts.get(name), have.get(name)) {
                    (Some(part), Some(ty)) => fit_parts(part, &ty.ty, port)?,
                    _ if port.may_be_absent() => {}
                    _ => {
                        return Err(Refused {
                            why: format!("the field `{name}` is missing"),
                            label: false,
                        });
                    }
                }
            }
            Ok(())
        }
        _ => fits(from, &field.ty).map_err(|misfit| Refused {
            why: misfit.to_string(),
            label: matches!(misfit, Misfit::Label(_)),
        }),
    }
}
