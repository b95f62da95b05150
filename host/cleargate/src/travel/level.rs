//! What a new run begins with, and what the runs inside of it do: each is cut as the one around it is.
//!
//! A place inside of a sub-flow leaves two runs changed. In the run around it the sub-flow has no answer and is performed
//! again; in its own it goes on from what it did, without that place. The beginning of the inner run stands in the journal
//! of the outer one ([`Event::SubFlowForked`]) until the sub-flow is performed. So a fork is stored in one piece, a crash
//! loses no part of it, and nothing is begun inside before it is asked for.

use std::collections::BTreeSet;

use cleargate_executor::child_id;
use cleargate_flow::event::check_payload;
use cleargate_flow::graph::NodeKind;
use cleargate_flow::history::{
    Cut, CutError, Kept, NoSuchPlace, SubRun, Unfit, begun_once, cut, find_place, fit_kept,
    is_later, sub_runs,
};
use cleargate_flow::{Address, Event, Outcome, RunId, Value};
use futures::FutureExt;
use futures::future::BoxFuture;
use indexmap::IndexMap;

use super::fork::given;
use super::place::Place;
use crate::error::{Error, Kind, Result};
use crate::flows::Flow;
use crate::host::Host;
use crate::runs::store_error;

/// Sub-flows that one fork goes on inside of: what each did is in the new run's journal until it is asked for.
pub(super) const MAX_INSIDE: usize = 1_000;

/// A run that is cut: the outermost, or one inside.
#[derive(Clone)]
pub(super) struct Level {
    /// The version that the old run belongs to.
    pub(super) from: Flow,
    /// The version that the new run belongs to.
    pub(super) to: Flow,
    /// Whether nodes that are another's work in the other version happen anew. They must fit it otherwise.
    pub(super) swap: bool,
    pub(super) old: RunId,
    pub(super) new: RunId,
    /// The run and address that the new run is the sub-flow of.
    pub(super) parent: Option<(RunId, Address)>,
    /// What happens anew, with all that depends on it.
    pub(super) at: Vec<Place>,
    /// Nodes with the value that they have, as JSON text.
    pub(super) set: Vec<(Place, String)>,
    /// Another input, for the outermost run.
    pub(super) input: Option<Value>,
    /// The way to it, from the outermost run: empty, or ends with `/`.
    pub(super) way: String,
}

/// What a new run begins with.
#[derive(Default)]
pub(super) struct Beginning {
    /// Its journal so far.
    pub(super) events: Vec<Event>,
    /// Records that were taken over, of runs inside too.
    pub(super) records: usize,
    /// Steps whose answers were, of runs inside too.
    pub(super) kept: usize,
    /// Places that were begun, are never repeated, and happen anew.
    pub(super) again: Vec<String>,
    /// Static paths of nodes that depend on what was cut, and are never repeated.
    pub(super) once: Vec<String>,
    /// What does not fit the other version.
    pub(super) misfits: Vec<Unfit>,
}

/// A sub-flow that goes on from what it did.
struct Inside {
    sub: SubRun,
    at: Vec<Place>,
    set: Vec<(Place, String)>,
}

/// What of a level is its own, and what is inside of its sub-flows.
#[derive(Default)]
struct Spread {
    at: Vec<Address>,
    set: IndexMap<Address, Value>,
    inside: Vec<Inside>,
}

