"""What programs use of `asyncio`, in one thread and without sockets: coroutines that take turns.

Python's own loop waits on sockets, of which a component has none. Nothing here waits for the world: what a program awaits is other
coroutines of its own, and time.
"""

import ast
import heapq
import inspect
import sys
import time
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class CancelledError(BaseException):
    """A task was cancelled."""


class Turn:
    """What a coroutine gives to the loop: after how many seconds it goes on, or what it waits for, whichever is first."""

    def __init__(self, after: float | None = None, task: "Waited | None" = None) -> None:
        self.after = after
        self.task = task

    def __await__(self) -> Generator["Turn", None, None]:
        yield self


class Waited:
    """Something that tasks wait for."""

    def __init__(self) -> None:
        self.ended = False
        self.waiting: list[Wake] = []

    def end(self) -> None:
        self.ended = True
        for wake in self.waiting:
            wake.now()


class Task(Waited):
    """A coroutine that takes turns with others."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        super().__init__()
        self.coroutine = coroutine
        self.value: Any = None
        self.error: BaseException | None = None
        self.stopped = False
        # What lets it go on, while it waits.
        self.wake: Wake | None = None

    def done(self) -> bool:
        return self.ended

    def cancel(self) -> bool:
        if not self.ended:
            self.stopped = True
            # Whatever it waits for, it hears of this first.
            if self.wake is not None:
                self.wake.now()
        return self.stopped

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value

    def __await__(self) -> Generator[Turn, None, Any]:
        if not self.ended:
            yield Turn(task=self)
        return self.result()


class Wake:
    """A task that goes on, once."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.done = False

    def now(self) -> None:
        if not self.done:
            self.done = True
            LOOP.ready.append(self.task)


class Loop:
    """All tasks of a program."""

    def __init__(self) -> None:
        self.ready: deque[Task] = deque()
        self.asleep: list[tuple[float, int, Wake]] = []
        self.count = 0

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Task:
        task = Task(coroutine)
        self.ready.append(task)
        return task

    def until(self, task: Task) -> Any:
        while not task.ended:
            self.wake()
            # The host is asked for the time once for all that are ready, and not when nobody sleeps.
            for _ in range(len(self.ready)):
                # A program that runs one loop inside of another has stepped them already.
                if self.ready:
                    self.step(self.ready.popleft())
        return task.result()

    def wake(self) -> None:
        while self.asleep and self.asleep[0][2].done:
            heapq.heappop(self.asleep)
        if not self.asleep:
            if not self.ready:
                raise RuntimeError("every task waits for another one")
            return
        now = time.monotonic()
        if not self.ready:
            time.sleep(max(0.0, self.asleep[0][0] - now))
            now = max(self.asleep[0][0], time.monotonic())
        while self.asleep and self.asleep[0][0] <= now:
            heapq.heappop(self.asleep)[2].now()

    def step(self, task: Task) -> None:
        if task.ended:
            return
        try:
            stopped, task.stopped = task.stopped, False
            turn = task.coroutine.throw(CancelledError()) if stopped else task.coroutine.send(None)
        except StopIteration as end:
            task.value = end.value
        except BaseException as error:  # the task that awaits it, or the program, is told
            task.error = error
        else:
            return self.wait(task, turn)
        task.end()

    def wait(self, task: Task, turn: Any) -> None:
        if not isinstance(turn, Turn):
            raise TypeError(f"a coroutine gave a {type(turn).__name__} to the loop")
        task.wake = wake = Wake(task)
        if turn.task is not None and not turn.task.ended:
            turn.task.waiting.append(wake)
        elif turn.task is not None or not turn.after or turn.after < 0:
            return wake.now()
        if turn.after is not None:
            self.count += 1
            heapq.heappush(self.asleep, (time.monotonic() + max(turn.after, 0.0), self.count, wake))


LOOP = Loop()


class Ready:
    """A value that is there already, for programs that await it: a tool gives its result as it is."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[Turn, None, Any]:
        return self.value
        yield  # what has it is a generator


def awaitable(value: Any) -> Any:
    """What can be awaited, of anything. Programs await what they find here: see `Awaiting`."""
    return value if inspect.isawaitable(value) else Ready(value)


class Awaiting(ast.NodeTransformer):
    """Lets a program await what is no awaitable, which gives the value: models await whatever may take time."""

    def visit_Await(self, node: ast.Await) -> ast.Await:
        self.generic_visit(node)
        name = ast.copy_location(ast.Name(AWAITABLE, ast.Load()), node.value)
        node.value = ast.copy_location(ast.Call(name, [node.value], []), node.value)
        return node


# The name of `awaitable` in a program.
AWAITABLE = "__awaitable__"


async def settled(value: Any) -> Any:
    return await awaitable(value)


def create_task(coroutine: Any, *, name: str | None = None) -> Task:
    return LOOP.start(coroutine if inspect.iscoroutine(coroutine) else settled(coroutine))


def run(coroutine: Any) -> Any:
    return LOOP.until(create_task(coroutine))


async def sleep(delay: float, result: Any = None) -> Any:
    await Turn(after=delay)
    return result


async def gather(*awaitables: Any, return_exceptions: bool = False) -> list[Any]:
    tasks = [each if isinstance(each, Task) else create_task(each) for each in awaitables]
    results = []
    for task in tasks:
        try:
            results.append(await task)
        except Exception as error:
            if not return_exceptions:
                raise
            results.append(error)
    return results


async def wait_for(value: Any, timeout: float | None) -> Any:
    task = value if isinstance(value, Task) else create_task(value)
    if not task.done():
        await Turn(after=timeout, task=task)
    if not task.done():
        task.cancel()
        raise TimeoutError
    return task.result()


async def to_thread(function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
    """There is one thread, so it is done at once."""
    return function(*args, **named)


class TaskGroup:
    """Tasks that end before what follows."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    async def __aenter__(self) -> "TaskGroup":
        return self

    def create_task(self, coroutine: Any, *, name: str | None = None) -> Task:
        self.tasks.append(create_task(coroutine))
        return self.tasks[-1]

    async def __aexit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        failed = [] if error is None else [error]
        for task in self.tasks:
            if failed:
                task.cancel()
            try:
                await task
            except CancelledError:
                pass
            except BaseException as caught:
                failed.append(caught)
        if failed and error is None:
            raise BaseExceptionGroup("unhandled errors in a TaskGroup", failed)


class Semaphore:
    """Lets so many in at once. A lock lets in one."""

    def __init__(self, value: int = 1) -> None:
        self.value = value
        self.queue: deque[Waited] = deque()

    async def acquire(self) -> bool:
        while self.value <= 0:
            self.queue.append(Waited())
            await Turn(task=self.queue[-1])
        self.value -= 1
        return True

    def release(self) -> None:
        self.value += 1
        if self.queue:
            self.queue.popleft().end()

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_error: Any) -> None:
        self.release()


class Lock(Semaphore):
    """Lets one in."""

    def __init__(self) -> None:
        super().__init__(1)


def install() -> None:
    """Programs find this under the name that they know."""
    module = types.ModuleType("asyncio", "Coroutines that take turns: there are no sockets, processes or threads.")
    for public in (CancelledError, Lock, Semaphore, Task, TaskGroup, create_task, gather, run, sleep, to_thread, wait_for):
        setattr(module, public.__name__, public)
    module.ensure_future = create_task
    module.TimeoutError = TimeoutError
    sys.modules["asyncio"] = module
