"""JSON as YAML, in blocks. A text is plain only when every reader, of YAML 1.1 too, takes it for the same text."""

import json
import re
from typing import Any

import read
from cleargate import Failure

# Mappings and lists inside of each other, as for reading.
MAX_DEPTH = read.MAX_DEPTH

# Plain: words and what joins them, without a sign that begins something else.
PLAIN = re.compile(r"[A-Za-z_/][\w ./@+()-]{0,200}(?<! )", re.ASCII)
# Words of any version, and numbers of any version that begin with a letter or a point.
TAKEN = re.compile(r"(?:y|n|yes|no|on|off|true|false|null|nan|inf|_+[0-9_]*)", re.I)
# Letters that a block may hold as they are.
SHOWN = re.compile("[^\\t\\n\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]|[\\x85\\u2028\\u2029]")


def text(documents: list[Any], indent: int) -> str:
    """The text of documents."""
    parts = ["\n".join(lines(document, indent, 0)) + "\n" for document in documents]
    return parts[0] if len(parts) == 1 else "".join(f"---\n{part}" for part in parts)


def lines(value: Any, indent: int, depth: int) -> list[str]:
    """The lines of a value, without the blanks of what is around it."""
    if depth > MAX_DEPTH:
        raise Failure("limit", f"more than {MAX_DEPTH} levels")
    gap = " " * indent
    done: list[str] = []
    if isinstance(value, dict) and value:
        for name, inside in value.items():
            if isinstance(inside, dict | list) and inside:
                done.append(f"{scalar(name)}:")
                done += [gap + line if line else line for line in lines(inside, indent, depth + 1)]
            else:
                first, *more = block(inside)
                done += [f"{scalar(name)}: {first}", *(gap + line if line else line for line in more)]
    elif isinstance(value, list) and value:
        for item in value:
            first, *more = lines(item, indent, depth + 1)
            # The second line of an item stands below the first letter of the first.
            done += [f"-{' ' * (indent - 1)}{first}", *(gap + line if line else line for line in more)]
    else:
        first, *more = block(value)
        done += [first, *(gap + line if line else line for line in more)]
    return done


def block(value: Any) -> list[str]:
    """A value without values inside: in one line, or a text of lines as a block."""
    if isinstance(value, dict):
        return ["{}"]
    if isinstance(value, list):
        return ["[]"]
    if not isinstance(value, str) or "\n" not in value.strip("\n") or SHOWN.search(value) or value[0] in " \n\t":
        return [scalar(value)]
    body = value.rstrip("\n")
    ends = len(value) - len(body)
    return ["|" + {0: "-", 1: ""}.get(ends, "+"), *body.split("\n"), *[""] * max(0, ends - 1)]


def scalar(value: Any) -> str:
    """A scalar in one line. JSON is YAML, so what is not plain is written as JSON."""
    if isinstance(value, str) and PLAIN.fullmatch(value) and not TAKEN.fullmatch(value) and " #" not in value:
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.1f}"
    if isinstance(value, float) and "." not in repr(value):
        return repr(value).replace("e", ".0e")  # a number of YAML 1.1 has a point
    return json.dumps(value, ensure_ascii=bool(isinstance(value, str) and SHOWN.search(value)), allow_nan=False)
