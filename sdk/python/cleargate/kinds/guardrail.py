"""A check on content that enters or leaves a step. It decides; the host acts."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Callable, overload

from ..wire import context, guarded, read, returned, write
from .definition import NOTHING, Method, add, identifier, only, summary


@dataclass(frozen=True)
class Finding:
    """What was found, never the thing itself; `path` is a JSON Pointer to the string that holds it."""

    label: str
    message: str
    path: str = ""


@dataclass(frozen=True)
class Pass:
    """Nothing to object to."""


@dataclass(frozen=True)
class Modify:
    """Go on with other content."""

    content: Any
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Reject:
    """Stop: the step fails with `denied`."""

    reason: str
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Escalate:
    """Ask a person."""

    reason: str
    findings: list[Finding] = field(default_factory=list)


type Verdict = Pass | Modify | Reject | Escalate


@dataclass(frozen=True)
class Guardrail:
    """A definition."""

    id: str
    summary: str
    check: Method


GUARDRAILS: dict[str, Guardrail] = {}


@overload
def guardrail[F: Callable[..., Any]](function: F, /) -> F: ...
@overload
def guardrail[F: Callable[..., Any]](*, id: str | None = ...) -> Callable[[F], F]: ...
def guardrail(function: Any = None, /, *, id: str | None = None) -> Any:
    """Makes a function a guardrail. It takes some of `content`, `config`, `stage` and `ctx`, by name.

    The type of `config` is its schema; the stage is `input`, `output`, `tool_call` or `tool_result`.
    """
    if function is None:
        return lambda function: guardrail_of(function, id)
    return guardrail_of(function, id)


def guardrail_of(function: Callable[..., Any], id: str | None) -> Callable[..., Any]:
    """Keeps the definition and gives the function back."""
    name = identifier(id or function.__name__)
    check = Method(function).offered({"content", "config", "stage", "ctx"})
    add("guardrail", GUARDRAILS, name, Guardrail(name, summary(function), check))
    return function


def verdict(decided: Any) -> Any:
    """A decision as the contract writes it."""
    from wit_world.exports import guardrail as own

    findings = [
        own.Finding(*(returned(str, f"`{name}`", getattr(found, name)) for name in ("label", "message", "path")))
        for found in getattr(decided, "findings", [])
    ]
    match decided:
        case Pass():
            return own.Verdict_Pass()
        case Modify(content=content):
            return own.Verdict_Modify(own.Modification(write(content), findings))
        case Reject(reason=reason):
            return own.Verdict_Reject(own.Objection(returned(str, "`reason`", reason), findings))
        case Escalate(reason=reason):
            return own.Verdict_Escalate(own.Objection(returned(str, "`reason`", reason), findings))
    raise TypeError("a guardrail returns Pass(), Modify(..), Reject(..) or Escalate(..)")


def stage_name(stage: Any) -> str:
    """`Stage_ToolCall` is `tool_call`; a stage that came later says its name itself."""
    word = type(stage).__name__.removeprefix("Stage_")
    return stage.value if word == "Other" else re.sub("(?<!^)([A-Z])", r"_\1", word).lower()


class Export:
    """The exports of the contract."""

    @staticmethod
    def ready() -> None:
        """Refuses a component without one, or with two, when it is built."""
        only("guardrail", GUARDRAILS)

    def describe(self) -> Any:
        from wit_world.exports import guardrail as own

        guard = only("guardrail", GUARDRAILS)
        schema = (guard.check.config or NOTHING).schema
        return own.Description(guard.id, guard.summary, json.dumps(schema))

    @guarded
    def check(self, ctx: Any, stage: Any, content: Any, config: Any) -> Any:
        check = only("guardrail", GUARDRAILS).check
        settings = (check.config or NOTHING).take("configuration", read("configuration", config))
        decided = check.call(
            content=read("content", content), config=settings, stage=stage_name(stage), ctx=context(ctx)
        )
        return verdict(decided)
