"""JSON Schemas of tools as Python says such things: what a model reads before it writes a program."""

import keyword
import re
from typing import Any

# How deep types are written out; what lies deeper is `Any`.
MAX_DEPTH = 6

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def identifier(name: str) -> str:
    """A name as a program writes it."""
    written = re.sub(r"\W", "_", name) or "_"
    written = written if not written[0].isdigit() else f"_{written}"
    return written + "_" if keyword.iskeyword(written) else written


class Parameters:
    """The fields of a tool's input, in the order in which they may be given: those that must be there come first."""

    def __init__(self, schema: Any) -> None:
        self.root = schema if isinstance(schema, dict) else {}
        found = self.root.get("properties")
        properties: dict[str, Any] = found if isinstance(found, dict) else {}
        needed = self.root.get("required")
        needed = needed if isinstance(needed, list) else []
        self.required = [name for name in properties if name in needed]
        self.optional = [name for name in properties if name not in needed]
        self.fields = {name: properties[name] for name in [*self.required, *self.optional]}
        # Names in a program, and those of the schema.
        self.names = {identifier(name): name for name in self.fields}

    def record(self, tool: str, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """The input that a call means: one record, or fields by name and by place."""
        if len(args) == 1 and not named and self.is_record(args[0]):
            return dict(args[0])
        if len(args) > len(self.fields):
            raise TypeError(f"{tool} takes {self.text()}; {len(args)} were given by place")
        given = dict(zip(self.fields, args))
        for name, value in named.items():
            field = self.names.get(name, name)
            if field in given:
                raise TypeError(f"{tool}: `{name}` was given twice")
            given[field] = value
        return given

    def is_record(self, value: Any) -> bool:
        """Whether a single argument is the whole input, and not its first field."""
        if not isinstance(value, dict):
            return False
        first = next(iter(self.fields.values()), {})
        takes = isinstance(first, dict) and first.get("type") in ("object", None)
        return not self.fields or not takes or all(name in self.fields for name in value)

    def text(self) -> str:
        """As in a `def`."""
        parts = []
        for name, schema in self.fields.items():
            kind = annotation(schema, self.root)
            default = ""
            if name in self.optional:
                default = f" = {shown(schema['default'])}" if isinstance(schema, dict) and "default" in schema else " = ..."
            parts.append(f"{identifier(name)}: {kind}{default}")
        if not self.fields and self.root.get("additionalProperties", True) is not False:
            parts.append("**fields: Any")
        return ", ".join(parts)


def annotation(schema: Any, root: dict[str, Any], depth: int = 0) -> str:
    """A type, as Python writes it."""
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return "Any"
    if isinstance(schema.get("$ref"), str):
        return annotation(found(schema["$ref"], root), root, depth + 1)
    if isinstance(schema.get("enum"), list):
        return f"Literal[{', '.join(shown(value) for value in schema['enum'])}]"
    if "const" in schema:
        return f"Literal[{shown(schema['const'])}]"
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            return joined(annotation(part, root, depth + 1) for part in schema[word])
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return joined(annotation(schema | {"type": kind}, root, depth + 1) for kind in kinds)
    if kinds == "array":
        return f"list[{annotation(schema.get('items'), root, depth + 1)}]"
    if kinds == "object":
        return record(schema, root, depth)
    return PLAIN.get(kinds, "Any") if isinstance(kinds, str) else "Any"


def record(schema: dict[str, Any], root: dict[str, Any], depth: int) -> str:
    """A record with its fields, or a dictionary of one kind of values."""
    properties, needed = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict) or not properties:
        return f"dict[str, {annotation(schema.get('additionalProperties'), root, depth + 1)}]"
    parts = []
    for name, part in properties.items():
        kind = annotation(part, root, depth + 1)
        parts.append(f"{shown(name)}: {kind if isinstance(needed, list) and name in needed else f'NotRequired[{kind}]'}")
    return "{" + ", ".join(parts) + "}"


def joined(kinds: Any) -> str:
    return " | ".join(dict.fromkeys(kinds)) or "Any"


def found(reference: str, root: dict[str, Any]) -> Any:
    """What a reference inside of a schema means."""
    part: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        part = part.get(step) if isinstance(part, dict) else None
    return part


def shown(value: Any) -> str:
    """A value as Python writes it."""
    return repr(value)
