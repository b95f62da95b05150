"""Leads what Python does with a machine to the host, or refuses it by name.

A component has no clock, no chance, no network, no files and no terminal of its own. The engine would stop it with a
trap that names nothing. So the clock, chance and requests are the host's, when the plugin imports them; what it prints
goes to the log, when it imports that; and everything else raises an error that says what to use instead.
"""

import builtins
import contextlib
import datetime
import importlib.machinery
import io
import linecache
import os
import posix
import sys
import time
from typing import Any, Callable, Iterator

from . import network
from .failure import told

# Functions of `os` that reach files, by names and by numbers; the engine traps in them.
FILES = (
    "open stat lstat listdir scandir mkdir remove unlink rename replace rmdir getcwd getcwdb access link symlink readlink chmod utime truncate "
    "chdir fchdir statvfs fstatvfs pathconf read write close closerange isatty fstat dup dup2 lseek pipe fsync fdatasync ftruncate fpathconf "
    "get_blocking set_blocking get_terminal_size posix_fallocate posix_fadvise pread pwrite readv writev preadv pwritev"
).split()

# What Python says before it reaches for files.
REACHING = {"open", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.chdir", "os.truncate"}

# Packages whose lines no traceback shows: they are not the author's.
NOT_SHOWN = {"cleargate", "cleargate_entry", "wit_world", "componentize_py_types", "componentize_py_async_support"}


def without(what: str, instead: str) -> Callable[..., Any]:
    """A function that names the module to import."""

    def refuse(*_args: Any, **_more: Any) -> Any:
        raise PermissionError(f"a plugin has no {what} of its own; {instead}")

    return refuse


# Whether the author's files are still read: the host is not there yet.
building = True


def set_clock(clock: Any) -> None:
    """`time` and `datetime` on the host's clock. While files are read, which happens once for all calls, it stands at 0."""
    refuse = without("clock", "import `cleargate.clock`")
    now = refuse if clock is None else lambda: 0 if building else clock.now()
    elapsed = refuse if clock is None else lambda: 0 if building else clock.elapsed()
    sleep = refuse if clock is None else lambda seconds: clock.sleep(round(seconds * 1000))
    gmtime, strftime = time.gmtime, time.strftime
    time.time = lambda: now() / 1000
    time.time_ns = lambda: now() * 1_000_000
    time.monotonic = time.perf_counter = time.process_time = lambda: elapsed() / 1000
    time.monotonic_ns = time.perf_counter_ns = time.process_time_ns = lambda: elapsed() * 1_000_000
    time.sleep = sleep
    time.gmtime = time.localtime = lambda at=None: gmtime(now() / 1000 if at is None else at)
    time.strftime = lambda form, at=None: strftime(form, time.gmtime() if at is None else at)

    class Native(type):
        """Python makes moments of its own classes, as `datetime.date()` does: they are of these, too."""

        def __instancecheck__(cls, value: Any) -> bool:
            return isinstance(value, native[cls]) if cls in native else super().__instancecheck__(value)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, native[cls]) if cls in native else super().__subclasscheck__(other)

    class DateTime(datetime.datetime, metaclass=Native):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            at = cls.fromtimestamp(now() / 1000, datetime.UTC)
            return at.replace(tzinfo=None) if tz is None else at.astimezone(tz)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.now()

        today = utcnow

    class Date(datetime.date, metaclass=Native):
        @classmethod
        def today(cls) -> Any:
            return DateTime.now().date()

    DateTime.__name__ = DateTime.__qualname__ = "datetime"
    Date.__name__ = Date.__qualname__ = "date"
    native: dict[type, type] = {DateTime: datetime.datetime, Date: datetime.date}
    datetime.datetime, datetime.date = DateTime, Date


def set_chance(source: Any) -> None:
    """`random`, `secrets` and `uuid` on the host's chance. While files are read there is none: all calls would share it."""
    refuse = without("source of chance", "import `cleargate.random`")
    early = without("source of chance while it is built", "draw in a function")
    os.urandom = refuse if source is None else lambda length: early() if building else source.bytes(length)
    import random

    # It asks `os.urandom` for each number; the generator that the engine holds was seeded by the build.
    random._urandom = os.urandom
    system = random.SystemRandom()
    random._inst = system
    for name in ("seed", "getstate", "setstate"):
        setattr(random, name, without("state of chance to keep", "write random.Random(seed)"))
    for name in random.__all__:
        if name.islower() and hasattr(system, name) and name not in ("seed", "getstate", "setstate"):
            setattr(random, name, getattr(system, name))


class Lines(io.TextIOBase):
    """What is printed, as lines of the log; nowhere, when the plugin has no log."""

    def __init__(self, write: Callable[[str], None] | None):
        self._write, self._rest = write, ""

    def write(self, text: str) -> int:
        if self._write is not None:
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._write(line)
        return len(text)


def open(clock: Any = None, random: Any = None, log: Any = None, http: Any = None) -> None:
    """Runs before the author's files are read: they take names out of these modules."""
    network.lend(http)
    set_clock(clock)
    set_chance(random)
    sys.stdout = sys.__stdout__ = Lines(None if log is None else log.info)
    sys.stderr = sys.__stderr__ = Lines(None if log is None else log.warn)


class Refused(Exception):
    """The author's files do not make a plugin. The message is the traceback, which the build shows."""


@contextlib.contextmanager
def author() -> Iterator[None]:
    """Around the author's files: what they raise is told with its place."""
    try:
        yield
    except BaseException as error:
        raise Refused("\n" + told(error)) from None


class Closed:
    """Finds no module: the build has taken in those that were imported, and there are no files to look in."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        raise ModuleNotFoundError(f"`{name}` is not in the component; import it at the top of a file", name=name)


def close() -> None:
    """Runs after the author's files were read: tracebacks show their lines, and nothing looks for files."""
    global building
    building = False
    network.complete()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and file.endswith(".py") and name.split(".")[0] not in NOT_SHOWN | sys.stdlib_module_names:
            with io.open(file, encoding="utf-8") as source:
                lines = source.readlines()
            # Without a time, the lines are never compared with a file.
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)
    # Other lines would be looked for in files.
    linecache.checkcache = lambda filename=None: None
    linecache.updatecache = lambda filename, module_globals=None: []
    sys.meta_path = [finder for finder in sys.meta_path if finder is not importlib.machinery.PathFinder] + [Closed()]
    refuse = without("files", "take the content as an input, or import `cleargate.blob`")
    # Python itself opens files, to show a line of a text that is no program for instance.
    sys.addaudithook(lambda event, _: refuse() if event in REACHING else None)
    builtins.open = io.open = refuse
    for name in FILES:
        for module in (os, posix):
            if hasattr(module, name):
                setattr(module, name, refuse)
