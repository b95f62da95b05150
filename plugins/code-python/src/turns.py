"""What programs use of `asyncio`, in one thread and without sockets: coroutines that take turns.

Python's own loop waits on sockets, of which a component has none. Nothing here waits for the world: what a program awaits is other
coroutines of its own, and time.
"""

import heapq
import sys
import time
import types
from collections import deque
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any


class CancelledError(BaseException):
    """A task was cancelled."""


class Turn:
    """What a coroutine gives to the loop: when it wants to go on, or which task it waits for."""

    def __init__(self, after: float = 0.0, task: "Task | None" = None) -> None:
        self.after = after
        self.task = task

    def __await__(self) -> Generator["Turn", None, None]:
        yield self


class Task:
    """A coroutine that takes turns with others."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.coroutine = coroutine
        self.value: Any = None
        self.error: BaseException | None = None
        self.ended = False
        self.stopped = False
        self.waiting: list[Task] = []

    def done(self) -> bool:
        return self.ended

    def cancel(self) -> bool:
        self.stopped = not self.ended
        return self.stopped

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value

    def __await__(self) -> Generator[Turn, None, Any]:
        if not self.ended:
            yield Turn(task=self)
        return self.result()


class Loop:
    """All tasks of a program."""

    def __init__(self) -> None:
        self.ready: deque[Task] = deque()
        self.asleep: list[tuple[float, int, Task]] = []
        self.count = 0

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Task:
        task = Task(coroutine)
        self.ready.append(task)
        return task

    def until(self, task: Task) -> Any:
        while not task.ended:
            self.wake()
            self.step(self.ready.popleft())
        return task.result()

    def wake(self) -> None:
        now = time.monotonic()
        if not self.ready:
            if not self.asleep:
                raise RuntimeError("every task waits for another one")
            time.sleep(max(0.0, self.asleep[0][0] - now))
            now = max(self.asleep[0][0], time.monotonic())
        while self.asleep and self.asleep[0][0] <= now:
            self.ready.append(heapq.heappop(self.asleep)[2])

    def step(self, task: Task) -> None:
        if task.ended:
            return
        try:
            turn = task.coroutine.throw(CancelledError()) if task.stopped else task.coroutine.send(None)
        except StopIteration as end:
            task.value = end.value
        except BaseException as error:  # the task that awaits it, or the program, is told
            task.error = error
        else:
            return self.wait(task, turn)
        task.ended = True
        self.ready.extend(task.waiting)

    def wait(self, task: Task, turn: Any) -> None:
        if not isinstance(turn, Turn):
            raise TypeError(f"a coroutine gave a {type(turn).__name__} to the loop")
        if turn.task is not None and not turn.task.ended:
            turn.task.waiting.append(task)
        elif turn.after > 0:
            self.count += 1
            heapq.heappush(self.asleep, (time.monotonic() + turn.after, self.count, task))
        else:
            self.ready.append(task)


LOOP = Loop()


async def settled(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def create_task(coroutine: Coroutine[Any, Any, Any], *, name: str | None = None) -> Task:
    return LOOP.start(coroutine)


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return LOOP.until(LOOP.start(coroutine))


async def sleep(delay: float, result: Any = None) -> Any:
    await Turn(after=delay)
    return result


async def gather(*awaitables: Awaitable[Any], return_exceptions: bool = False) -> list[Any]:
    tasks = [each if isinstance(each, Task) else LOOP.start(settled(each)) for each in awaitables]
    results = []
    for task in tasks:
        try:
            results.append(await task)
        except Exception as error:
            if not return_exceptions:
                raise
            results.append(error)
    return results


def install() -> None:
    """Programs find this under the name that they know."""
    module = types.ModuleType("asyncio", "Coroutines that take turns: there are no sockets, processes or threads.")
    for public in (CancelledError, Task, create_task, run, sleep, gather):
        setattr(module, public.__name__, public)
    module.ensure_future = create_task
    module.TimeoutError = TimeoutError
    sys.modules["asyncio"] = module
