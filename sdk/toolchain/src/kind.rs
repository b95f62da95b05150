//! The kinds of the contract, by the words that authors, manifests and folders of `wit/` use for them.

/// What a plugin exports, and so which template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A step of a flow.
    Node,
    /// A function that models may call.
    Tool,
    /// A check on content.
    Guardrail,
    /// A rewriter around a model.
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
    /// Brings events that start runs.
    Trigger,
}

impl Kind {
    /// All of them, in the order of the contract.
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

    /// The word for it.
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
