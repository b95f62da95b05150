"""Brings events from outside, each of which starts a run, and takes the answers back."""

from dataclasses import dataclass, field
from typing import Any

from ..wire import guarded, read, returned, write
from .part import Part

TRIGGER = Part("trigger", poll="cursor limit", reply="id output")


@dataclass(frozen=True)
class Event:
    """The input of a run. One run is started for an `id`, however often the event is given."""

    id: str
    input: dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """Events in the order in which they happened; the next call gets the cursor, or the one before."""

    events: list[Event] = field(default_factory=list)
    cursor: str | None = None


def trigger[C: type](cls: C, /) -> C:
    """Makes a class a trigger, by its methods.

    `poll(cursor, limit, config, ctx)` returns a `Batch` of at most `limit` events behind the cursor, which is `None` in
    the first call. `reply(id, output, config, ctx)` gets the output of the run that an event started; a trigger
    without a way back has none. Each takes what it wants, by name.
    """
    TRIGGER.methods(cls, "reply")
    return cls


class Export:
    """The exports of the contract."""

    ready = staticmethod(TRIGGER.ready)

    @guarded
    def poll(self, ctx: Any, cursor: str | None, limit: int, config: Any) -> Any:
        from wit_world.exports import trigger as own

        batch = TRIGGER.call("poll", ctx, config, cursor=cursor, limit=limit)
        events = [own.Event(returned(str, "`id`", event.id), write(event.input)) for event in batch.events]
        return own.Batch(events, None if batch.cursor is None else returned(str, "`cursor`", batch.cursor))

    @guarded
    def reply(self, ctx: Any, id: str, output: Any, config: Any) -> None:
        if TRIGGER.has("reply"):
            TRIGGER.call("reply", ctx, config, id=id, output=read("output", output))