impl Host {
    /// Decides what a new run begins with.
    ///
    /// # Errors
    /// A place is none, the run did not come there, what is kept cannot be gone on from, or a journal cannot be read.
    pub(super) fn cut_level(&self, level: Level) -> BoxFuture<'_, Result<Beginning>> {
        async move {
            let journal = self.journal(&level.old).await?;
            let subs = self.subs(&level.from, &level.old, &journal)?;
            let spread = self.spread(&level, &subs).await?;
            let inside: Vec<Address> =
                spread.inside.iter().map(|inside| inside.sub.address.clone()).collect();
            let kept = cut(&Cut {
                from: &level.from.graph,
                to: if level.swap { &level.to.graph } else { &level.from.graph },
                old: &level.old,
                new: &level.new,
                journal: &journal,
                at: &spread.at,
                inside: &inside,
                set: &spread.set,
                input: level.input.clone(),
                parent: level.parent.clone(),
            });
            let kept = kept.map_err(|error| refused(&level, error))?;
            let mut begun = Beginning::of(&level, &kept);
            let mut gone_on: BTreeSet<Address> = kept.settled.iter().cloned().collect();
            for inside in spread.inside {
                gone_on.insert(inside.sub.address.clone());
                self.go_inside(&level, inside, 1, &mut begun).await?;
            }
            for sub in subs.iter().filter(|sub| !sub.answered) {
                let place = (sub.address.clone(), sub.attempt);
                if !gone_on.contains(&sub.address)
                    && kept.asked.contains(&place)
                    && self.goes_on(&level, sub, &mut begun).await?
                {
                    gone_on.insert(place.0);
                }
            }
            for sub in subs.iter().filter(|sub| !gone_on.contains(&sub.address)) {
                self.begun_inside(&level.from, sub, &level.way, &mut begun.again).await?;
            }
            Ok(begun)
        }
        .boxed()
    }

    pub(super) fn subs(&self, flow: &Flow, id: &RunId, journal: &[Event]) -> Result<Vec<SubRun>> {
        let is_flow = |uses: &str| flow.catalog.flows.contains_key(uses);
        sub_runs(&flow.graph, id, journal, is_flow).map_err(|error| {
            Error::new(Kind::Store, format!("run {id} does not fit its flow"))
                .caused_by(&error)
                .with_help(format!("cleargate replay {id}"))
        })
    }

    /// Says for each place whether it is in the run itself or in which runs inside.
    async fn spread(&self, level: &Level, subs: &[SubRun]) -> Result<Spread> {
        let mut spread = Spread::default();
        for place in &level.at {
            match place.inside() {
                None => spread.at.push(place.head().clone()),
                Some(rest) => {
                    for sub in self.come_to(level, subs, place, &rest).await? {
                        spread.enter(sub).at.push(rest.clone());
                    }
                }
            }
        }
        for (place, json) in &level.set {
            let Some(rest) = place.inside() else {
                let (address, value) = given(&level.to.graph, place.head(), json)?;
                spread.set.insert(address, value);
                continue;
            };
            for sub in self.come_to(level, subs, place, &rest).await? {
                spread.enter(sub).set.push((rest.clone(), json.clone()));
            }
        }
        spread.narrow(level);
        match spread.inside.len() {
            found if found > MAX_INSIDE => {
                let why = format!(
                    "{found} sub-flows would go on from what they did, and {MAX_INSIDE} may"
                );
                Err(Error::new(Kind::Limit, why)
                    .with_help("give the index of an item: --at 'scan[3].review/answer'"))
            }
            _ => Ok(spread),
        }
    }

    /// The sub-flows at the first part of a place whose runs came to the rest of it.
    async fn come_to<'s>(
        &self,
        level: &Level,
        subs: &'s [SubRun],
        place: &Place,
        rest: &Place,
    ) -> Result<Vec<&'s SubRun>> {
        let Level { from, old, way, .. } = level;
        leads_inside(from, way, place)?;
        let mut found = Vec::new();
        for sub in subs.iter().filter(|sub| is_at(&sub.address, place.head())) {
            if self.comes_to(from, sub, way, rest).await? {
                found.push(sub);
            }
        }
        match found.is_empty() {
            true => {
                let why = format!("the run did not come to `{way}{place}`");
                Err(Error::new(Kind::Invalid, why).with_help(format!("cleargate runs show {old}")))
            }
            false => Ok(found),
        }
    }

    /// Whether the run of a sub-flow came to a place.
    fn comes_to<'a>(
        &'a self,
        around: &'a Flow,
        sub: &'a SubRun,
        way: &'a str,
        place: &'a Place,
    ) -> BoxFuture<'a, Result<bool>> {
        async move {
            let (id, flow) = self.run_of(around, sub).await?.ok_or_else(|| gone(sub))?;
            let way = format!("{way}{}/", sub.address);
            leads_inside(&flow, &way, place)?;
            let Some(rest) = place.inside() else {
                let steps = self.steps_of(&flow, &id).await?;
                return Ok(steps.reached().any(|at| at.is_in(place.head())));
            };
            let subs = self.subs(&flow, &id, &self.journal(&id).await?)?;
            for inner in subs.iter().filter(|inner| is_at(&inner.address, place.head())) {
                if self.comes_to(&flow, inner, &way, &rest).await? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        .boxed()
    }

    /// The run that a sub-flow is, with the version that it belongs to; nothing when it is not in the store.
    async fn run_of(&self, around: &Flow, sub: &SubRun) -> Result<Option<(RunId, Flow)>> {
        let id = child_id(&sub.around, &sub.address, sub.attempt);
        let Some(row) = self.store().run(&id).await.map_err(store_error)? else { return Ok(None) };
        let flow = match around.catalog.flows.get(&sub.uses).filter(|flow| *flow.hash() == row.hash)
        {
            Some(flow) => flow.clone(),
            None => self.pinned_flow(&id, &row.hash).await?,
        };
        Ok(Some((id, flow)))
    }

    /// Cuts the run of a sub-flow, and lets the attempt that it is in the new run begin with what is kept.
    async fn go_inside(
        &self,
        level: &Level,
        inside: Inside,
        attempt: u32,
        begun: &mut Beginning,
    ) -> Result<()> {
        let Inside { sub, at, set } = inside;
        let (old, from) = self.run_of(&level.from, &sub).await?.ok_or_else(|| gone(&sub))?;
        let Some(to) = inner(&level.to, &level.new, &sub.address) else {
            let why = "it is no sub-flow any more, and goes on from what it did".into();
            begun.misfits.push(Unfit { place: format!("{}{}", level.way, sub.address), why });
            return Ok(());
        };
        let new = child_id(&level.new, &sub.address, attempt);
        let inner = self.cut_level(Level {
            from,
            to: to.clone(),
            swap: level.swap,
            old: old.clone(),
            new,
            parent: Some((level.new.clone(), sub.address.clone())),
            at,
            set,
            input: None,
            way: format!("{}{}/", level.way, sub.address),
        });
        begun.take(inner.await?, sub.address, attempt, old)
    }

    /// Lets a sub-flow that was under way go on in the new run where it was; says whether it does.
    async fn goes_on(&self, level: &Level, sub: &SubRun, begun: &mut Beginning) -> Result<bool> {
        let Some((id, _)) = self.run_of(&level.from, sub).await? else { return Ok(false) };
        // One that has ended, and was not heard of any more, has nothing left to do.
        if self.row(&id).await?.status.is_finished() {
            return Ok(false);
        }
        let inside = Inside { sub: sub.clone(), at: Vec::new(), set: Vec::new() };
        self.go_inside(level, inside, sub.attempt, begun).await.map(|()| true)
    }

    /// Notes what a sub-flow that happens anew did and must not repeat, at any depth.
    fn begun_inside<'a>(
        &'a self,
        around: &'a Flow,
        sub: &'a SubRun,
        way: &'a str,
        again: &'a mut Vec<String>,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            let Some((id, flow)) = self.run_of(around, sub).await? else { return Ok(()) };
            let journal = self.journal(&id).await?;
            let way = format!("{way}{}/", sub.address);
            let once = begun_once(&flow.graph, &id, &journal).map_err(|error| {
                Error::new(Kind::Store, format!("run {id} cannot be read")).caused_by(&error)
            })?;
            again.extend(once.iter().map(|address| format!("{way}{address}")));
            for inner in self.subs(&flow, &id, &journal)? {
                self.begun_inside(&flow, &inner, &way, again).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

impl Beginning {
    fn of(level: &Level, kept: &Kept) -> Self {
        let mut events = kept.events.clone();
        let mut misfits = Vec::new();
        if !level.swap && level.from.hash() != level.to.hash() {
            misfits = fit_kept(&level.new, &level.from.graph, &level.to.graph, &events);
            misfits.iter_mut().for_each(|unfit| unfit.place.insert_str(0, &level.way));
            if let Some(Event::RunStarted { hash, .. }) = events.first_mut() {
                *hash = level.to.hash().clone();
            }
        }
        let told = |address: &Address| format!("{}{address}", level.way);
        Self {
            records: events.len(),
            kept: kept.settled.len(),
            again: kept.again.iter().map(told).collect(),
            once: kept.once.iter().map(|path| format!("{}{path}", level.way)).collect(),
            events,
            misfits,
        }
    }

    /// Lets the attempt of a sub-flow begin with what was kept of another run.
    fn take(&mut self, inner: Self, address: Address, attempt: u32, from: RunId) -> Result<()> {
        let text = serde_json::to_string(&inner.events).expect("events are JSON");
        let kept: Value = serde_json::from_str(&text).expect("JSON is a value");
        check_payload(&kept).map_err(|error| {
            Error::new(
                Kind::Limit,
                format!("what `{address}` did cannot be kept: {}", error.message),
            )
            .with_help(format!("fork it alone: cleargate fork {from} --at NODE"))
        })?;
        let last = self.events.len() - 1;
        self.events.insert(last, Event::SubFlowForked { address, attempt, from, kept });
        self.records += inner.records;
        self.kept += inner.kept;
        self.again.extend(inner.again);
        self.once.extend(inner.once);
        self.misfits.extend(inner.misfits);
        Ok(())
    }
}

impl Spread {
    fn enter(&mut self, sub: &SubRun) -> &mut Inside {
        let known = self.inside.iter().position(|inside| inside.sub.address == sub.address);
        let at = known.unwrap_or_else(|| {
            self.inside.push(Inside { sub: sub.clone(), at: Vec::new(), set: Vec::new() });
            self.inside.len() - 1
        });
        &mut self.inside[at]
    }

    /// Leaves out sub-flows that happen anew as a whole: with the place that they are in, or because an iteration before
    /// theirs happens anew.
    fn narrow(&mut self, level: &Level) {
        let graph = &level.from.graph;
        let all: Vec<Address> =
            self.inside.iter().map(|inside| inside.sub.address.clone()).collect();
        let places: Vec<Address> = self.at.iter().chain(self.set.keys()).cloned().collect();
        self.inside.retain(|Inside { sub, .. }| {
            let address = &sub.address;
            !places.iter().any(|place| address.is_in(place))
                && !places.iter().chain(&all).any(|other| is_later(graph, address, other))
        });
    }
}

/// Whether an address is the node at a place.
fn is_at(address: &Address, place: &Address) -> bool {
    address.segments().len() == place.segments().len() && address.is_in(place)
}

/// The flow that the sub-flow at an address of a new run is.
fn inner<'f>(flow: &'f Flow, run: &RunId, address: &Address) -> Option<&'f Flow> {
    match &flow.graph.node(address)?.kind {
        NodeKind::Leaf(leaf) => flow.catalog.arm(&leaf.uses, run, address),
        _ => None,
    }
}

