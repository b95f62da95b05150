"""Functions that a model, an agent or a flow may call by name."""

import inspect
import json
from dataclasses import dataclass
from typing import Any, Callable, overload

from wit_world.imports import types as wit

from ..wire import guarded
from .definition import Step, add, identifier, named


@dataclass(frozen=True)
class Tool:
    """A definition."""

    name: str
    description: str
    hints: dict[str, Any]
    step: Step


TOOLS: dict[str, Tool] = {}


@overload
def tool[F: Callable[..., Any]](function: F, /) -> F: ...
@overload
def tool[F: Callable[..., Any]](
    *,
    name: str | None = ...,
    title: str | None = ...,
    read_only: bool = ...,
    destructive: bool = ...,
    idempotent: bool = ...,
    open_world: bool = ...,
) -> Callable[[F], F]: ...
def tool(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    title: str | None = None,
    read_only: bool = False,
    destructive: bool = False,
    idempotent: bool = False,
    open_world: bool = False,
) -> Any:
    """Makes a function a tool: its docstring is what a model reads, its parameters are the arguments.

    Hints inform; grants decide. The name is the function's.
    """
    hints = {
        "title": title,
        "read_only": read_only,
        "destructive": destructive,
        "idempotent": idempotent,
        "open_world": open_world,
    }
    if function is None:
        return lambda function: tool_of(function, name, hints)
    return tool_of(function, name, hints)


def tool_of(function: Callable[..., Any], name: str | None, hints: dict[str, Any]) -> Callable[..., Any]:
    """Keeps the definition and gives the function back."""
    name = identifier(name or function.__name__)
    description = inspect.cleandoc(function.__doc__ or "")
    if not description:
        raise TypeError(f"{function.__name__} needs a docstring: it is what a model reads")
    add("tool", TOOLS, name, Tool(name, description, hints, Step.of(function)))
    return function


class Export:
    """The exports of the contract."""

    @staticmethod
    def ready() -> None:
        """Refuses a component without one, when it is built."""
        if not TOOLS:
            raise TypeError("`src/plugin.py` must import the files that hold a @tool")

    def list_tools(self) -> list[Any]:
        from wit_world.exports import tool as own

        return [
            own.Description(
                name=tool.name,
                description=tool.description,
                input=json.dumps(tool.step.input.schema),
                output=None if tool.step.output is None else json.dumps(tool.step.output.schema),
                annotations=own.Annotations(**tool.hints),
            )
            for tool in TOOLS.values()
        ]

    @guarded
    def call(self, name: str, ctx: wit.CallContext, arguments: Any) -> Any:
        return named("tool", TOOLS, name).step.call("input", ctx, arguments)
