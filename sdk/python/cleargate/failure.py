"""A failure as a value: the host decides by its code whether to try again."""

import json
import linecache
import re
from typing import Any

# Closed, so that retry policies can name every case.
CODES = (
    "transient",
    "permanent",
    "timeout",
    "cancelled",
    "invalid_input",
    "denied",
    "limit",
    "budget",
    "unknown_outcome",
    "bug",
)

# Frames of a traceback that are told, from where it happened outwards: the rest is how the call came there.
FRAMES = 12


class Failure(Exception):
    """Why a call failed. Raise it; what else is raised is a defect of the plugin, with the code `bug`.

    `retryable` is true when the code is `transient`, unless said; `detail` is data for a program.
    """

    def __init__(self, code: str, message: str, *, retryable: bool | None = None, detail: Any = None):
        if code not in CODES:
            raise ValueError(f"`{code}` is no code; write one of {', '.join(CODES)}")
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = code == "transient" if retryable is None else retryable
        self.detail = detail


def failure_of(error: BaseException) -> Failure:
    """What an author's function raised, as a failure."""
    match error:
        case Failure():
            return error
        case MemoryError():
            return Failure("limit", "the memory of the call is used up")
        case RecursionError():
            return Failure("limit", f"the stack of the call is used up: {error}")
        case _ if (refusal := refusal_behind(error)) is not None:
            return refusal
    detail = {"traceback": told(error)}
    return Failure("bug", f"{type(error).__name__}: {error}", detail=detail)


# Clients of Python that wrap errors of a connection in classes of their own.
CLIENTS = {"httpcore", "httpx", "requests", "urllib3"}


def refusal_behind(error: BaseException) -> Failure | None:
    """What the host refused, when a client of Python says it in its own words and the plugin does not catch it."""
    seen: set[int] = set()
    step: Any = error
    while id(step) not in seen and (isinstance(step, OSError) or type(step).__module__.split(".")[0] in CLIENTS):
        seen.add(id(step))
        reason = getattr(step, "reason", None)
        step = reason if isinstance(reason, BaseException) else step.__cause__ or step.__context__
    return step if isinstance(step, Failure) else None


def told(error: BaseException) -> str:
    """The traceback without the frames of this package and of the engine.

    By hand: the module `traceback` asks the machine for files and for a terminal.
    """
    lines, step = [], error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if not hidden(code.co_filename):
            text = linecache.getline(code.co_filename, step.tb_lineno).strip()
            place = f'  File "{shown(code.co_filename)}", line {step.tb_lineno}, in {code.co_qualname}'
            lines.append(f"{place}\n    {text}" if text else place)
        step = step.tb_next
    return "\n".join([*lines[-FRAMES:], f"{type(error).__name__}: {error}"])


def shown(file: str) -> str:
    """A file's path in the project: the engine numbers the folders that it reads from."""
    return re.sub("^/[0-9]+/", "", file)


def hidden(file: str) -> bool:
    """Whether a file is not the author's."""
    return "/cleargate/" in file or "cleargate_entry" in file or file.startswith(("componentize_py", "<frozen"))


def foreign(what: str, text: bytes | str) -> Any:
    """Data of a text that somebody else wrote; `what` names it in the refusal."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failure("invalid_input", f"{what} is no JSON: {error}") from None


def parsed(detail: str | None) -> Any:
    """Detail that is no JSON is kept as text: it may be the line that grants."""
    if detail is None:
        return None
    try:
        return json.loads(detail)
    except ValueError:
        return detail
