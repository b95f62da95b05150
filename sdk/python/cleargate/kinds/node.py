"""A step of a flow: typed ports in, one typed record out."""

import json
from dataclasses import dataclass
from typing import Any, Callable, overload

from wit_world.imports import types as wit

from ..wire import guarded
from .definition import Step, add, identifier, named, summary

EFFECTS = ("pure", "read", "idempotent", "once", "compensable")


@dataclass(frozen=True)
class Node:
    """A definition."""

    id: str
    summary: str
    effect: str
    step: Step


NODES: dict[str, Node] = {}


@overload
def node[F: Callable[..., Any]](function: F, /) -> F: ...
@overload
def node[F: Callable[..., Any]](*, effect: str = ..., id: str | None = ...) -> Callable[[F], F]: ...
def node(function: Any = None, /, *, effect: str = "once", id: str | None = None) -> Any:
    """Makes a function a node: its parameters are the ports, or the fields of the one record that it takes.

    Without `effect` it is `once`, which is never repeated. The id is the function's name.
    """
    if function is None:
        return lambda function: node_of(function, effect, id)
    return node_of(function, effect, id)


def node_of(function: Callable[..., Any], effect: str, id: str | None) -> Callable[..., Any]:
    """Keeps the definition and gives the function back."""
    if effect not in EFFECTS:
        raise TypeError(f"`{effect}` is no effect; write one of {', '.join(EFFECTS)}")
    step, name = Step.of(function), identifier(id or function.__name__)
    if step.output is None or step.output.schema.get("type") != "object":
        raise TypeError(f"{function.__name__} needs a record as the type of what it returns: a dataclass or a TypedDict")
    add("node", NODES, name, Node(name, summary(function), effect, step))
    return function


class Export:
    """The exports of the contract."""

    @staticmethod
    def ready() -> None:
        """Refuses a component without one, when it is built."""
        if not NODES:
            raise TypeError("`src/plugin.py` must import the files that hold a @node")

    def describe(self) -> list[Any]:
        from wit_world.exports import node as own

        effect = lambda name: getattr(own, f"Effect_{name.capitalize()}")()  # noqa: E731
        return [
            own.Description(
                id=node.id,
                summary=node.summary,
                input=json.dumps(node.step.input.schema),
                output=json.dumps(node.step.output.schema if node.step.output else {}),
                effect=effect(node.effect),
            )
            for node in NODES.values()
        ]

    @guarded
    def run(self, id: str, ctx: wit.CallContext, input: Any) -> Any:
        return named("node", NODES, id).step.call("input", ctx, input)
