"""Tools of other plugins, under the names that were granted."""

import json
from dataclasses import dataclass
from typing import Any

from wit_world.imports import tools as host

from .wire import asking, read, write


@dataclass(frozen=True)
class Callable:
    """A tool that may be called; `input` is the JSON Schema of the arguments."""

    name: str
    description: str
    input: Any


@asking
def list() -> "list[Callable]":
    """The tools that may be called."""
    return [Callable(tool.name, tool.description, json.loads(tool.input)) for tool in host.list()]


@asking
def call(name: str, arguments: Any) -> Any:
    """Calls a tool."""
    return read("result", host.call(name, write(arguments)))
