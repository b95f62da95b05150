"""What all kinds have in common: names, summaries, and functions that take a record."""

import inspect
import re
import typing
from dataclasses import dataclass
from typing import Any, Callable

from ..failure import Failure
from ..schema import Field, Shape, is_record, parameters, record, shape
from ..wire import Context, context, done, read, write


def summary(what: Any) -> str:
    """The first paragraph of the documentation; a plugin without it says nothing to people and models."""
    text = inspect.cleandoc(what.__doc__ or "")
    if not text:
        raise TypeError(f"{what.__name__} needs a docstring: it is what people and models read")
    return " ".join(text.split("\n\n")[0].split())


def identifier(name: str) -> str:
    """A name as the contract writes it."""
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise TypeError(f"`{name}` is no name; write small letters, digits and `_`")
    return name


def add[T](kind: str, all: dict[str, T], name: str, part: T) -> None:
    """Keeps a definition under its name."""
    if name in all:
        raise TypeError(f"there are two of {kind} `{name}`")
    all[name] = part


def named[T](kind: str, all: dict[str, T], name: str) -> T:
    """The definition that a call means."""
    if name not in all:
        raise Failure("invalid_input", f"there is no {kind} `{name}`")
    return all[name]


def only[T](kind: str, all: dict[str, T]) -> T:
    """The one definition of a kind of which a component has one."""
    if len(all) != 1:
        raise TypeError(f"there are {len(all)} of {kind}; a component has one")
    return next(iter(all.values()))


@dataclass(frozen=True)
class Step:
    """A function from a record to a value: a node or a tool."""

    function: Callable[..., Any]
    input: Shape
    output: Shape | None
    # The parameter that takes the whole record; without one, each field is a parameter.
    whole: str | None
    # The parameter that takes the context.
    context: str | None

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "Step":
        """Reads the signature."""
        hints = typing.get_type_hints(function, include_extras=True)
        output = hints.pop("return", None)
        ctx = next((name for name, hint in hints.items() if hint is Context), None)
        fields = [name for name in inspect.signature(function).parameters if name != ctx]
        whole = fields[0] if len(fields) == 1 and is_record(hints.get(fields[0])) else None
        if whole is not None:
            taken = shape(hints[whole])
        else:
            taken = record(dict, parameters(function, (ctx,) if ctx else ()))
        given = None if output in (None, Any) else shape(output)
        return cls(function, taken, given, whole, ctx)

    def call(self, what: str, ctx: Any, value: Any) -> Any:
        """Runs the function on a value of the contract."""
        data = self.input.take(what, read(what, value))
        args = {self.whole: data} if self.whole else data
        if self.context:
            args = args | {self.context: context(ctx)}
        return write(done(self.function(**args)))


class Method:
    """A function that takes some of what it is offered, by the names of its parameters, and a configuration."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        parameters = [name for name in inspect.signature(function).parameters if name != "self"]
        self.wants = frozenset(parameters)
        hints = typing.get_type_hints(function, include_extras=True)
        self.config = shape(hints["config"]) if "config" in hints else None

    def offered(self, names: set[str]) -> "Method":
        """Refuses a parameter that nobody fills."""
        if unknown := sorted(self.wants - names):
            raise TypeError(f"{self.function.__name__} takes no `{unknown[0]}`; write some of {', '.join(sorted(names))}")
        return self

    def call(self, **offer: Any) -> Any:
        """Runs the function with what it wants."""
        return done(self.function(**{name: value for name, value in offer.items() if name in self.wants}))


# Without a type for `config`, there is nothing to configure.
NOTHING: Shape = record(dict, typing.cast(dict[str, Field], {}))
