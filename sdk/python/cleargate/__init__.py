"""What an author imports: a decorator for each kind of plugin, and the failure that has a code.

Services of the host are modules of their own: `from cleargate import kv`. The build exports the kinds and imports the
services that the files in `src` name, and no others. So what a component may ask for is what its source names.
"""

from .failure import Failure
from .kinds import (
    cache,
    embedder,
    filter,
    guardrail,
    node,
    provider,
    retriever,
    summarizer,
    tokenizer,
    tool,
    trigger,
)
from .kinds.filter import Chunk
from .kinds.guardrail import Escalate, Finding, Modify, Pass, Reject
from .kinds.retriever import Passage
from .kinds.trigger import Batch, Event
from .reply import Reply
from .schema import Bounds
from .wire import Context

__all__ = [
    "Batch",
    "Bounds",
    "Chunk",
    "Context",
    "Escalate",
    "Event",
    "Failure",
    "Finding",
    "Modify",
    "Pass",
    "Passage",
    "Reject",
    "Reply",
    "cache",
    "embedder",
    "filter",
    "guardrail",
    "node",
    "provider",
    "retriever",
    "summarizer",
    "tokenizer",
    "tool",
    "trigger",
]
