"""Values as they cross the boundary: JSON text, or a handle to bytes that stay with the host."""

import functools
import inspect
import json
from dataclasses import dataclass
from json import loads
from typing import Any, Callable

from componentize_py_types import Err
from wit_world.imports import types as wit

from .failure import Failure, failure_of, parsed
from .schema import text


@dataclass(frozen=True)
class Context:
    """Who calls, from where, and until when."""

    run_id: str
    address: str
    attempt: int
    deadline: int | None
    idempotency_key: str
    binding: str
    tenant: str
    trace_parent: str | None


def read(what: str, value: Any) -> Any:
    """Data from a value; `what` names it in the refusal."""
    match value:
        case wit.Value_Json(data):
            return loads(data)
        case wit.Value_Media():
            raise Failure("invalid_input", f"the {what} must be JSON; it is media")
    raise Failure(
        "invalid_input", f"the {what} is of a kind that came after this plugin was built; rebuild the plugin"
    )


def write(value: Any) -> Any:
    """A value from data."""
    return wit.Value_Json(text(value))


def returned[T](kind: type[T], what: str, value: Any) -> T:
    """What an author's function returned, held to its type: the engine would stop the call and not say why."""
    if isinstance(value, kind) and not isinstance(value, bool):
        return value
    raise TypeError(f"a function returned {type(value).__name__} as {what}; it must be {kind.__name__}")


def context(ctx: Any) -> Context:
    """The context as authors see it."""
    return Context(**vars(ctx))


def lower(error: BaseException) -> Exception:
    """A failure as the contract writes it."""
    failure = failure_of(error)
    detail = None if failure.detail is None else json.dumps(failure.detail)
    code = wit.ErrorCode[failure.code.upper()]
    # A message may quote half of a letter.
    message = failure.message.encode(errors="backslashreplace").decode()
    return Err(wit.Error(code, message, failure.retryable, detail))


def guarded[**P, T](call: Callable[P, T]) -> Callable[P, T]:
    """An export that fails as the contract says, whatever the author's function raises."""

    @functools.wraps(call)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except BaseException as error:
            raise lower(error) from None

    return run


def done(value: Any) -> Any:
    """What a function returned, also when it is `async`: the host's services wait by themselves, so nothing else does."""
    if not inspect.iscoroutine(value):
        return value
    try:
        value.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("an `async` function waits for something that is not of this package")


def asking[**P, T](call: Callable[P, T]) -> Callable[P, T]:
    """A function that calls the host; what the host refuses becomes a failure."""

    @functools.wraps(call)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except Err as refusal:
            error = refusal.value
            code = error.code.name.lower()
            raise Failure(code, error.message, retryable=error.retryable, detail=parsed(error.detail)) from None

    return run
