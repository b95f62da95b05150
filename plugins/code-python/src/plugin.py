"""A tool that runs Python which nobody has read.

Each call is an interpreter of its own, as it was when the component was built: what a program leaves behind is gone with it, unless the
host keeps the instance and the calls say `keep`. There is no machine to find: files are in memory, tools, bytes and the network are
what the host was told to give, and memory, fuel and time are the host's.
"""

import gc
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

# Time and chance are the journal's: a replay sees the same. They come first, because modules of Python ask for the time as they are read.
from cleargate import Bounds, Failure, clock, random, tool  # noqa: F401
import execute
import toolbox
import vetted


@dataclass
class File:
    digest: Annotated[str, Bounds(pattern="^sha256:[0-9a-f]{64}$")]
    mime: str
    size: Annotated[int, Bounds(minimum=0)]
    name: str | None = None


Source = Annotated[str, Bounds(max_length=execute.MAX_SOURCE), "A program. The value of its last line, or of `result`, is what it gives."]
Input = Annotated[Any, "What the program sees as `input`."]
Files = Annotated[dict[str, File | str], "The program's folder at the start: names, with texts or media."]
Packages = Annotated[list[str], f"Which it may import of {vetted.listed()}."]
Tools = Annotated[bool, "Whether it sees the tools that were granted, as `tools.ALIAS.NAME(...)`."]
Keep = Annotated[bool, "Whether it sees what earlier calls of a session defined, and what it defines stays for later ones."]


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
    files: Annotated[list[File], "What it wrote into its folder."] = field(default_factory=list)


@dataclass
class Api:
    text: Annotated[str, "Python, with a stub for each tool."]


@tool(idempotent=True)
def run(source: Source, input: Input = None, files: Files = {}, packages: Packages = [], tools: Tools = False, keep: Keep = False) -> Ran:
    """Runs a Python program in a sandbox. It sees `input`, can import the modules of computation that the standard library has, and gives the
    value of its last line, or of the variable `result`. Files that it writes are media of the answer; what was granted it reaches as
    `tools.ALIAS.NAME(...)` and `fetch(url)`."""
    done = execute.run(execute.Program(source, input, files, packages, tools, keep))
    error = done.error and Mistake(done.error.type, done.error.message, done.error.line, done.error.traceback)
    found = [File(media.digest, media.mime, media.size, media.name) for media in done.files]
    return Ran(done.error is None, done.result, done.stdout, done.stderr, done.truncated, error, found)


@tool(read_only=True, idempotent=True)
def api(style: Annotated[Literal["full", "short"], "With documentation, or one line for each."] = "full") -> Api:
    """The tools that programs of this call may use, as declarations in Python: what a model is told before it writes a program."""
    try:
        return Api(toolbox.declarations(style))
    except toolbox.ToolError as refused:
        raise Failure(refused.code, refused.message, detail=refused.detail) from None


# Nothing of what was read is garbage, so no program pays for looking at it.
gc.collect()
gc.freeze()
