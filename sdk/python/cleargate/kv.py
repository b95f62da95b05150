"""Named stores of small values that outlive a run."""

from typing import Any

from wit_world.imports import kv as host

from .failure import foreign
from .schema import text
from .wire import asking


def stored(value: bytes | str) -> bytes:
    """Text is kept as UTF-8."""
    return value.encode() if isinstance(value, str) else value


@asking
def get(store: str, key: str) -> bytes | None:
    """The bytes of a key; nothing when there is none."""
    return host.get(store, key)


@asking
def set(store: str, key: str, value: bytes | str) -> None:
    """Sets a value."""
    host.set(store, key, stored(value))


@asking
def delete(store: str, key: str) -> None:
    """Removes a key; a key that is not there is no error."""
    host.delete(store, key)


@asking
def swap(store: str, key: str, expected: bytes | str | None, value: bytes | str) -> bool:
    """Sets the value only when the present one equals `expected`; says whether it did."""
    return host.swap(store, key, None if expected is None else stored(expected), stored(value))


@asking
def list(store: str, prefix: str = "", after: str | None = None) -> host.Page:
    """A page of at most 1,000 keys that start with `prefix`, in `keys`; `next` is for the next call."""
    return host.list(store, prefix, after)


def get_json(store: str, key: str) -> Any:
    """The value of a key as data; nothing when there is none."""
    value = get(store, key)
    return None if value is None else foreign(f"the value of `{key}`", value)


def set_json(store: str, key: str, data: Any) -> None:
    """Sets a value as JSON."""
    set(store, key, text(data))
