"""What is told of an exception that ended a program: what a model needs to mend it."""

from dataclasses import dataclass
# As they are when the component is built: programs may change what belongs to everybody.
from traceback import extract_tb, format_list

import vetted

# Letters of a message, and of a traceback: a person or a model reads them.
MAX_MESSAGE = 4_096

# The file of a program in tracebacks.
NAME = "<code>"

# Why what programs ask for most often is not there, and what is in its place.
ABSENT = {
    "threads": ("threading concurrent multiprocessing _thread", "there are no threads: do one after the other, or use asyncio"),
    "processes": ("subprocess signal pty", "there are no processes"),
    "sockets": ("socket ssl socketserver selectors ftplib smtplib", "there are no sockets: use fetch(url)"),
    "clients": ("requests httpx aiohttp urllib3", "there is fetch(url) in its place"),
    "native": ("numpy pandas scipy sklearn matplotlib torch PIL cv2 lxml pyarrow polars sympy", "it is native code, of which there is none"),
    "machine": ("ctypes sqlite3 tkinter curses readline resource mmap", "it needs a machine, of which there is none"),
}


@dataclass
class Mistake:
    type: str
    message: str
    line: int | None
    traceback: str


def mistake(caught: BaseException) -> Mistake:
    """The frames of the program, without those around it."""
    lines = [frame for frame in extract_tb(caught.__traceback__) if frame.filename == NAME]
    line = lines[-1].lineno if lines else None
    if isinstance(caught, SyntaxError) and caught.filename == NAME:
        line = caught.lineno
    head = ["Traceback (most recent call last):\n", *format_list(lines)] if lines else []
    message = said(caught)
    if isinstance(caught, SyntaxError):
        message = caught.msg
        head.append(f'  File "{NAME}", line {line}\n    {(caught.text or "").strip()}\n')
    if isinstance(caught, ModuleNotFoundError) and caught.name:
        message = absent(caught.name)
    kind = type(caught).__name__
    # Python's own writer of this line looks for names that were meant, also in folders, of which there are none.
    text = "".join([*head, f"{kind}: {message}\n" if message else f"{kind}\n"])
    return Mistake(shortened(kind), shortened(message), line, shortened(text))


def said(caught: BaseException) -> str:
    """The words of an exception, whose class is the program's: it may say anything, also nothing."""
    try:
        return str.__str__(str(caught))
    except BaseException:
        return "the exception cannot say what it is"


def absent(name: str) -> str:
    """Why a module is not there."""
    top = name.split(".")[0]
    if (package := vetted.package_of(top)) is not None:
        return f"`{name}` is of the package {package}, for which the call has to ask: packages: [{package}]"
    for names, why in ABSENT.values():
        if top in names.split():
            return f"there is no module `{name}`: {why}"
    return f"there is no module `{name}`: there are those of the standard library that compute, and the packages {vetted.listed()}"


def shortened(text: str) -> str:
    """A text that is not too long, without halves of characters."""
    whole = text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE // 2] + "\n…\n" + text[-MAX_MESSAGE // 2 :]
    return whole.encode("utf-8", "replace").decode("utf-8")
