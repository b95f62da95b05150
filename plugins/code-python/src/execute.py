"""One program: read, run, and what came of it as data."""

import ast
import inspect
import json
import linecache
import math
import sys
import traceback
from dataclasses import dataclass
from typing import Any

import modules  # noqa: F401 - what a program can import has to be there when the component is built
import turns
from printed import Printed, Stream

# Letters of a program.
MAX_SOURCE = 262_144
# Letters of a message, and of a traceback: a person or a model reads them.
MAX_MESSAGE = 4_096
# How deep a result may be; readers of JSON stop not far behind.
MAX_DEPTH = 60
# Whole numbers of 64 bits are what JSON readers agree on.
MAX_INT = 2**63 - 1

NAME = "<code>"

turns.install()


@dataclass
class Mistake:
    type: str
    message: str
    line: int | None
    traceback: str


@dataclass
class Done:
    result: Any
    stdout: str
    stderr: str
    truncated: bool
    error: Mistake | None


def run(source: str, value: Any) -> Done:
    """Runs a program; whatever it does, this returns, unless the host ends it."""
    printed = Printed()
    out, err = Stream(printed), Stream(printed)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    result, error = None, None
    try:
        result = plain(perform(source, value))
    except BaseException as caught:  # `SystemExit` and what a program raises of its own are no exception to the rule
        if not (isinstance(caught, SystemExit) and caught.code in (None, 0)):
            error = mistake(caught)
    finally:
        sys.stdout, sys.stderr = before
    return Done(result, out.text(), err.text(), printed.truncated, error)


def perform(source: str, value: Any) -> Any:
    """The value of the last line, or of `result`."""
    # Lines of a traceback are looked up here.
    linecache.cache[NAME] = (len(source), None, source.splitlines(True), NAME)
    tree = ast.parse(source, NAME)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__, "input": value}
    settled(compile(tree, NAME, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if last is None:
        return names.get("result")
    found = settled(compile(last, NAME, "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    return names.get("result") if found is None else found


def settled(code: Any, names: dict[str, Any]) -> Any:
    """Runs code, also when it awaits at its outermost level."""
    found = eval(code, names)  # noqa: S307 - this is what the plugin is for; the component is the boundary
    if code.co_flags & inspect.CO_COROUTINE:
        return turns.run(found)
    return found


def plain(value: Any, depth: int = 0) -> Any:
    """A result as JSON has it. What JSON lacks is refused with the way to say it."""
    if depth > MAX_DEPTH:
        raise ValueError(f"the result is nested more than {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_INT:
            raise OverflowError(f"the result holds a whole number of {value.bit_length()} bits; JSON readers take 64: give str(…)")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"the result holds {value}, which JSON has not: give None or text")
        return value
    if isinstance(value, dict):
        return {key if isinstance(key, str) else text_key(key): plain(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, depth + 1) for part in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(part, depth + 1) for part in value), key=lambda part: json.dumps(part, sort_keys=True))
    raise TypeError(f"the result holds a {type(value).__name__}, which is no JSON: give numbers, text, lists or records")


def text_key(key: Any) -> str:
    """The name of a field, as Python's own writer of JSON makes it."""
    if key is None or isinstance(key, bool | int | float):
        return json.dumps(key)
    raise TypeError(f"the result holds a record with a {type(key).__name__} as a name: give text")


def mistake(caught: BaseException) -> Mistake:
    """What is told of an exception: the frames of the program, without those around it."""
    lines = [frame for frame in traceback.extract_tb(caught.__traceback__) if frame.filename == NAME]
    line = lines[-1].lineno if lines else None
    if isinstance(caught, SyntaxError) and caught.filename == NAME:
        line = caught.lineno
    head = ["Traceback (most recent call last):\n", *traceback.format_list(lines)] if lines else []
    message = str(caught)
    if isinstance(caught, SyntaxError):
        message = caught.msg
        head.append(f'  File "{NAME}", line {line}\n    {(caught.text or "").strip()}\n')
    if isinstance(caught, ModuleNotFoundError):
        message += ": there are the modules of the standard library that compute, and no packages"
    # Python's own writer of this line looks for names that were meant, also in folders, of which there are none.
    text = "".join([*head, f"{type(caught).__name__}: {message}\n" if message else f"{type(caught).__name__}\n"])
    return Mistake(type(caught).__name__, shortened(message), line, shortened(text))


def shortened(text: str) -> str:
    """A text that is not too long, without halves of characters."""
    whole = text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE // 2] + "\n…\n" + text[-MAX_MESSAGE // 2 :]
    return whole.encode("utf-8", "replace").decode("utf-8")
