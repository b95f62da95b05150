//! Types of blocks: what their bodies see, and what comes out of them.

use std::collections::{BTreeSet, HashMap};

use indexmap::IndexMap;

use super::super::Checker;
use super::super::bound::may_be_skipped;
use super::super::draft::{
    Draft, DraftBody, DraftBranches, DraftLoop, DraftMap, DraftSwitch, DraftTable, DraftTry,
};
use super::super::order::Order;
use super::super::site::{Bound, Site};
use super::{Inner, nothing};
use crate::diagnostic::{Finding, Findings, short};
use crate::expr::{Template, unify_types};
use crate::graph::{
    Body, Branches, Case, Catch, KEY, Loop, Map, NodeKind, OnItemError, Scope, Try,
};
use crate::types::{Field, Kind, Type, fits};

/// The orders of the bodies of a block, by number.
type Orders<'b, 'o> = &'b dyn Fn(usize) -> Option<&'o Order>;

fn order_of<'o>(orders: Orders<'_, 'o>, body: usize) -> &'o Order {
    orders(body).expect("a scope whose bodies have no order is not typed")
}

impl Checker<'_> {
    pub(super) fn type_switch<'o>(
        &self,
        switch: &'o DraftSwitch,
        body: Orders<'_, 'o>,
        names: &Inner<'_>,
    ) -> (NodeKind, Type) {
        let cases = &switch.cases;
        if let Some(table) = &switch.table {
            self.type_table(table, names);
        }
        let mut typed = Vec::with_capacity(cases.len());
        let mut value: Option<Type> = None;
        for (at, case) in cases.iter().enumerate() {
            case.when.iter().for_each(|site| self.type_truth(site, names));
            let body = case.body.as_ref().map(|draft| {
                let (body, ty) = self.type_body(draft, at, body, names, HashMap::new());
                value = Some(value.take().map_or(ty.clone(), |all| unify_types(&all, &ty)));
                body
            });
            typed.push(Case {
                when: case.when.as_ref().map(|site| site.expr.clone()),
                weight: case.weight,
                to: case.to.iter().filter_map(|(name, _)| name.parse().ok()).collect(),
                body,
            });
        }
        // Without a body to run, nothing comes of a switch but the way it went.
        let certain = typed.iter().all(|case| case.body.is_some())
            && typed.last().is_some_and(|case| case.when.is_none());
        let value = match value {
            Some(value) if certain => value,
            Some(value) => unify_types(&value, &nothing()),
            None => {
                let case = ("case".to_owned(), Field::from(Type::from(Kind::Int)));
                Kind::Record([case].into_iter().collect()).into()
            }
        };
        (NodeKind::Switch { cases: typed }, value)
    }

    /// Types the columns, and looks for what the rows leave out.
    fn type_table(&self, table: &DraftTable, names: &Inner<'_>) {
        let before = self.findings.borrow().len();
        let types = table.inputs.values().map(|site| self.type_site(site, names).into_owned());
        let types: Vec<Type> = types.collect();
        if self.findings.borrow().len() == before {
            self.lint_table(table, &types);
        }
    }

    pub(super) fn type_map<'o>(
        &self,
        map: &'o DraftMap,
        body: Orders<'_, 'o>,
        names: &Inner<'_>,
    ) -> (NodeKind, Type) {
        let over = self.type_site(&map.over, names);
        let mut item = match &over.kind {
            Kind::List(of) => (**of).clone(),
            Kind::Any | Kind::Json => Kind::Any.into(),
            _ => {
                let span = map.over.at(self.text, &(0..map.over.expr.source().len()));
                self.find(Finding::error(
                    "CG0203",
                    span,
                    format!("`map` needs a list, found `{}`", short(&over)),
                ));
                Kind::Any.into()
            }
        };
        item.labels.extend(over.labels.iter().cloned());
        let mut own =
            HashMap::from([(map.item.clone(), item), ("index".to_owned(), Kind::Int.into())]);
        if let Some(site) = &map.key {
            let key = self.type_key(site, names, own.clone());
            own.insert(KEY.to_owned(), key);
        }
        let (body, inner) = self.type_nodes(&map.body, order_of(body, 0), names, own);
        let mut out = self.type_end(&map.out, &inner, &may_be_skipped(&body));
        let labels = std::mem::take(&mut out.labels);
        if map.on_item_error == OnItemError::Collect {
            out = Kind::Any.into();
        }
        let kind = NodeKind::Map(Box::new(Map {
            over: map.over.expr.clone(),
            item: map.item.clone(),
            key: map.key.as_ref().map(|site| site.expr.clone()),
            concurrency: map.concurrency,
            max: map.max,
            on_item_error: map.on_item_error,
            body,
            out: map.out.template.clone(),
        }));
        let all = match map.key {
            Some(_) => Kind::Map(Box::new(out)),
            None => Kind::List(Box::new(out)),
        };
        (kind, Type { kind: all, labels })
    }

    fn type_key(&self, site: &Site, names: &Inner<'_>, own: HashMap<String, Type>) -> Type {
        let nobody = Draft { nodes: Vec::new() };
        let item = Inner { outer: names, own, draft: &nobody };
        let key = self.type_site(site, &item).into_owned();
        self.key_type(&key, site.at(self.text, &(0..site.expr.source().len())));
        key
    }

    /// A body with the type of what is read from its end.
    fn type_body<'o>(
        &self,
        draft: &'o DraftBody,
        number: usize,
        orders: Orders<'_, 'o>,
        names: &Inner<'_>,
        own: HashMap<String, Type>,
    ) -> (Body, Type) {
        let (nodes, inner) = self.type_nodes(&draft.nodes, order_of(orders, number), names, own);
        let skipped = may_be_skipped(&nodes);
        if let Some(each) = &draft.each {
            let typed = |(name, bound): (&String, &Bound)| {
                (name.clone(), Field::from(self.type_end(bound, &inner, &skipped)))
            };
            let ty = Kind::Record(each.iter().map(typed).collect()).into();
            let fields = each.iter().map(|(name, bound)| (name.clone(), bound.template.clone()));
            let out = Some(Template::Record(fields.collect()));
            drop(skipped);
            return (Body { nodes, out, each: true }, ty);
        }
        let out = draft.out.as_ref();
        let ty = out.map(|out| self.type_end(out, &inner, &skipped));
        let out = out.map(|out| out.template.clone());
        drop(skipped);
        (Body { nodes, out, each: false }, ty.unwrap_or_else(nothing))
    }

    /// The carried variables have the type of their first value. Where the next one is wider, they take the type of
    /// both, and the body is looked at once more with it.
    pub(super) fn type_loop<'o>(
        &self,
        looped: &'o DraftLoop,
        orders: Orders<'_, 'o>,
        names: &Inner<'_>,
    ) -> (NodeKind, Type) {
        let first = looped.carry.iter();
        let first =
            first.map(|(name, bound)| (name.clone(), self.type_bound(bound, names).into_owned()));
        let carried: IndexMap<String, Type> = first.collect();
        let before = self.findings.take();
        let (mut kind, mut ty, next) = self.type_iteration(looped, orders, names, &carried);
        let widened: IndexMap<String, Type> = carried
            .iter()
            .map(|(name, first)| {
                let next = next.get(name).filter(|next| fits(next, first).is_err());
                (name.clone(), next.map_or_else(|| first.clone(), |next| unify_types(first, next)))
            })
            .collect();
        if widened != carried {
            self.findings.replace(Findings::default());
            let again = self.type_iteration(looped, orders, names, &widened);
            (kind, ty) = (again.0, again.1);
            self.refuse_wider(looped, &widened, &again.2);
        }
        let found = self.findings.replace(before);
        found.finish().into_iter().for_each(|finding| self.find(finding));
        (kind, ty)
    }

    fn refuse_wider(
        &self,
        looped: &DraftLoop,
        carried: &IndexMap<String, Type>,
        next: &IndexMap<String, Type>,
    ) {
        for (name, next) in next {
            let Some((Err(misfit), (_, bound))) =
                carried.get(name).map(|ty| fits(next, ty)).zip(looped.next.get(name))
            else {
                continue;
            };
            let message = format!("`{name}` grows with each iteration: {misfit}");
            let help = format!("it begins as `{}`", short(&carried[name]));
            self.find(Finding::error("CG0206", bound.span, message).help(help));
        }
    }

    /// The loop with the variables of these types, and the types of their next values.
    fn type_iteration<'o>(
        &self,
        looped: &'o DraftLoop,
        orders: Orders<'_, 'o>,
        names: &Inner<'_>,
        carried: &IndexMap<String, Type>,
    ) -> (NodeKind, Type, IndexMap<String, Type>) {
        let own: HashMap<String, Type> = carried
            .iter()
            .map(|(name, ty)| (name.clone(), ty.clone()))
            .chain([("index".to_owned(), Kind::Int.into())])
            .collect();
        let nobody = Draft { nodes: Vec::new() };
        let between = Inner { outer: names, own: own.clone(), draft: &nobody };
        looped.go_on.iter().for_each(|site| self.type_truth(site, &between));
        let draft = &looped.body;
        let (nodes, inner) = self.type_nodes(&draft.nodes, order_of(orders, 0), names, own);
        let mut next = IndexMap::new();
        for (name, (key, bound)) in &looped.next {
            if !carried.contains_key(name) {
                let message = format!("the loop carries no `{name}`");
                let near = self.hints.near(name, carried.keys().map(String::as_str));
                self.find(Finding::error("CG0208", *key, message).maybe_help(near));
            }
            next.insert(name.clone(), self.type_bound(bound, &inner).into_owned());
        }
        looped.until.iter().for_each(|site| self.type_truth(site, &inner));
        let out = draft.out.as_ref();
        let ty = out.map(|out| {
            // Where no iteration may run, the nodes of the last one may not be there.
            let absent = match looped.go_on {
                Some(_) => nodes.nodes.iter().map(|node| node.id.as_str()).collect(),
                None => may_be_skipped(&nodes),
            };
            self.type_end(out, &inner, &absent)
        });
        let out = out.map(|out| out.template.clone());
        drop(inner);
        let kind = NodeKind::Loop(Box::new(Loop {
            max: looped.max,
            go_on: looped.go_on.as_ref().map(|site| site.expr.clone()),
            until: looped.until.as_ref().map(|site| site.expr.clone()),
            on_max: looped.on_max,
            carry: looped
                .carry
                .iter()
                .map(|(n, bound)| (n.clone(), bound.template.clone()))
                .collect(),
            next: looped.next.iter().map(|(n, (_, b))| (n.clone(), b.template.clone())).collect(),
            body: Body { nodes, out, each: false },
        }));
        (kind, ty.unwrap_or_else(nothing), next)
    }

    pub(super) fn type_parallel<'o>(
        &self,
        branches: &'o DraftBranches,
        orders: Orders<'_, 'o>,
        names: &Inner<'_>,
    ) -> (NodeKind, Type) {
        let (typed, types) = self.type_branches(branches, orders, names);
        let mut labels = BTreeSet::new();
        let fields = types.into_iter().map(|(name, mut ty)| {
            labels.extend(ty.labels.iter().cloned());
            match branches.on_branch_error {
                OnItemError::Fail => {}
                OnItemError::Collect => ty.kind = Kind::Any,
                OnItemError::Skip => ty = unify_types(&ty, &nothing()),
            }
            (name, Field::from(ty))
        });
        let kind = Kind::Record(fields.collect());
        (NodeKind::Parallel(Box::new(typed)), Type { kind, labels })
    }

    pub(super) fn type_race<'o>(
        &self,
        branches: &'o DraftBranches,
        orders: Orders<'_, 'o>,
        names: &Inner<'_>,
    ) -> (NodeKind, Type) {
        let (typed, types) = self.type_branches(branches, orders, names);
        let ty = types.into_values().reduce(|a, b| unify_types(&a, &b));
        (NodeKind::Race(Box::new(typed)), ty.unwrap_or_else(nothing))
    }

    fn type_branches<'o>(
        &self,
        branches: &'o DraftBranches,
        orders: Orders<'_, 'o>,
        names: &Inner<'_>,
    ) -> (Branches, IndexMap<String, Type>) {
        let (mut bodies, mut types) = (IndexMap::new(), IndexMap::new());
        for (number, (name, draft)) in branches.bodies.iter().enumerate() {
            let (body, ty) = self.type_body(draft, number, orders, names, HashMap::new());
            bodies.insert(name.clone(), body);
            types.insert(name.clone(), ty);
        }
        (Branches { bodies, on_branch_error: branches.on_branch_error }, types)
    }

    pub(super) fn type_try<'o>(
        &self,
        guarded: &'o DraftTry,
        orders: Orders<'_, 'o>,
        names: &Inner<'_>,
    ) -> (NodeKind, Type) {
        let (body, mut value) = self.type_body(&guarded.body, 0, orders, names, HashMap::new());
        let error = || HashMap::from([("error".to_owned(), error_type())]);
        let handlers = guarded.catch.iter().enumerate();
        let catch = handlers.map(|(at, handler)| {
            let (body, ty) = self.type_body(&handler.body, 1 + at, orders, names, error());
            if !handler.rethrow {
                value = unify_types(&value, &ty);
            }
            Catch { code: handler.code.clone(), body, rethrow: handler.rethrow }
        });
        let catch = catch.collect();
        let finally: Option<Scope> = guarded.finally.as_ref().map(|draft| {
            let order = order_of(orders, 1 + guarded.catch.len());
            let own = HashMap::from([("error".to_owned(), unify_types(&error_type(), &nothing()))]);
            self.type_nodes(draft, order, names, own).0
        });
        let (cleanup, stands) = (guarded.cleanup, guarded.stands);
        (NodeKind::Try(Box::new(Try { body, catch, finally, cleanup, stands })), value)
    }
}

/// What a handler knows of the failure.
fn error_type() -> Type {
    "record{code: string, message: string, node: opt<string>}".parse().expect("a type")
}
