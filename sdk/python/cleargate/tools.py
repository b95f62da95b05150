"""Tools of other plugins, under the names that were granted."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wit_world.imports import tools as host

from .wire import asking, read, write


@dataclass(frozen=True)
class Tool:
    """A tool that may be called; `input` is the JSON Schema of its arguments."""

    name: str
    description: str
    input: Any


@asking
def list() -> Sequence[Tool]:
    """The tools that may be called."""
    return [Tool(tool.name, tool.description, json.loads(tool.input)) for tool in host.list()]


@asking
def call(name: str, arguments: Any) -> Any:
    """Calls a tool and returns what it gives."""
    return read("result", host.call(name, write(arguments)))
