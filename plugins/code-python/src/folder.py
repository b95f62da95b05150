"""The folder of a program: files in memory, under names below one root, and no way out of it.

What a call gives is there at the start; bytes behind a media handle come when the file is read. What a program wrote leaves as media.
"""

import builtins
import errno
import io
import os
import posixpath
import stat
import weakref
from collections.abc import Iterator
from typing import Any

from wit_world.imports.types import Media

from cleargate import Failure, blob

# Where a program is. Absolute names below it are names in it.
ROOT = "/home"
# Files and folders that there may be at once: each written one becomes media, by a call of the host.
MAX_NAMES = 64
# Bytes of all files together: the memory of a call holds them beside the program.
MAX_BYTES = 16 * 1024 * 1024
# Letters of a name below the root.
MAX_NAME = 255
# Bytes that are asked for at once.
PIECE = 1024 * 1024

# What a file is by the end of its name; what else is written is bytes.
MIMES = {
    "txt": "text/plain", "log": "text/plain", "md": "text/markdown", "csv": "text/csv", "tsv": "text/tab-separated-values",
    "html": "text/html", "xml": "application/xml", "json": "application/json", "ndjson": "application/x-ndjson", "yaml": "application/yaml",
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "svg": "image/svg+xml", "webp": "image/webp",
    "bmp": "image/bmp", "pdf": "application/pdf", "zip": "application/zip", "gz": "application/gzip", "py": "text/x-python",
}


def error(number: int, path: str, words: str | None = None) -> OSError:
    """The error that Python gives, of the class that goes with its number."""
    return OSError(number, words or os.strerror(number), path)


class File:
    """A file, whose bytes may still be with the host."""

    def __init__(self, data: bytes = b"", handle: Any = None) -> None:
        self.data = bytearray(data)
        self.handle = handle
        self.changed = False

    def size(self) -> int:
        return len(self.data) if self.handle is None else self.handle.size

    def bytes(self) -> bytearray:
        """What is in it."""
        if self.handle is not None:
            media = Media(self.handle.digest, self.handle.mime, self.handle.size, self.handle.name)
            try:
                while len(self.data) < media.size and (piece := blob.get(media, len(self.data), PIECE)):
                    self.data += piece
            except Failure as failure:
                raise OSError(errno.EACCES, failure.message, media.name) from None
            self.handle = None
        return self.data


