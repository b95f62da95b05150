"""A tool that runs Python which nobody has read.

Each call is an interpreter of its own, as it was when the component was built: what a program leaves behind is gone with it. There is
no file, no network, no process and no environment to find, because the component imports none; memory, fuel and time are the host's.
"""

from dataclasses import dataclass
from typing import Annotated, Any

# Time and chance are the journal's: a replay sees the same. They come first, because modules of Python ask for the time as they are read.
from cleargate import Bounds, clock, random, tool  # noqa: F401
import execute

Source = Annotated[str, Bounds(max_length=execute.MAX_SOURCE), "A program. The value of its last line, or of `result`, is what it gives."]
Input = Annotated[Any, "What the program sees as `input`."]


@dataclass
class Mistake:
    type: Annotated[str, "The class of the exception, as `ValueError`."]
    message: str
    line: Annotated[int | None, Bounds(minimum=1), "Where in the program."] = None
    traceback: Annotated[str, "As Python prints it, with the lines of the program."] = ""


@dataclass
class Ran:
    ok: Annotated[bool, "Whether the program came to its end."]
    result: Annotated[Any, "What it gives, as JSON."] = None
    stdout: str = ""
    stderr: str = ""
    truncated: Annotated[bool, "Whether more was printed than is kept."] = False
    error: Mistake | None = None


@tool(idempotent=True)
def run(source: Source, input: Input = None) -> Ran:
    """Runs a Python program in a sandbox. It sees `input`, can import the modules of computation that the standard library has, and gives the
    value of its last line, or of the variable `result`. It has no files, no network and no packages."""
    done = execute.run(source, input)
    error = done.error and Mistake(done.error.type, done.error.message, done.error.line, done.error.traceback)
    return Ran(done.error is None, done.result, done.stdout, done.stderr, done.truncated, error)
