//! Where a call of a plugin is executed: in this process, or in a place of its own.
//!
//! A call is data, [`Ask`], and so is its answer, [`Told`]. What lies between them needs the plugin's machine code, its
//! limits and a way to the [`World`], and nothing else of this host: so it can be done in another process
//! ([`crate::worker`]), or behind whatever else can be spoken to, a container for example. Whoever executes decides
//! nothing. Each request to the world is answered by the world of the caller, with its grants, its journal and its
//! secrets.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use cleargate_flow::grant::Grants;
use cleargate_flow::limits::Effective;
use cleargate_flow::signature::{Effect, PluginKind};
use cleargate_flow::value::Value;
use serde::{Deserialize, Serialize};
use wasmtime::component::Component;

use crate::component::{Digest, Plugin};
use crate::describe;
use crate::fault::Fault;
use crate::instance::Called;
use crate::plugin::{CallContext, Caller, Judgement, Stage};

use crate::world::World;

// Where there are no workers, nobody uses all of it.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "what crosses to workers"))]
pub(crate) mod form;

/// A place in which calls are executed.
///
/// It holds whoever executes to the limits of the job, gives the usage of calls that fail as well, and tells an end of
/// the place itself ([`Fault::Crashed`]) from an end of the plugin. When the future is dropped, the call ends. A call
/// leaves nothing behind for the next one.
#[async_trait]
pub trait Place: Send + Sync + fmt::Debug {
    /// Executes one call.
    async fn execute(&self, job: Job) -> Called<Told>;
}

/// One call, with all that whoever executes it needs.
#[derive(Clone)]
pub struct Job {
    /// The plugin.
    pub plugin: Arc<Portable>,
    /// What is asked of it.
    pub ask: Ask,
    /// Who asks. It has no world while a plugin describes itself.
    pub context: CallContext,
    /// Bounds of the call after all layers.
    pub limits: Effective,
    /// What host functions ask.
    pub world: Option<Arc<dyn World>>,
}

/// A plugin as it can be carried elsewhere.
pub struct Portable {
    pub(crate) digest: Digest,
    pub(crate) grants: Grants,
    pub(crate) optional: Grants,
    pub(crate) surface: crate::surface::Surface,
    pub(crate) component: Component,
}

impl Portable {
    /// Digest of the component's bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it was granted: an interface that is not in it is not linked, there as here.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// What it can do without: what of it was not granted answers `denied`.
    pub fn optional(&self) -> &Grants {
        &self.optional
    }

    /// Its machine code, for this version of this program on a processor like this one. It comes from our own compiler or
    /// from the authenticated cache, and is worth as much as the way on which it is carried.
    ///
    /// # Errors
    /// The engine cannot give it.
    pub fn code(&self) -> Result<Vec<u8>, Fault> {
        let failed = |error: wasmtime::Error| Fault::crashed(format!("no machine code: {error:#}"));
        self.component.serialize().map_err(failed)
    }
}

impl fmt::Debug for Portable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Portable({})", self.digest)
    }
}

/// What is asked of a plugin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// What it offers of a kind.
    Describe(PluginKind),
    /// Run the node `id`.
    Run {
        /// Which node.
        id: String,
        /// Its input.
        #[serde(with = "form::json")]
        input: Value,
    },
    /// Call the tool `name`.
    Call {
        /// Which tool.
        name: String,
        /// Its arguments.
        #[serde(with = "form::json")]
        arguments: Value,
    },
    /// Let the guardrail judge.
    Check {
        /// Where in a step.
        #[serde(with = "form::StageParts")]
        stage: Stage,
        /// What is judged.
        #[serde(with = "form::json")]
        content: Value,
        /// How the guardrail is set.
        #[serde(with = "form::json")]
        config: Value,
    },
    /// Let the filter rewrite a request.
    Before {
        /// The request.
        #[serde(with = "form::json")]
        request: Value,
        /// How the filter is set.
        #[serde(with = "form::json")]
        config: Value,
    },
    /// Let the filter rewrite a response.
    After {
        /// The request that it answers.
        #[serde(with = "form::json")]
        request: Value,
        /// The response.
        #[serde(with = "form::json")]
        response: Value,
        /// How the filter is set.
        #[serde(with = "form::json")]
        config: Value,
    },
    /// Let the filter rewrite a piece of streamed text.
    Chunk {
        /// The text.
        text: String,
        /// What the call before returned.
        #[serde(with = "form::json")]
        carry: Value,
        /// No more text follows.
        last: bool,
        /// How the filter is set.
        #[serde(with = "form::json")]
        config: Value,
    },
    /// Call a function of a part.
    Part {
        /// Which part.
        kind: PluginKind,
        /// Which function.
        function: String,
        /// Its arguments.
        #[serde(with = "form::json")]
        arguments: Value,
    },
}

