"""What a program prints, as far as it is kept."""

import io

# Letters of both streams together: what a model reads of its own output, and no more.
MAX_PRINTED = 262_144


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
    """A stream that keeps what is printed."""

    def __init__(self, printed: Printed) -> None:
        self.printed = printed
        self.parts: list[str] = []

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        kept = self.printed.take(text)
        if kept:
            self.parts.append(kept)
        return len(text)

    def text(self) -> str:
        # Half a character is none in the host's text.
        return "".join(self.parts).encode("utf-8", "replace").decode("utf-8")
