"""Tools for YAML: read as version 1.2 says, into JSON and no further, and written so that readers of 1.1 agree."""

from dataclasses import dataclass
from typing import Annotated, Any

import pointer
import read
import write as writer
from cleargate import Bounds, Failure, tool

Text = Annotated[str, Bounds(max_length=read.MAX_LETTERS), "YAML: one document, or several between lines of `---`."]
Merge = Annotated[bool, "Takes in the mappings of a key `<<`, as YAML 1.1 does; otherwise it is a key like others."]


@dataclass
class Doubt:
    line: Annotated[int, Bounds(minimum=1)]
    column: Annotated[int, Bounds(minimum=1)]
    path: Annotated[str, "A JSON Pointer; the first step is the number of the document."]
    message: str


@dataclass
class Documents:
    documents: list[Any]
    doubts: Annotated[list[Doubt], "What other readers of YAML would read otherwise; the first 100."]


@dataclass
class Value:
    path: str
    found: bool
    value: Any = None


@dataclass
class Values:
    values: Annotated[list[Value], "One for each path; a path with `*` gives one for each place that fits."]


@dataclass
class Written:
    text: str


@tool(read_only=True, idempotent=True)
def parse(text: Text, merge: Merge = True) -> Documents:
    """Reads YAML 1.2 into JSON. Twice the same key, unknown tags and cycles are refused with their line."""
    documents, doubts = read.documents(text, merge)
    return Documents(documents, [Doubt(*doubt) for doubt in doubts])


@tool(read_only=True, idempotent=True)
def get(
    text: Text,
    paths: Annotated[list[str], Bounds(min_items=1, max_items=100), "JSON Pointers; a step `*` fits every key or item."],
    document: Annotated[int, Bounds(minimum=0), "Which of several documents; the first is 0."] = 0,
    merge: Merge = True,
) -> Values:
    """Gives values of a YAML document by JSON Pointers, such as `/spec/containers/0/image` or `/jobs/*/runs-on`."""
    documents, _ = read.documents(text, merge)
    if document >= len(documents):
        raise Failure("invalid_input", f"/document: there is no document {document}; there are {len(documents)}")
    found = []
    for number, path in enumerate(paths):
        places = pointer.find(documents[document], path, f"/paths/{number}")
        found += [Value(place, True, value) for place, value in places]
        if not places:
            found.append(Value(path, False))
    return Values(found)


@tool(read_only=True, idempotent=True)
def write(
    documents: Annotated[list[Any], Bounds(min_items=1, max_items=1000), "JSON values, each one document."],
    indent: Annotated[int, Bounds(minimum=2, maximum=8), "Blanks for each level."] = 2,
) -> Written:
    """Writes JSON as YAML. Texts that some reader would take for something else (`no`, `1.0`, `12:30`) are quoted."""
    return Written(writer.text(documents, indent))
