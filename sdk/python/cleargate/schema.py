"""Python types to JSON Schema, and data to Python types.

A type is read once, when the plugin is built. What cannot be written as a schema is refused there: a port must not
promise what nobody keeps.
"""

import dataclasses
import enum
import inspect
import json
import keyword
import re
import types
import typing
from dataclasses import dataclass
from typing import Any, Callable, Literal, Union

from .failure import Failure

# As it is when the component is built: code that a plugin runs may change what belongs to everybody.
ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

# A function that makes a Python value of data; the second argument is the place of the data, as a JSON Pointer.
Read = Callable[[Any, str], Any]


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What data must keep besides its type: `Annotated[int, Bounds(minimum=0)]`."""

    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    min_items: int | None = None
    max_items: int | None = None

    def schema(self) -> dict[str, Any]:
        """The keywords of JSON Schema."""
        said = {name: value for name, value in vars(self).items() if value is not None}
        return {re.sub("_(.)", lambda letter: letter[1].upper(), name): value for name, value in said.items()}

    def mistake(self, data: Any) -> str | None:
        """What is wrong with data of the right type."""
        number, text, items = isinstance(data, int | float), isinstance(data, str), isinstance(data, list)
        if self.minimum is not None and number and data < self.minimum:
            return f"expected at least {self.minimum}"
        if self.maximum is not None and number and data > self.maximum:
            return f"expected at most {self.maximum}"
        if self.min_length is not None and text and len(data) < self.min_length:
            return f"expected at least {self.min_length} characters"
        if self.max_length is not None and text and len(data) > self.max_length:
            return f"expected at most {self.max_length} characters"
        if self.pattern is not None and text and not re.search(self.pattern, data):
            return f"expected text that matches {self.pattern}"
        if self.min_items is not None and items and len(data) < self.min_items:
            return f"expected at least {self.min_items} items"
        if self.max_items is not None and items and len(data) > self.max_items:
            return f"expected at most {self.max_items} items"
        return None


class Wrong(Exception):
    """Data that does not fit, and where."""

    def __init__(self, at: str, found: str):
        super().__init__(f"{at}: {found}" if at else found)


@dataclass(frozen=True)
class Shape:
    """A type as the contract writes it, and how to read data into it."""

    schema: dict[str, Any]
    read: Read

    def take(self, what: str, data: Any) -> Any:
        """Data as the type, or a failure that names `what` and the place."""
        try:
            return self.read(data, "")
        except Wrong as wrong:
            raise Failure("invalid_input", f"the {what} does not fit: {wrong}") from None


@dataclass(frozen=True)
class Field:
    """A field of a record: its shape, and its default when it may be left out."""

    shape: Shape
    required: bool
    attribute: str
    default: Callable[[], Any] | None = None


def public(attribute: str) -> str:
    """The name in data: a word that Python keeps for itself is written with a `_` behind it in Python."""
    bare = attribute.removesuffix("_")
    return bare if keyword.iskeyword(bare) else attribute


def shape(kind: Any, inside: tuple[Any, ...] = ()) -> Shape:
    """The shape of a type. `inside` holds the records around it: a record inside itself has no end."""
    if kind in SIMPLE:
        return SIMPLE[kind]
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return annotated(shape(args[0], inside), args[1:])
    if origin in (typing.Required, typing.NotRequired):
        return shape(args[0], inside)
    if origin is Literal:
        return choice(list(args))
    if origin in (Union, types.UnionType):
        return union([shape(part, inside) for part in args])
    if origin is list or kind is list:
        return listed(shape(args[0] if args else Any, inside))
    if origin is dict or kind is dict:
        if args and args[0] is not str:
            raise TypeError(f"{kind}: keys of JSON are texts; write dict[str, ..]")
        return mapped(shape(args[1] if args else Any, inside))
    if kind in inside:
        raise TypeError(f"{kind.__name__} holds itself; write Any for the inner part")
    inside = (*inside, kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return enumerated(kind)
    if dataclasses.is_dataclass(kind):
        return record(kind, data_fields(kind, inside))
    if typing.is_typeddict(kind):
        return record(dict, typed_fields(kind, inside))
    raise TypeError(f"{kind} has no JSON Schema; write a dataclass, a TypedDict, or types of JSON such as list[str]")


def plain(name: str, *kinds: type) -> Shape:
    """A type of JSON. `True` is an `int` in Python, and no number in JSON."""

    def read(data: Any, at: str) -> Any:
        if isinstance(data, kinds) and (bool in kinds or not isinstance(data, bool)):
            return data
        raise Wrong(at, f"expected {name}")

    return Shape({"type": name}, read)


SIMPLE: dict[Any, Shape] = {
    Any: Shape({}, lambda data, at: data),
    object: Shape({}, lambda data, at: data),
    str: plain("string", str),
    int: plain("integer", int),
    float: plain("number", int, float),
    bool: plain("boolean", bool),
    None: plain("null", type(None)),
    type(None): plain("null", type(None)),
}


def annotated(inner: Shape, notes: tuple[Any, ...]) -> Shape:
    """A text among the notes is the description."""
    schema, bounds = dict(inner.schema), [note for note in notes if isinstance(note, Bounds)]
    for note in notes:
        if isinstance(note, str):
            schema["description"] = note
    for bound in bounds:
        schema |= bound.schema()

    def read(data: Any, at: str) -> Any:
        value = inner.read(data, at)
        for bound in bounds:
            if (found := bound.mistake(data)) is not None:
                raise Wrong(at, found)
        return value

    return Shape(schema, read)


def choice(values: list[Any]) -> Shape:
    """One of some values; `True` and `1` are two of them."""
    known = {(type(value), value) for value in values}
    said = ", ".join(repr(value) for value in values)

    def read(data: Any, at: str) -> Any:
        if isinstance(data, str | int | float | None) and (type(data), data) in known:
            return data
        raise Wrong(at, f"expected one of {said}")

    return Shape({"enum": values}, read)


def enumerated(kind: type[enum.Enum]) -> Shape:
    """The values of an enumeration; the author gets its members."""
    inner = choice([member.value for member in kind])
    return Shape(inner.schema, lambda data, at: kind(inner.read(data, at)))


def union(parts: list[Shape]) -> Shape:
    """The first form that fits."""

    def read(data: Any, at: str) -> Any:
        found = []
        for part in parts:
            try:
                return part.read(data, at)
            except Wrong as wrong:
                found.append(str(wrong))
        raise Wrong("", " or ".join(dict.fromkeys(found)))

    return Shape({"anyOf": [part.schema for part in parts]}, read)


def listed(item: Shape) -> Shape:
    """A list of one shape."""

    def read(data: Any, at: str) -> Any:
        if not isinstance(data, list):
            raise Wrong(at, "expected array")
        return [item.read(part, f"{at}/{number}") for number, part in enumerate(data)]

    return Shape({"type": "array", "items": item.schema}, read)


def mapped(value: Shape) -> Shape:
    """A record of unknown names."""

    def read(data: Any, at: str) -> Any:
        if not isinstance(data, dict):
            raise Wrong(at, "expected object")
        return {name: value.read(part, f"{at}/{name}") for name, part in data.items()}

    return Shape({"type": "object", "additionalProperties": value.schema}, read)


def record(make: Callable[..., Any], fields: dict[str, Field]) -> Shape:
    """A record of known names; others are refused, because they would be lost."""
    properties = {}
    for name, field in fields.items():
        default = {} if field.default is None else {"default": written(field.default())}
        properties[name] = field.shape.schema | default
    required = [name for name, field in fields.items() if field.required]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def read(data: Any, at: str) -> Any:
        if not isinstance(data, dict):
            raise Wrong(at, "expected object")
        for name in required:
            if name not in data:
                raise Wrong(at, f"missing field `{name}`")
        for name in data:
            if name not in fields:
                raise Wrong(at, f"unknown field `{name}`")
        return make(
            **{fields[name].attribute: fields[name].shape.read(part, f"{at}/{name}") for name, part in data.items()}
        )

    return Shape(schema, read)


def data_fields(kind: Any, inside: tuple[Any, ...]) -> dict[str, Field]:
    """The fields of a dataclass."""
    hints, fields = typing.get_type_hints(kind, include_extras=True), {}
    for field in dataclasses.fields(kind):
        default = None
        if field.default is not dataclasses.MISSING:
            default = lambda value=field.default: value  # noqa: E731
        elif field.default_factory is not dataclasses.MISSING:
            default = field.default_factory
        kept = Field(shape(hints[field.name], inside), default is None, field.name, default)
        fields[public(field.name)] = kept
    return fields


def typed_fields(kind: Any, inside: tuple[Any, ...]) -> dict[str, Field]:
    """The fields of a TypedDict."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {name: Field(shape(hint, inside), name in kind.__required_keys__, name) for name, hint in hints.items()}


def parameters(function: Callable[..., Any], leave_out: tuple[str, ...]) -> dict[str, Field]:
    """The parameters of a function as the fields of a record."""
    hints, fields = typing.get_type_hints(function, include_extras=True), {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in leave_out:
            continue
        if name not in hints:
            raise TypeError(f"{function.__name__}: write the type of `{name}`")
        default = None if parameter.default is inspect.Parameter.empty else (lambda value=parameter.default: value)
        fields[public(name)] = Field(shape(hints[name]), default is None, name, default)
    return fields


def is_record(kind: Any) -> bool:
    """Whether a type is a record of its own."""
    return dataclasses.is_dataclass(kind) or typing.is_typeddict(kind)


def written(value: Any) -> Any:
    """A Python value as data of JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {public(field.name): written(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return written(value.value)
    if isinstance(value, dict):
        return {name: written(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [written(part) for part in value]
    return value


def text(value: Any) -> str:
    """A Python value as JSON, without spaces."""
    line = ENCODER.encode(written(value))
    # Half of a letter, as `\ud800`, is no text outside of Python: here it is an error, behind the boundary a trap.
    line.encode()
    return line