class Folder:
    """All files, by names below the root."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.folders: set[str] = set()
        self.opened: weakref.WeakSet[Any] = weakref.WeakSet()

    # What a call gives, and what it gets.

    def put(self, given: dict[str, Any]) -> None:
        """The files of a call; those of an earlier one stay beside them."""
        for name, content in given.items():
            try:
                place = self.place(name)
                if not place or name.endswith("/"):
                    raise error(errno.EISDIR, name)
                file = File(content.encode()) if isinstance(content, str) else File(handle=content)
                self.room(file.size() - (self.files[place].size() if place in self.files else 0), place)
            except (OSError, ValueError) as refused:
                raise Failure("invalid_input", f"/files: `{name}`: {refused}") from None
            self.files[place] = file
            for parent in parents(place):
                self.folders.add(parent)

    def written(self) -> list[tuple[str, bytearray]]:
        """What changed since the last time."""
        for stream in list(self.opened):
            if not stream.closed:
                stream.flush()
        found = [(name, file) for name, file in sorted(self.files.items()) if file.changed]
        for _, file in found:
            file.changed = False
        return [(name, file.data) for name, file in found]

    # Names.

    def place(self, path: Any) -> str:
        """The name below the root; empty for the root."""
        text = os.fspath(path)
        text = text.decode() if isinstance(text, bytes) else text
        if "\0" in text:
            raise ValueError("embedded null byte")
        if not text:
            raise error(errno.ENOENT, text)
        whole = posixpath.normpath(posixpath.join(ROOT, text))
        if whole != ROOT and not whole.startswith(ROOT + "/"):
            raise error(errno.EACCES, text, "there is only the folder of the program, with relative names")
        if len(whole) > len(ROOT) + 1 + MAX_NAME:
            raise error(errno.ENAMETOOLONG, text)
        return whole[len(ROOT) + 1 :]

    def is_folder(self, place: str) -> bool:
        return not place or place in self.folders

    def file(self, path: Any) -> File:
        place = self.place(path)
        if self.is_folder(place):
            raise error(errno.EISDIR, path)
        if place not in self.files:
            raise error(errno.ENOENT, path)
        return self.files[place]

    def room(self, more: int, place: str) -> None:
        """Refuses bytes and names for which there is no room."""
        if sum(file.size() for file in self.files.values()) + more > MAX_BYTES:
            raise error(errno.ENOSPC, place, f"the folder of a program holds {MAX_BYTES // 1024 // 1024} MiB")
        if place not in self.files and len(self.files) + len(self.folders) >= MAX_NAMES:
            raise error(errno.ENOSPC, place, f"the folder of a program holds {MAX_NAMES} files")

    def parent(self, place: str, path: Any) -> None:
        """Refuses a name in a folder that is not there."""
        above = posixpath.dirname(place)
        if not self.is_folder(above):
            raise error(errno.ENOTDIR if above in self.files else errno.ENOENT, path)

    # What programs call.

    def open(
        self, file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, errors: str | None = None,
        newline: str | None = None, closefd: bool = True, opener: Any = None,
    ) -> Any:
        """As Python's own."""
        if isinstance(file, int):
            raise error(errno.EBADF, str(file))
        kinds = set(mode)
        if len(kinds) != len(mode) or kinds - set("rwaxbt+") or len(kinds & set("rwax")) != 1 or {"b", "t"} <= kinds:
            raise ValueError(f"invalid mode: {mode!r}")
        raw = self.raw(file, mode)
        plus, size = "+" in kinds, buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
        if buffering == 0 and "b" in kinds:
            return self.keep(raw)
        if plus:
            stream: Any = io.BufferedRandom(raw, size)
        else:
            stream = io.BufferedReader(raw, size) if "r" in kinds else io.BufferedWriter(raw, size)
        if "b" in kinds:
            return self.keep(stream)
        text = io.TextIOWrapper(stream, encoding or "utf-8", errors, newline, line_buffering=buffering == 1)
        text.mode = mode
        return self.keep(text)

    def keep(self, stream: Any) -> Any:
        self.opened.add(stream)
        return stream

    def raw(self, path: Any, mode: str) -> "Raw":
        """The bytes that a mode asks for."""
        place = self.place(path)
        if self.is_folder(place):
            raise error(errno.EISDIR, path)
        there = place in self.files
        if "r" in mode and not there:
            raise error(errno.ENOENT, path)
        if "x" in mode and there:
            raise error(errno.EEXIST, path)
        if not there:
            self.parent(place, path)
            self.room(0, place)
        if not there or "w" in mode:
            self.files[place] = File()
            self.files[place].changed = True
        return Raw(self, self.files[place], os.fspath(path), mode)

    def listdir(self, path: Any = ".") -> list[str]:
        place = self.place(path)
        if not self.is_folder(place):
            raise error(errno.ENOTDIR if place in self.files else errno.ENOENT, path)
        start = place + "/" if place else ""
        names = [name[len(start) :] for name in [*self.files, *self.folders] if name.startswith(start)]
        return sorted(name for name in names if "/" not in name)

    def scandir(self, path: Any = ".") -> "Entries":
        return Entries([Entry(self, os.fspath(path), name) for name in self.listdir(path)])

    def stat(self, path: Any, *, dir_fd: Any = None, follow_symlinks: bool = True) -> os.stat_result:
        place = self.place(path)
        if self.is_folder(place):
            return os.stat_result((stat.S_IFDIR | 0o755, 0, 0, 1, 0, 0, 0, 0, 0, 0))
        return os.stat_result((stat.S_IFREG | 0o644, 0, 0, 1, 0, 0, self.file(path).size(), 0, 0, 0))

    def access(self, path: Any, mode: int, **_more: Any) -> bool:
        try:
            self.stat(path)
        except OSError:
            return False
        return True

    def remove(self, path: Any, *, dir_fd: Any = None) -> None:
        self.file(path)
        del self.files[self.place(path)]

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: Any = None) -> None:
        place = self.place(path)
        if self.is_folder(place) or place in self.files:
            raise error(errno.EEXIST, path)
        self.parent(place, path)
        self.room(0, place)
        self.folders.add(place)

    def rmdir(self, path: Any, *, dir_fd: Any = None) -> None:
        if self.listdir(path) or not self.place(path):
            raise error(errno.ENOTEMPTY, path)
        self.folders.remove(self.place(path))

    def rename(self, src: Any, dst: Any, *, src_dir_fd: Any = None, dst_dir_fd: Any = None) -> None:
        file, place = self.file(src), self.place(dst)
        if self.is_folder(place):
            raise error(errno.EISDIR, dst)
        self.parent(place, dst)
        file.bytes()
        del self.files[self.place(src)]
        self.files[place] = file
        file.changed = True

    def install(self) -> None:
        """Puts the folder in the place of the machine's. What reads names out of `os` later has these."""
        builtins.open = io.open = self.open
        os.listdir, os.scandir, os.stat, os.lstat, os.access = self.listdir, self.scandir, self.stat, self.stat, self.access
        os.remove = os.unlink = self.remove
        os.rename = os.replace = self.rename
        os.mkdir, os.rmdir = self.mkdir, self.rmdir
        os.getcwd = lambda: ROOT


