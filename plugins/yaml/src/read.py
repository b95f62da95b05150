"""YAML as JSON. A parser gives events; values are made of them here, so nothing is ever made that JSON does not have.

There is no recursion, an alias counts as much as what it stands for, and a plain scalar is what the core schema of
YAML 1.2 says: `no` is a text. Where readers of YAML 1.1 differ, that is told.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

from cleargate import Failure
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

# Letters of a text. The parser takes some 65,000 units of fuel a letter, so this is what the plugin's limits can read.
MAX_LETTERS = 65_536
# Values of all documents, those of aliases counted each time: few letters can name a great many.
MAX_VALUES = 100_000
# Letters of the answer that aliases may add: a long text can be named often, too.
MAX_ALIASED = 2_000_000
# Mappings and lists inside of each other. People write ten; a reader of JSON further on has a bound of its own.
MAX_DEPTH = 50
# Doubts that are told.
MAX_DOUBTS = 100
# Whole numbers that a flow has.
LEAST, MOST = -(2**63), 2**63 - 1

INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
OCTAL, HEXADECIMAL = re.compile(r"0o[0-7]+"), re.compile(r"0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
WORDS = {"": None, "~": None} | {
    form: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for form in (word, word.capitalize(), word.upper())
}

BOOLEAN_11 = re.compile(r"y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF")
OCTAL_11 = re.compile(r"[-+]?0[0-7_]*[0-7]")
SEXAGESIMAL_11 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
UNDERSCORES_11 = re.compile(r"[-+]?(?:[0-9][0-9_]*_[0-9_]*|0x[0-9a-fA-F_]*_[0-9a-fA-F_]*)")
DATE_11 = re.compile(r"\d{4}-\d\d?-\d\d?(?:(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)?")

SURROGATE = re.compile("[\\ud800-\\udfff]")

TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}
# The key of an earlier version that takes in other mappings.
MERGE = "<<"


@dataclass
class Open:
    """A mapping or a list that is not at its end. `key` is the key whose value comes next."""

    value: Any
    begun: Any
    size: int = 1
    letters: int = 0
    key: str | None = None
    merged: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Reader:
    """What was read so far. An anchor names a value, how many values are in it, and its letters; nothing while it is open."""

    merge: bool
    documents: list[Any] = field(default_factory=list)
    doubts: list[tuple[int, int, str, str]] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int, int] | None] = field(default_factory=dict)
    values: int = 0
    aliased: int = 0

    def event(self, event: Any) -> None:
        match event:
            case DocumentStartEvent():
                self.anchors = {}
            case ScalarEvent():
                self.scalar(event)
            case AliasEvent():
                self.alias(event)
            case MappingStartEvent() | SequenceStartEvent():
                self.begin(event, {} if isinstance(event, MappingStartEvent) else [])
            case MappingEndEvent() | SequenceEndEvent():
                self.end()

    def scalar(self, event: Any) -> None:
        event.value = letters(event)
        holder = self.open[-1] if self.open else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None:
            self.key(event, holder)
            return
        plain = event.implicit[0] and event.style is None
        value = self.meaning(event, plain)
        self.named(event, value, 1, len(event.value))
        self.add(event, value, 1, len(event.value))

    def key(self, event: Any, holder: Open) -> None:
        """A key is a text, whatever it looks like; the same one twice would lose a value."""
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            raise refused(event, f"a key with the tag {event.tag}; keys of JSON are texts")
        if event.implicit[0] and event.style is None:
            self.doubt(event, BOOLEAN_11, "is a text here, and true or false in YAML 1.1; quote it")
        if event.value in holder.value:
            raise refused(event, f"the key {shown(event.value)} stands there twice")
        if event.anchor is not None:
            self.anchors[event.anchor] = (event.value, 1, len(event.value))
        holder.key = event.value

    def meaning(self, event: Any, plain: bool) -> Any:
        """The value of a scalar."""
        if event.tag in (None, "!"):
            return self.core(event) if plain and event.tag is None else event.value
        kind = TAGS.get(event.tag)
        if kind == "str":
            return event.value
        value = self.core(event)
        fits = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}.get(kind or "", ())
        if not isinstance(value, fits) or kind in ("int", "float") and isinstance(value, bool):
            what = f"{shown(event.value)} is no {kind}" if kind else f"the tag {event.tag} is not read; leave it out, or write !!str"
            raise refused(event, what)
        return float(value) if kind == "float" else value

    def core(self, event: Any) -> Any:
        """What a plain scalar is in the core schema."""
        text = event.value
        if text in WORDS:
            return WORDS[text]
        if INTEGER.fullmatch(text):
            self.doubt(event, OCTAL_11, f"is {int(text) if len(text) < 30 else text} here, and an octal number in YAML 1.1")
            return whole(event, int(text) if len(text) <= 20 else MOST + 1)
        if OCTAL.fullmatch(text) or HEXADECIMAL.fullmatch(text):
            return whole(event, int(text, 0) if len(text) <= 30 else MOST + 1)
        if FLOAT.fullmatch(text):
            if not math.isfinite(number := float(text)):
                raise refused(event, f"{shown(text)} is too large for a number; quote it")
            return number
        if NO_NUMBER.fullmatch(text):
            raise refused(event, f"{text} is no number of JSON; quote it")
        for form, what in (
            (BOOLEAN_11, "is a text here, and true or false in YAML 1.1; quote it"),
            (SEXAGESIMAL_11, "is a text here, and a number to the base 60 in YAML 1.1; quote it"),
            (UNDERSCORES_11, "is a text here, and a number in YAML 1.1; quote it"),
            (DATE_11, "is a text here, and a date in YAML 1.1; quote it"),
        ):
            if self.doubt(event, form, what):
                break
        return text

    def doubt(self, event: Any, form: re.Pattern[str], what: str) -> bool:
        """Tells that others read a scalar otherwise."""
        if not form.fullmatch(event.value):
            return False
        if len(self.doubts) < MAX_DOUBTS:
            mark = event.start_mark
            self.doubts.append((mark.line + 1, mark.column + 1, self.path(), f"{shown(event.value)} {what}"))
        return True

    def path(self) -> str:
        """The place of the value that comes next."""
        steps = [str(len(self.documents))]
        for holder in self.open:
            step = len(holder.value) if isinstance(holder.value, list) else holder.key
            steps += [] if step is None else [str(step).replace("~", "~0").replace("/", "~1")]
        return "/" + "/".join(steps)

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise refused(event, f"nothing is named &{event.anchor} before")
        named = self.anchors[event.anchor]
        if named is None:
            raise refused(event, f"*{event.anchor} stands inside of &{event.anchor}: it would have no end")
        value, size, letters = named
        holder = self.open[-1] if self.open else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None:
            raise refused(event, f"*{event.anchor} as a key; write it out")
        self.aliased += letters
        if self.aliased > MAX_ALIASED:
            raise Failure("limit", f"aliases stand for more than {MAX_ALIASED} letters")
        self.add(event, value, size, letters)

    def begin(self, event: Any, value: Any) -> None:
        if event.tag not in (None, "!") and TAGS.get(event.tag) != ("map" if isinstance(value, dict) else "seq"):
            raise refused(event, f"the tag {event.tag} is not read; leave it out")
        if self.open and isinstance(self.open[-1].value, dict) and self.open[-1].key is None:
            raise refused(event, "a key that is a mapping or a list; keys of JSON are texts")
        if len(self.open) == MAX_DEPTH:
            raise Failure("limit", f"line {event.start_mark.line + 1}: more than {MAX_DEPTH} levels")
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.open.append(Open(value, event))

    def end(self) -> None:
        holder = self.open.pop()
        if holder.merged:
            # What stands in the mapping itself wins, then what was named first.
            for mapping in holder.merged:
                for name, value in mapping.items():
                    holder.value.setdefault(name, value)
        self.named(holder.begun, holder.value, holder.size, holder.letters)
        self.add(holder.begun, holder.value, holder.size, holder.letters, counted=True)

    def named(self, event: Any, value: Any, size: int, letters: int) -> None:
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, size, letters)

    def add(self, event: Any, value: Any, size: int, letters: int, counted: bool = False) -> None:
        """Puts a value where it belongs."""
        self.values += 1 if counted else size
        if self.values > MAX_VALUES:
            raise Failure("limit", f"more than {MAX_VALUES} values, those of aliases counted each time")
        if not self.open:
            self.documents.append(value)
            return
        holder = self.open[-1]
        holder.size += size
        holder.letters += letters
        if isinstance(holder.value, list):
            holder.value.append(value)
            return
        name, holder.key = holder.key, None
        if name == MERGE and self.merge:
            mappings = value if isinstance(value, list) else [value]
            if not all(isinstance(mapping, dict) for mapping in mappings):
                raise refused(event, "`<<` takes in a mapping, or a list of mappings")
            holder.merged += mappings
        else:
            holder.letters += len(name or "")
            holder.value[name] = value


def documents(text: str, merge: bool) -> tuple[list[Any], list[tuple[int, int, str, str]]]:
    """The documents of a text, and what others would read otherwise."""
    reader = Reader(merge)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            reader.event(event)
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        what = " ".join(str(part) for part in (wrong.context, wrong.problem) if part)
        raise Failure("invalid_input", f"line {mark.line + 1}, column {mark.column + 1}: {what}" if mark else what) from None
    except YAMLError as wrong:
        raise Failure("invalid_input", " ".join(str(wrong).split())) from None
    return reader.documents, reader.doubts


def whole(event: Any, number: int) -> int:
    """A whole number that a flow has."""
    if not LEAST <= number <= MOST:
        raise refused(event, f"{shown(event.value)} has more than 64 bits; quote it")
    return number


def refused(event: Any, what: str) -> Failure:
    mark = event.start_mark
    return Failure("invalid_input", f"line {mark.line + 1}, column {mark.column + 1}: {what}")


def shown(text: str) -> str:
    """A scalar in a message, cut."""
    return f"`{text if len(text) <= 40 else text[:40] + '…'}`"


def letters(event: Any) -> str:
    """The text of a scalar. A letter that JSON writes in two escapes is one; half of such a letter is no text."""
    if not SURROGATE.search(event.value):
        return event.value
    try:
        return event.value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise refused(event, "half of a letter that has two escapes") from None
