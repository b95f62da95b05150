"""Walks a JSON value and reads each text in it, keys too: what is found, where, and how much it weighs together."""

from dataclasses import dataclass, field
from typing import Any

import links
import rules
import views
from cleargate import Failure, Finding
from labels import LABELS

# Letters of one check. Prose takes some 8,000 units of fuel a letter, so these take half of what a call has; texts that
# are made to take more end without an answer, and do not pass.
MAX_LETTERS = 65_536
# Findings that are listed; a person who sees this many reads no further.
MAX_FINDINGS = 100
# How often something encoded is decoded again.
MAX_DEPTH = 3
# Decoded texts of one check: each is read like the text itself.
MAX_VIEWS = 64


@dataclass(frozen=True)
class Found:
    """A label, and the pointer of the text."""

    label: str
    path: str


@dataclass(frozen=True)
class Reading:
    """What is read, and how: pointers of the parts, hosts that may get data, most letters, and whether to strip."""

    at: list[str]
    hosts: frozenset[str]
    max_letters: int
    strip: bool


@dataclass
class Scan:
    """What one check has seen so far. `content` is what may go on."""

    how: Reading
    letters: int = 0
    views: int = 0
    stripped: bool = False
    content: Any = None
    findings: list[Found] = field(default_factory=list)


def scan(content: Any, how: Reading) -> Scan:
    """Reads a value."""
    seen = Scan(how)
    seen.content = walk(content, "", "", seen)
    return seen


def walk(value: Any, real: str, shown: str, seen: Scan) -> Any:
    """`real` is the pointer that `at` names. In `shown` a key that holds an attack is replaced: models read findings."""
    if isinstance(value, str):
        return text_of(value, real, shown, seen)
    if isinstance(value, list):
        return [walk(item, f"{real}/{n}", f"{shown}/{n}", seen) for n, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    safe = {}
    for key, item in value.items():
        before = len(seen.findings)
        place = f"{real}/{escaped(key)}"
        name = text_of(key, place, shown, seen)
        # Two keys that differ in what nobody sees stay two.
        name = key if name in safe else name
        step = "<KEY>" if len(seen.findings) > before else escaped(key)
        safe[name] = walk(item, place, f"{shown}/{step}", seen)
    return safe


def text_of(text: str, real: str, shown: str, seen: Scan) -> str:
    """Notes what a text holds, and gives it as it may go on."""
    if seen.how.at and not any(real == place or real.startswith(f"{place}/") for place in seen.how.at):
        return text
    seen.letters += len(text)
    if seen.letters > seen.how.max_letters:
        raise Failure("limit", f"more than {seen.how.max_letters} letters; give the content in parts, or name some with `at`")
    seen.findings += [Found(label, shown) for label in dict.fromkeys(labels_of(text, seen, 0))]
    if not seen.how.strip or (clean := views.stripped(text)) == text:
        return text
    seen.stripped = True
    return clean


def labels_of(text: str, seen: Scan, depth: int) -> list[str]:
    """Labels of a text in all of its readings."""
    labels = views.invisible(text)
    plain = views.folded(text)
    said = spoken(plain)
    labels += said
    if links.carries(text, seen.how.hosts):
        labels.append("data_link")
    for view in views.disguised(plain):
        # A disguise that hides nothing is a way to write; one that hides instructions is none.
        if more := [label for label in spoken(view.text) + squeezed(view.text) if label not in said]:
            labels += [view.label, *more]
    if views.mixed(plain) is not None:
        labels.append("mixed_script")
    if depth < MAX_DEPTH:
        for view in views.unseen(text) + views.encoded(text):
            seen.views += 1
            if seen.views > MAX_VIEWS:
                raise Failure("limit", f"more than {MAX_VIEWS} hidden or encoded texts; give the content in parts")
            more = labels_of(view.text, seen, depth + 1)
            if more and sum(LABELS[label].weight for label in set(more)) >= 35:
                labels += [*([view.label] if view.label else []), *more]
    return labels


def spoken(plain: str) -> list[str]:
    """Labels of the rules, for a folded text."""
    return rules.found(plain, rules.MARKUP) + rules.found(views.one_line(plain), rules.PHRASES)


def squeezed(text: str) -> list[str]:
    """Labels of phrases without blanks, for lines that had a gap between all of their letters."""
    lines = [line for line in text.split("\n") if " " not in line]
    return [label for label, phrase in rules.SQUEEZED if any(map(phrase.search, lines))]


def score(findings: list[Found], weights: dict[str, int]) -> int:
    """Points of all labels together: each one leaves its part of the doubt that the others left."""
    doubt = 1.0
    for label in {one.label for one in findings}:
        doubt *= 1 - weights.get(label, LABELS[label].weight) / 100
    return round(100 * (1 - doubt))


def listed(findings: list[Found]) -> list[Finding]:
    """Findings as people read them."""
    return [Finding(one.label, LABELS[one.label].message, one.path) for one in findings[:MAX_FINDINGS]]


def escaped(key: str) -> str:
    """A key as a part of a JSON Pointer."""
    return key.replace("~", "~0").replace("/", "~1")
