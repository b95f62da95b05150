"""What a text says to a model that reads through disguises: the same text in the forms that rules can read.

A model understands `1gnоrе`, letters with spaces between them, base64 and characters without width. A pattern does
not. So each disguise that is found gives another view of the text, and the rules read all views.
"""

import base64
import binascii
import html
import re
import unicodedata
import urllib.parse
from dataclasses import dataclass

# Characters that are shown as nothing. Tags (U+E0000..) mirror ASCII, and models read them.
TAGS = re.compile("[\U000e0020-\U000e007e]{2,}")
TAG = re.compile("[\U000e0000-\U000e007f]")
# A flag of a region is a black flag with tags: the one honest use.
FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{1,6}\U000e007f")
# Variation selectors of the supplement carry bytes; honest ones come one by one, after an ideograph.
SELECTORS = re.compile("[\U000e0100-\U000e01ef\ufe00-\ufe0f]{3,}")
# Overrides turn the order of letters around. Isolates and marks, which honest texts of two directions need, do not.
OVERRIDES = re.compile("[\u202a\u202b\u202d\u202e]")
WIDTHLESS = re.compile("[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u3164\ufeff\uffa0]")
UNSHOWN = {chr(code) for code in (*range(0xE0000, 0xE0200), *range(0xFE00, 0xFE10))} | {
    chr(code) for code in range(0x10000) if WIDTHLESS.match(chr(code))
}
# Between letters of the alphabets below no character without width has a meaning, but the soft hyphen.
INSIDE_WORDS = re.compile("[A-Za-z\u0400-\u04ff][\u034f\u115f\u1160\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0]+(?=[A-Za-z\u0400-\u04ff])")
# So many words with such a character are no accident of copying.
LEAST_INSIDE = 2

# Letters of Cyrillic, Greek and others that look like Latin ones.
ALIKE = str.maketrans("абвезікмнорстухцчѕјһԁԛԝӏαεικνορτυχγωօսոհցզ", "a6be3ikmhopctyxy4sjhdqwlaeikvoptuxywounhgq")
# Small capitals, which no normal form makes letters of, and a blank that is drawn as an empty cell of Braille.
SMALL = str.maketrans("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ\u2800", "abcdefghijklmnoprstuvwyz ")
MARKS = re.compile("[\u0300-\u036f]")
# Latin letters without their accents. Letters of other scripts keep theirs: there a mark makes another letter.
BARE = {code: unicodedata.normalize("NFD", chr(code))[0] for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))}
BARE |= {ord(letter): plain for letter, plain in zip("đĐłŁıøØ", "dDlLioO")}
LATIN, OTHERS = re.compile("[a-z]"), re.compile("[\u0370-\u03ff\u0400-\u04ff\u0530-\u058f]")
WORD = re.compile(r"\w{3,40}")

LEET = str.maketrans("01345780@$!|", "oieastboasil")
LEET_WORD = re.compile(r"[a-z0-9@$!|]{4,20}")
# Words that give such writing away: `sha256` and `b2b` are words of their own.
LEET_WORDS = {"ignore", "previous", "instructions", "instruction", "system", "prompt", "disregard", "forget", "reveal", "override"}
EMPHASIS = "*_`\"~\u201c\u201d\u00ab\u00bb"
# What stands before the lines of a quotation, a headline or a table.
QUOTED = re.compile(r"\n[>#|][>#| ]*")
# Single letters with the same gap between them.
SPACED = re.compile(r"(?<!\w)\w(?:([ ._*-]|  )\w){6,200}(?!\w)")

BASE64 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{20,8000}={0,2}")
HEX = re.compile(r"(?<![0-9A-Za-z])(?:(?:0x|\\x|%)?[0-9A-Fa-f]{2}[ ,:]?){16,4000}")
ESCAPES = re.compile(r"(?:\\u00[2-7][0-9A-Fa-f]|\\x[2-7][0-9A-Fa-f]|%[2-7][0-9A-Fa-f]|&#x?[0-9A-Fa-f]{2,3};)(?:.{0,3}(?:\\u00[2-7][0-9A-Fa-f]|\\x[2-7][0-9A-Fa-f]|%[2-7][0-9A-Fa-f]|&#x?[0-9A-Fa-f]{2,3};)){5}")
# Words of instructions in rot13 and backwards: without one of them, nothing is worth to be turned.
ROT13 = ("vtaber", "cerivbhf", "vafgehpgvba", "cebzcg", "qvfertneq", "flfgrz")
ROTATED = str.maketrans("abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm")
BACKWARDS = ("erongi", "suoiverp", "noitcurtsni", "tpmorp", "dragersid")

