//! What the checker must know of a node type before anything runs: ports, effect, and where it comes from.

use serde::{Deserialize, Serialize};

use crate::grant::Grants;
use crate::limits::Limits;
use crate::types::{Field, Type};

/// What a component exports, or what a built-in plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginKind {
    /// A step of a flow.
    Node,
    /// A function that a model, an agent or a flow calls by name.
    Tool,
    /// A check that passes, changes or rejects content.
    Guardrail,
    /// A rewriter around model calls.
    Filter,
    /// Answers for models.
    Provider,
    /// Counts and cuts text as a model does.
    Tokenizer,
    /// Turns texts into vectors.
    Embedder,
    /// Finds passages for a question.
    Retriever,
    /// Makes a text shorter.
    Summarizer,
    /// Keeps answers of models.
    Cache,
    /// Brings events from outside that start runs, and takes the answers back.
    Trigger,
}

impl PluginKind {
    /// Each kind.
    pub const ALL: [Self; 11] = [
        Self::Node,
        Self::Tool,
        Self::Guardrail,
        Self::Filter,
        Self::Provider,
        Self::Tokenizer,
        Self::Embedder,
        Self::Retriever,
        Self::Summarizer,
        Self::Cache,
        Self::Trigger,
    ];

    /// Whether it is a part that others use: its functions are typed by their own signatures, and each of them can
    /// be a step of a flow too.
    pub fn is_part(self) -> bool {
        !matches!(self, Self::Node | Self::Tool | Self::Guardrail | Self::Filter)
    }

    /// The kind as commands and manifests write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Tool => "tool",
            Self::Guardrail => "guardrail",
            Self::Filter => "filter",
            Self::Provider => "provider",
            Self::Tokenizer => "tokenizer",
            Self::Embedder => "embedder",
            Self::Retriever => "retriever",
            Self::Summarizer => "summarizer",
            Self::Cache => "cache",
            Self::Trigger => "trigger",
        }
    }

    /// What it is, for people who choose.
    pub fn about(self) -> &'static str {
        match self {
            Self::Node => "A step of a flow",
            Self::Tool => "A function that flows, models and agents call",
            Self::Guardrail => "A check that passes, changes or rejects content",
            Self::Filter => "A rewriter around model calls",
            Self::Provider => "Answers for models",
            Self::Tokenizer => "Counts and cuts text as a model does",
            Self::Embedder => "Turns texts into vectors",
            Self::Retriever => "Finds passages for a question",
            Self::Summarizer => "Makes a text shorter",
            Self::Cache => "Keeps answers of models",
            Self::Trigger => "Brings events that start runs",
        }
    }

    /// The kind that a word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What a node does to the world. Decides what happens after a crash.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing: the output is a function of the input. May execute again.
    Pure,
    /// Reads the world. May execute again.
    Read,
    /// Writes under a stable idempotency key. At least once.
    Idempotent,
    /// Writes, and is never repeated: a crash in between is an unknown outcome.
    #[default]
    Once,
    /// Writes, and another node undoes it. At least once forward.
    Compensable,
}

impl Effect {
    /// Whether the intent must be durable before the effect is performed.
    pub fn needs_intent(self) -> bool {
        !matches!(self, Self::Pure | Self::Read)
    }

    /// Whether an attempt that was cut off may be performed again.
    pub fn repeatable(self) -> bool {
        !matches!(self, Self::Once)
    }
}

/// A key of a node type that gives a text with `${…}` and tags in it, which reads the node's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKey {
    /// The text itself.
    Inline(&'static str),
    /// The name of a file beside the flow.
    File(&'static str),
}

impl TextKey {
    /// As flows write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inline(name) | Self::File(name) => name,
        }
    }
}

/// A node type as the checker sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// One sentence.
    pub summary: String,
    /// Input ports by name. A key of `with:` that is not here is a finding, unless `open`.
    pub input: indexmap::IndexMap<String, Field>,
    /// Whether inputs beyond those declared are taken (`transform`, `template`).
    pub open: bool,
    /// The type of the node's value.
    pub output: Type,
    /// Keys of the node beside `with:` that this type understands, with their types: `path`, `text`, …
    pub config: indexmap::IndexMap<String, Field>,
    /// Those of its keys that give its text: a node writes exactly one of them.
    pub texts: Vec<TextKey>,
    /// Its key that gives the type of the value of the node, in the place of `output`.
    pub typed_by: Option<&'static str>,
    /// Whether it runs a program: `source:` or `file:` has its text, `with:` is one value for it, `files:` what it finds.
    pub program: bool,
    /// Its key that names a model of the flow.
    pub model_key: Option<&'static str>,
    /// What it does to the world; a flow may say it is weaker, never stronger.
    pub effect: Effect,
    /// What it asks for: shown by `--explain`, compared with the grants.
    pub requests: Grants,
    /// Bounds that its manifest asks for.
    pub limits: Limits,
    /// `built-in`, or `package@version sha256:…` of the component.
    pub origin: String,
}

/// Where the checker looks node types up.
pub trait Signatures {
    /// The node type `name`: `template`, an alias of `use:`, or `alias.export`.
    ///
    /// # Errors
    /// A sentence that says why a known alias cannot be used (not installed, several exports, wrong kind).
    fn find(&self, name: &str) -> Result<Option<Signature>, String>;

    /// The configuration that an alias takes as a part of that kind; absent when it takes any.
    ///
    /// # Errors
    /// A sentence that says why the alias does not play the part.
    fn part(
        &self,
        alias: &str,
        kind: PluginKind,
    ) -> Result<Option<indexmap::IndexMap<String, Field>>, String> {
        Err(format!("`{alias}` is no {}", kind.as_str()))
    }

    /// Why an alias of `use:` means nothing at all: it is reported there, once, and not at each node.
    fn broken(&self, _alias: &str) -> Option<String> {
        None
    }

    /// The text of a file beside the flow.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn file(&self, name: &str) -> Result<String, String> {
        Err(format!("`{name}` cannot be read here"))
    }

    /// Whether there is such a moment: who has a calendar can say.
    ///
    /// # Errors
    /// Why there is none.
    fn moment(&self, _moment: &crate::graph::Moment) -> Result<(), String> {
        Ok(())
    }

    /// Names that exist, for suggestions.
    fn names(&self) -> Vec<String>;
}

/// The alias of the plugin that runs programs of a language. Its hyphen keeps it apart from those that flows write.
pub fn interpreter(lang: &str) -> String {
    format!("{INTERPRETER}{lang}")
}

/// How such an alias begins.
pub const INTERPRETER: &str = "code-";