/// What a plugin answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Told {
    /// To [`Ask::Describe`]; believed only after it was checked.
    Described(Vec<Said>),
    /// To a node, a tool, a part, and to a filter that rewrites the whole.
    Value(#[serde(with = "form::json")] Value),
    /// To [`Ask::Check`].
    Judged(#[serde(with = "form::judgement")] Judgement),
    /// To [`Ask::Chunk`]: the text that may go on, and state for the next call.
    Filtered(String, #[serde(with = "form::json")] Value),
}

/// What a plugin says of something that it offers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Said {
    /// Its name.
    pub id: String,
    /// What it is for.
    pub summary: String,
    /// JSON Schema of its input; of a guardrail or filter, of its configuration.
    pub input: String,
    /// JSON Schema of its output, when it says one.
    pub output: Option<String>,
    /// What a repetition of it means.
    pub effect: Effect,
}

impl Told {
    /// Refuses an answer to something else. Only a place that is broken gives one.
    fn mixed_up<T>(self) -> Result<T, Fault> {
        Err(Fault::crashed("it answered something that was not asked"))
    }

    pub(crate) fn described(self) -> Result<Vec<Said>, Fault> {
        match self {
            Self::Described(said) => Ok(said),
            other => other.mixed_up(),
        }
    }

    pub(crate) fn value(self) -> Result<Value, Fault> {
        match self {
            Self::Value(value) => Ok(value),
            other => other.mixed_up(),
        }
    }

    pub(crate) fn judged(self) -> Result<Judgement, Fault> {
        match self {
            Self::Judged(judgement) => Ok(judgement),
            other => other.mixed_up(),
        }
    }

    pub(crate) fn filtered(self) -> Result<(String, Value), Fault> {
        match self {
            Self::Filtered(text, carry) => Ok((text, carry)),
            other => other.mixed_up(),
        }
    }
}

impl Plugin {
    /// Executes a call where the calls of this plugin are executed.
    pub(crate) async fn execute(&self, ask: Ask, caller: &Caller) -> Called<Told> {
        match self.elsewhere() {
            None => self.execute_here(ask, caller).await,
            Some((place, plugin)) => {
                let (plugin, world) = (plugin.clone(), Some(caller.world.clone()));
                let (context, limits) = (caller.context.clone(), caller.limits);
                place.execute(Job { plugin, ask, context, limits, world }).await
            }
        }
    }

    /// Lets the plugin describe what it offers of a kind, without a world.
    pub(crate) async fn ask_what_it_offers(&self, kind: PluginKind) -> Called<Vec<Said>> {
        let limits = describe::limits();
        let called = match self.elsewhere() {
            None => return self.say(kind, &limits).await,
            Some((place, plugin)) => {
                let (plugin, ask) = (plugin.clone(), Ask::Describe(kind));
                let context = nobody();
                place.execute(Job { plugin, ask, context, limits, world: None }).await
            }
        };
        called.and_then(Told::described)
    }
}

/// The caller of a description.
fn nobody() -> CallContext {
    CallContext {
        run_id: String::new(),
        address: String::new(),
        attempt: 0,
        deadline: None,
        idempotency_key: String::new(),
        binding: String::new(),
        tenant: String::new(),
        trace_parent: None,
    }
}