# What begins and ends a comment, in HTML and in programs; and the comment of Markdown, which is a line.
COMMENTS = (("<!--", "-->"), ("/*", "*/"))
COMMENT_LINE = re.compile(r"\[//\]: # [(\"'](.{1,2000}?)[)\"']\s*(?:\n|$)")
ELEMENT = re.compile(r"<([a-z]\w{0,11})\b([^<>]{1,800})>", re.I)
UNSEEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*[01](?:px|pt|em|%)?\s*(?:[;\"']|$)|"
    r"opacity\s*:\s*0(?:\.0\d*)?\s*(?:[;\"']|$)|(?<!-)color\s*:\s*(?:white|#fff(?:fff)?|transparent)\b|"
    r"text-indent\s*:\s*-\d{3,}|left\s*:\s*-\d{3,}|\shidden(?:[\s=]|$)|aria-hidden=.true",
    re.I,
)
# Letters of a part that is not shown, from its beginning: what stands further on is read as text all the same.
MAX_UNSEEN = 4_000
ATTRIBUTE = re.compile(r"\b(?:alt|title|aria-label|data-[\w-]{1,20})\s{0,2}=\s{0,2}\"([^\"<>]{20,1000})\"", re.I)


@dataclass(frozen=True)
class View:
    """Another reading of a text. `label` is what it means that rules match in it and not in the text itself."""

    text: str
    label: str | None


def odd(text: str) -> bool:
    """Whether a text has characters that are shown as nothing; most have none, and are not searched for each kind."""
    return not text.isascii() and not UNSHOWN.isdisjoint(set(text))


def folded(text: str) -> str:
    """Without case, accents of Latin letters, invisible characters and runs of blanks; line breaks stay."""
    plain = WIDTHLESS.sub("", TAG.sub("", SELECTORS.sub("", text))) if odd(text) else text
    if not plain.isascii():
        plain = MARKS.sub("", bared(unicodedata.normalize("NFKC", bared(plain, SMALL)), BARE))
    # Split and join: a substitution that finds every blank costs a hundred times as much.
    return "\n".join([" ".join(line.split()) for line in plain.casefold().replace("\u2019", "'").split("\n")])


def bared(text: str, letters: dict[int, str]) -> str:
    """A text with other letters for some; most texts have none of them, which is found out faster than done."""
    return text.translate(letters) if not letters.keys().isdisjoint(map(ord, set(text))) else text


def one_line(text: str) -> str:
    """A folded text as phrases are read: over line ends, and without marks of emphasis."""
    for mark in EMPHASIS:
        text = text.replace(mark, " ")
    return " ".join(QUOTED.sub(" ", text).split())


def mixed(text: str) -> str | None:
    """A folded text with words of two scripts made Latin; nothing when there is none."""
    if text.isascii() or not OTHERS.search(text):
        return None
    found = False

    def latin(match: re.Match[str]) -> str:
        nonlocal found
        word = match[0]
        if LATIN.search(word) and OTHERS.search(word):
            found = True
            return word.translate(ALIKE)
        return word

    changed = WORD.sub(latin, text)
    return changed if found else None


def disguised(text: str) -> list[View]:
    """Readings of a folded text whose letters are others."""
    views = []
    if (latin := mixed(text)) is not None:
        views.append(View(latin, "disguised"))
    if any(word.translate(LEET) in LEET_WORDS for word in set(LEET_WORD.findall(text)) - LEET_WORDS):
        views.append(View(text.translate(LEET), "disguised"))
    # Words of letters with gaps end at a wider gap, or cannot be told apart; then rules of squeezed phrases read them.
    if gaps := [match[0] for match in SPACED.finditer(text)]:
        views.append(View("\n".join(re.sub(r"[ ._*-]", "", gap) for gap in gaps), "disguised"))
    if any(word in text for word in ROT13):
        views.append(View(text.translate(ROTATED), "encoded"))
    if any(word in text for word in BACKWARDS):
        views.append(View(text[::-1], "encoded"))
    return views


def unseen(text: str) -> list[View]:
    """Parts of a document that a reader does not see."""
    views = []
    for opened, closed in COMMENTS:
        if opened in text:
            parts = (part.partition(opened)[2] for part in text.split(closed)[:-1])
            views += [View(part[:MAX_UNSEEN], "hidden_markup") for part in parts if part.strip()]
    views += [View(match[1], "hidden_markup") for match in COMMENT_LINE.finditer(text)]
    if "<" in text:
        for match in ELEMENT.finditer(text):
            if UNSEEN.search(match[2]):
                inside, closed, _ = text[match.end() : match.end() + MAX_UNSEEN].partition(f"</{match[1]}")
                views.append(View(inside, "hidden_markup"))
            views += [View(said[1], None) for said in ATTRIBUTE.finditer(match[2])]
    if odd(text):
        tags = "".join(match[0] for match in TAGS.finditer(FLAG.sub("", text)))
        views += [View("".join(chr(ord(letter) - 0xE0000) for letter in tags), "hidden_text")] if tags else []
        views += [View(selected(match[0]), "hidden_text") for match in SELECTORS.finditer(text)]
    return views


def selected(run: str) -> str:
    """Bytes that variation selectors carry: the first sixteen values, and the supplement the rest."""
    numbers = (ord(letter) - 0xFE00 if ord(letter) < 0xFE10 else ord(letter) - 0xE0100 + 16 for letter in run)
    return bytes(numbers).decode("utf-8", "replace")


def encoded(text: str) -> list[View]:
    """What is written in base64, in hexadecimal numbers or in escapes, when it is text."""
    views = []
    for match in BASE64.finditer(text):
        raw = match[0].rstrip("=").translate(str.maketrans("-_", "+/"))
        views += readable(raw, lambda raw: base64.b64decode(raw[: len(raw) - (len(raw) % 4 == 1)] + "=" * (-len(raw) % 4)))
    for match in HEX.finditer(text):
        views += readable(re.sub(r"0x|\\x|[% ,:]", "", match[0]), lambda raw: bytes.fromhex(raw[: len(raw) // 2 * 2]))
    if ESCAPES.search(text):
        plain = re.sub(r"\\u00([2-7][0-9A-Fa-f])|\\x([2-7][0-9A-Fa-f])", lambda m: chr(int(m[1] or m[2], 16)), text)
        views.append(View(html.unescape(urllib.parse.unquote(plain)), "encoded"))
    return views


def readable(raw: str, decode) -> list[View]:
    """A view when the bytes are text: words, not numbers that happen to be letters."""
    try:
        text = decode(raw).decode("utf-8")
    except (binascii.Error, ValueError):
        return []
    # One letter of eight that is none: it was no text.
    good = sum(letter.isprintable() or letter.isspace() for letter in text)
    return [View(text, "encoded")] if len(text) >= 10 and good * 8 >= len(text) * 7 else []


def invisible(text: str) -> list[str]:
    """Labels of what is there and not shown, whatever it says."""
    if not odd(text):
        return []
    labels = []
    if TAGS.search(FLAG.sub("", text)) or SELECTORS.search(text):
        labels.append("hidden_text")
    if OVERRIDES.search(text) and re.search("[\u202d\u202e]", text):
        labels.append("hidden_order")
    if len(INSIDE_WORDS.findall(text)) >= LEAST_INSIDE:
        labels.append("hidden_width")
    return labels


def stripped(text: str) -> str:
    """A text without characters that carry a message nobody sees. Joiners and marks of direction stay: scripts need them."""
    if not odd(text):
        return text
    flags: list[str] = []

    def keep(match: re.Match[str]) -> str:
        flags.append(match[0])
        return "\ue000"

    # The private character stands for a flag while tags are taken out; one of the text's own would be mistaken.
    bare = FLAG.sub(keep, text) if "\ue000" not in text else text
    bare = OVERRIDES.sub("", SELECTORS.sub("", TAG.sub("", bare)))
    bare = INSIDE_WORDS.sub(lambda match: match[0][0], bare)
    parts = bare.split("\ue000") if flags else [bare]
    return "".join(part + (flags[n] if n < len(flags) else "") for n, part in enumerate(parts))
