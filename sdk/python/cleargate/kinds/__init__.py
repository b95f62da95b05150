"""The kinds of plugins: each decorator keeps what it is given, and the entry of a component serves it."""

from .cache import cache
from .embedder import embedder
from .filter import filter
from .guardrail import guardrail
from .node import node
from .provider import provider
from .retriever import retriever
from .summarizer import summarizer
from .tokenizer import tokenizer
from .tool import tool
from .trigger import trigger

__all__ = [
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