/// Whether nodes at a place are sub-flows.
fn is_sub_flow(flow: &Flow, place: &Address) -> bool {
    let mut found = false;
    flow.graph.root.leaves(&mut |path, leaf| {
        found |= path == place.static_path() && flow.catalog.flows.contains_key(&leaf.uses);
    });
    found
}

/// Refuses a first part of a place that leads into no run.
fn leads_inside(flow: &Flow, way: &str, place: &Place) -> Result<()> {
    let head = place.head();
    find_place(&flow.graph, head).map_err(|error| no_such_place(flow, &error))?;
    if place.inside().is_none() || is_sub_flow(flow, head) {
        return Ok(());
    }
    let why = format!("`{way}{head}` is no sub-flow: nothing is inside of it");
    Err(Error::new(Kind::Invalid, why).with_help(format!(
        "--at '{way}{head}'; `/` leads into the run of a sub-flow, `.` into a block"
    )))
}

fn no_such_place(flow: &Flow, error: &NoSuchPlace) -> Error {
    let why = error.to_string();
    let error = Error::new(
        Kind::Invalid,
        why.replacen("the flow", &format!("the flow `{}`", flow.id()), 1),
    );
    match flow.catalog.flows.is_empty() {
        true => error,
        false => {
            error.with_help("write `/` behind a sub-flow for what is inside of it: `review/answer`")
        }
    }
}

