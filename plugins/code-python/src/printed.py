"""What a program prints: kept as far as there is room, and told to the log while the program runs."""

import io

from cleargate import log

# Letters of both streams together: what a model reads of its own output, and no more.
MAX_PRINTED = 262_144
# Lines of a stream that are told one by one: whoever watches sees a program move. What follows is told in pieces.
MAX_LINES = 64
# Bytes of a line that the log keeps.
MAX_LINE = 4_096


class Printed:
    """The room that both streams share."""

    def __init__(self) -> None:
        self.left = MAX_PRINTED
        self.truncated = False

    def take(self, text: str) -> str:
        """The part of a text for which there is room."""
        kept = text[: self.left]
        self.left -= len(kept)
        self.truncated = self.truncated or len(kept) < len(text)
        return kept


class Stream(io.TextIOBase):
    """A stream that keeps what is printed, and tells it at a level of the log."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, printed: Printed, level: str) -> None:
        self.printed = printed
        self.level = level
        self.parts: list[str] = []
        # The end of what is kept that was not told yet.
        self.untold = ""
        self.lines = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not self.printed.left:
            # What there is no room for takes no more time than its length.
            self.printed.truncated, self.write = True, len
        kept = self.printed.take(text)
        if kept:
            self.parts.append(kept)
            self.untold += kept
            self.tell()
        return len(text)

    def tell(self) -> None:
        """Whole lines, and what is too long to wait for its end."""
        while self.lines < MAX_LINES and "\n" in self.untold:
            line, self.untold = self.untold.split("\n", 1)
            self.lines += 1
            self.piece(line)
        # A letter has at most four bytes.
        if len(self.untold) >= MAX_LINE // 4:
            self.piece(self.untold)
            self.untold = ""

    def piece(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        for start in range(0, max(len(data), 1), MAX_LINE):
            log.write(self.level, data[start : start + MAX_LINE].decode("utf-8", "replace"))

    def end(self) -> None:
        """Tells what is left."""
        if self.untold:
            self.piece(self.untold.removesuffix("\n"))
            self.untold = ""

    def text(self) -> str:
        # Half a character is none in the host's text.
        return "".join(self.parts).encode("utf-8", "replace").decode("utf-8")
