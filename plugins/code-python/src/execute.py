"""One program: read, run, and what came of it as data."""

import ast
import builtins
import gc
import inspect
import json
import linecache
import math
import sys
from dataclasses import dataclass
from traceback import clear_frames
from typing import Any

import folder
import modules  # noqa: F401 - what a program can import has to be there when the component is built
import turns
import vetted
from fetching import fetch
from mistakes import NAME, Mistake, mistake
from printed import Printed, Stream
from toolbox import Closed, ToolError, refusal, toolbox

from cleargate import Failure

# Letters of a program.
MAX_SOURCE = 262_144
# How deep a result may be; readers of JSON stop not far behind.
MAX_DEPTH = 60
# Whole numbers of 64 bits are what JSON readers agree on.
MAX_INT = 2**63 - 1

turns.install()
# As it was when the component was built: programs may change what belongs to everybody.
dumps = json.dumps
everywhere = dict(vars(builtins))
restore = vars(builtins).update


@dataclass
class Program:
    """What a call asks for."""

    source: str
    input: Any
    files: dict[str, Any]
    packages: list[str]
    tools: bool
    keep: bool


@dataclass
class Done:
    result: Any
    stdout: str
    stderr: str
    truncated: bool
    error: Mistake | None
    files: list[Any]


class Kept:
    """What stays in this instance, for calls that ask for it: the names at the outermost level of programs, and their files."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.folder = folder.Folder()


kept = Kept()


def run(program: Program) -> Done:
    """Runs a program; whatever it does, this returns, unless the host ends it or the call asks for what there is not."""
    global kept
    if not program.keep:
        kept = Kept()
    files = kept.folder
    files.put(program.files)
    vetted.lend(program.packages)
    printed = Printed()
    out, err = Stream(printed, "info"), Stream(printed, "warn")
    before = sys.stdout, sys.stderr
    result, error, found = None, None, []
    try:
        names = prepared(program, files)
        sys.stdout, sys.stderr = out, err
        value = perform(program.source, names)
        restore(everywhere)
        result = plain(value)
    except BaseException as caught:  # `SystemExit` and what a program raises of its own are no exception to the rule
        restore(everywhere)
        if not (isinstance(caught, SystemExit) and caught.code in (None, 0)):
            error = told(caught)
    finally:
        sys.stdout, sys.stderr = before
    try:
        found = delivered(files)
    except Exception as caught:
        error = error or told(caught)
    out.end(), err.end()
    return Done(result, out.text(), err.text(), printed.truncated, error, found)


def told(caught: BaseException) -> Mistake:
    """A mistake, also when memory is what there is none of: what the program holds is let go before."""
    if isinstance(caught, MemoryError):
        clear_frames(caught.__traceback__)
        kept.names.clear()
        gc.collect()
    return mistake(caught)


def prepared(program: Program, files: folder.Folder) -> dict[str, Any]:
    """The names that a program begins with, and the machine that it finds."""
    files.install()
    names = kept.names
    names.update(__name__="__main__", __builtins__=__builtins__, input=program.input, fetch=fetch, help=helped, ToolError=ToolError)
    names[turns.AWAITABLE] = turns.awaitable
    try:
        names["tools"] = toolbox() if program.tools else Closed()
    except Failure as failure:
        raise refusal(failure) from None
    return names


def helped(thing: Any) -> None:
    """Prints how something is called, and what it says of itself."""
    try:
        print(getattr(thing, "__qualname__", type(thing).__name__) + str(inspect.signature(thing)))
    except (TypeError, ValueError):
        print(repr(thing))
    print(inspect.getdoc(thing) or "")


def perform(source: str, names: dict[str, Any]) -> Any:
    """The value of the last line, or of `result`."""
    # Lines of a traceback are looked up here.
    linecache.cache[NAME] = (len(source), None, source.splitlines(True), NAME)
    tree = ast.parse(source, NAME)
    # One of an earlier program is none of this one.
    results = "result" in source and any(
        isinstance(part, ast.Name) and part.id == "result" and isinstance(part.ctx, ast.Store) for part in ast.walk(tree)
    )
    if "await" in source:
        tree = turns.Awaiting().visit(tree)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    settled(compile(tree, NAME, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    found = None if last is None else settled(compile(last, NAME, "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    return names.get("result") if found is None and results else found


def settled(code: Any, names: dict[str, Any]) -> Any:
    """Runs code, also when it awaits at its outermost level."""
    found = eval(code, names)  # noqa: S307 - this is what the plugin is for; the component is the boundary
    if code.co_flags & inspect.CO_COROUTINE:
        return turns.run(found)
    return found


def delivered(files: folder.Folder) -> list[Any]:
    """What the program wrote, as media."""
    written = files.written()
    try:
        return [folder.deliver(name, data) for name, data in written]
    except Failure as failure:
        names = ", ".join(name for name, _ in written)
        raise PermissionError(f"the program wrote {names}, which stays nowhere: {refusal(failure).message}") from None


def plain(value: Any, depth: int = 0) -> Any:
    """A result as JSON has it. What JSON lacks is refused with the way to say it."""
    if depth > MAX_DEPTH:
        raise ValueError(f"the result is nested more than {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # Half a character is none in the host's text.
        return str.__str__(value).encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int):
        if abs(value) > MAX_INT:
            raise OverflowError(f"the result holds a whole number of {value.bit_length()} bits; JSON readers take 64: give str(…)")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"the result holds {value}, which JSON has not: give None or text")
        return float(value)
    if isinstance(value, dict):
        return {text_key(key): plain(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, depth + 1) for part in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(part, depth + 1) for part in value), key=lambda part: dumps(part, sort_keys=True))
    raise TypeError(f"the result holds a {type(value).__name__}, which is no JSON: give numbers, text, lists or records")


def text_key(key: Any) -> str:
    """The name of a field, as Python's own writer of JSON makes it."""
    if isinstance(key, str):
        return plain(key)
    if key is None or isinstance(key, bool | int | float):
        return dumps(key)
    raise TypeError(f"the result holds a record with a {type(key).__name__} as a name: give text")