def parents(place: str) -> Iterator[str]:
    """The folders around a name."""
    while place := posixpath.dirname(place):
        yield place


class Raw(io.RawIOBase):
    """The bytes of a file, as Python's streams read and write them."""

    def __init__(self, folder: Folder, file: File, name: Any, mode: str) -> None:
        self.folder, self.file, self.name, self.mode = folder, file, name, mode.replace("t", "")
        self.reading, self.writing = "r" in mode or "+" in mode, "r" not in mode or "+" in mode
        self.adding = "a" in mode
        self.at = len(file.bytes()) if self.adding else 0

    def readable(self) -> bool:
        return self.reading

    def writable(self) -> bool:
        return self.writing

    def seekable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self.reading:
            raise io.UnsupportedOperation("not readable")
        part = self.file.bytes()[self.at : self.at + len(into)]
        into[: len(part)] = part
        self.at += len(part)
        return len(part)

    def write(self, data: Any) -> int:
        if not self.writing:
            raise io.UnsupportedOperation("not writable")
        part = bytes(data)
        kept = self.file.bytes()
        self.at = len(kept) if self.adding else self.at
        self.grow(self.at + len(part))
        kept[self.at : self.at + len(part)] = part
        self.at += len(part)
        self.file.changed = True
        return len(part)

    def grow(self, size: int) -> None:
        """Makes a file as long as what is written into it, with zeros in a gap."""
        kept = self.file.bytes()
        if size > len(kept):
            self.folder.room(size - len(kept), str(self.name))
            kept.extend(bytes(size - len(kept)))

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self.at, len(self.file.bytes()))[whence]
        if at < 0:
            raise error(errno.EINVAL, str(self.name))
        self.at = at
        return at

    def tell(self) -> int:
        return self.at

    def truncate(self, size: int | None = None) -> int:
        size = self.at if size is None else size
        self.grow(size)
        del self.file.bytes()[size:]
        self.file.changed = True
        return size


class Entry:
    """What `os.scandir` gives for each name."""

    def __init__(self, folder: Folder, above: str, name: str) -> None:
        self.folder, self.name = folder, name
        self.path = posixpath.join(above, name)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self.folder.is_folder(self.folder.place(self.path))

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return not self.is_dir()

    def is_symlink(self) -> bool:
        return False

    def is_junction(self) -> bool:
        return False

    def inode(self) -> int:
        return 0

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return self.folder.stat(self.path)

    def __fspath__(self) -> str:
        return self.path


class Entries:
    """The entries of a folder, which `with` closes."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = iter(entries)

    def __iter__(self) -> Iterator[Entry]:
        return self.entries

    def __next__(self) -> Entry:
        return next(self.entries)

    def __enter__(self) -> "Entries":
        return self

    def __exit__(self, *_error: Any) -> None:
        self.close()

    def close(self) -> None:
        self.entries = iter(())


def mime_of(name: str) -> str:
    return MIMES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def deliver(name: str, data: bytearray) -> Media:
    """Leaves a file with the host."""
    return blob.put(bytes(data), mime_of(name), name)
