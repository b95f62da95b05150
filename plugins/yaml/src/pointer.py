"""JSON Pointers (RFC 6901), with a step for all keys or items."""

from typing import Any

from cleargate import Failure

# Places of all paths of a call.
MAX_PLACES = 10_000


def find(value: Any, path: str, at: str) -> list[tuple[str, Any]]:
    """Places that fit a path, with their values; `at` names the path in a refusal."""
    if path and not path.startswith("/"):
        raise Failure("invalid_input", f"{at}: {path!r} is no JSON Pointer; write `/{path}`")
    places: list[tuple[str, Any]] = [("", value)]
    for step in path.split("/")[1:]:
        below = []
        for place, holder in places:
            below += [(f"{place}/{escaped(name)}", inside) for name, inside in steps(holder, step)]
        if len(below) > MAX_PLACES:
            raise Failure("limit", f"{at}: fits more than {MAX_PLACES} places")
        places = below
    return places


def steps(holder: Any, step: str) -> list[tuple[str, Any]]:
    """What is below a value by a step."""
    if isinstance(holder, dict):
        name = step.replace("~1", "/").replace("~0", "~")
        return [*holder.items()] if step == "*" else [(name, holder[name])] if name in holder else []
    if isinstance(holder, list):
        if step == "*":
            return [(str(number), item) for number, item in enumerate(holder)]
        if step.isascii() and step.isdigit() and str(int(step[:9])) == step and int(step) < len(holder):
            return [(step, holder[int(step)])]
    return []


def escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
