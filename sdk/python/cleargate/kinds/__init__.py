"""The kinds of plugins: each decorator keeps what it is given, and the entry of a component serves it."""

from .filter import filter
from .guardrail import guardrail
from .node import node
from .tool import tool

__all__ = ["filter", "guardrail", "node", "tool"]
