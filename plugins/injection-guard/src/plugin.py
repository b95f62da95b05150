"""A guardrail against prompt injection: it weighs what it finds, and the sum decides. Nothing here asks a model."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import scan
from cleargate import Bounds, Escalate, Failure, Modify, Pass, Reject, guardrail
from labels import LABELS

Points = Annotated[int, Bounds(minimum=0, maximum=101)]
Weight = Annotated[int, Bounds(minimum=0, maximum=100)]


@dataclass
class Config:
    reject_at: Annotated[Points, "The score from which content is refused; 101 is never."] = 80
    escalate_at: Annotated[Points, "The score from which a person decides; 101 is never."] = 50
    report_at: Annotated[Points, "The score from which content goes on with its findings; 101 is never."] = 20
    weights: Annotated[dict[str, Weight], "Points of a label in the place of its own; 0 turns it off."] = field(
        default_factory=dict
    )
    hosts: Annotated[
        list[str], Bounds(max_items=200), "Hosts whose links and images may carry data; those below them, too."
    ] = field(default_factory=list)
    at: Annotated[list[str], Bounds(max_items=50), "JSON Pointers to the parts that are read; all when empty."] = field(
        default_factory=list
    )
    max_letters: Annotated[
        int, Bounds(minimum=1, maximum=scan.MAX_LETTERS), "Letters of a content; one with more fails with `limit`."
    ] = scan.MAX_LETTERS
    strip: Annotated[bool, "Takes characters that nobody sees out of what goes on."] = False


@guardrail
def injection_guard(content: Any, config: Config) -> Pass | Modify | Reject | Escalate:
    """Scores texts for prompt injection, and refuses, escalates or reports them."""
    unknown = sorted(set(config.weights) - set(LABELS))
    if unknown:
        raise Failure("invalid_input", f"/weights: no label {unknown[0]!r}; there are {', '.join(LABELS)}")
    for number, place in enumerate(config.at):
        if place and not place.startswith("/"):
            raise Failure("invalid_input", f"/at/{number}: {place!r} is no JSON Pointer; write `/{place}`")
    hosts = frozenset(host.lower().strip(".") for host in config.hosts)
    found = scan.scan(content, scan.Reading(config.at, hosts, config.max_letters, config.strip))
    weights = {label: kind.weight for label, kind in LABELS.items()} | config.weights
    findings = [one for one in found.findings if weights[one.label] > 0]
    score = scan.score(findings, config.weights)
    reason = f"looks like prompt injection: {score} of 100 ({', '.join(sorted({one.label for one in findings}))})"
    if findings and score >= config.reject_at:
        return Reject(reason, scan.listed(findings))
    if findings and score >= config.escalate_at:
        return Escalate(reason, scan.listed(findings))
    if found.stripped or findings and score >= config.report_at:
        return Modify(found.content, scan.listed(findings))
    return Pass()