/// The run of a sub-flow was removed.
fn gone(sub: &SubRun) -> Error {
    let id = child_id(&sub.around, &sub.address, sub.attempt);
    let why = format!("run {id}, which the sub-flow at `{}` was, is not in the store", sub.address);
    Error::new(Kind::Invalid, why).with_help(format!("--at '{}' does all of it anew", sub.address))
}

fn refused(level: &Level, error: CutError) -> Error {
    let Level { old: run, way, .. } = level;
    let why = error.to_string();
    match error {
        CutError::NoSuchPlace(error) => no_such_place(&level.from, &error),
        CutError::NotReached(_) | CutError::NotSet(_) => Error::new(Kind::Invalid, why)
            .with_help(format!("cleargate step {run} --output ndjson")),
        CutError::Unsure { address, .. } => Error::new(Kind::Invalid, why)
            .with_help(format!("--at '{way}{address}' does all of it anew")),
        CutError::NothingLeft(Outcome::Failed { address: Some(at), .. }) => {
            Error::new(Kind::Invalid, why).with_help(format!("add --at {way}{at}"))
        }
        CutError::NothingLeft(_) => Error::new(Kind::Invalid, why),
        CutError::Damaged { .. } => {
            Error::new(Kind::Store, format!("run {run} cannot be forked: {why}"))
        }
    }
}
