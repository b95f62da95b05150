"""A table of text: how it is cut into cells, what its cells are, and how it is written again."""

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import Any

from cleargate import Failure

# Cells of a call. So many words took half of the plugin's memory; longer ones take more.
MAX_CELLS = 200_000
# Rows that one answer may hold.
MAX_ROWS = 10_000
# Letters of a cell. The module's own bound is as high; a quote that is never closed runs into it.
MAX_CELL = 131_072
# Letters of a name that an error quotes.
MAX_QUOTED = 60
# Rows that are looked at to find the delimiter out.
SAMPLE_ROWS = 50

DELIMITERS = [",", ";", "\t", "|", ":"]

INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})", re.ASCII)  # no leading zeros: those are codes, not numbers
NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
BOOLEANS = {"true": True, "false": False}

# What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def brief(name: str) -> str:
    """A name as an error quotes it: no second copy of an input."""
    return repr(name if len(name) <= MAX_QUOTED else name[:MAX_QUOTED] + "…")


@dataclass
class Table:
    """Cells by row, and what is known of the columns."""

    names: list[str]
    types: list[str]
    rows: list[list[Any]]
    delimiter: str
    header: bool

    def column(self, name: str) -> int:
        """The place of a column."""
        if name not in self.names:
            there = ", ".join(map(brief, self.names[:20]))
            raise Failure("invalid_input", f"no column {brief(name)}; there are {there}")
        return self.names.index(name)


def read(text: str, delimiter: str | None, header: str, types: bool) -> Table:
    """Cuts a text into a table. Short rows are filled with empty cells, lines without any cell are left out."""
    text = text.removeprefix("\ufeff")
    delimiter = delimiter or sniff(text)
    cells = cut(text, delimiter)
    if not cells:
        return Table([], [], [], delimiter, False)
    width = max(map(len, cells))
    if width * len(cells) > MAX_CELLS:
        raise Failure("limit", f"the table has more than {MAX_CELLS} cells; give it in parts")
    named = header == "yes" or header == "auto" and is_header(cells)
    names = unique(cells.pop(0) if named else [], width)
    rows = [row + [""] * (width - len(row)) for row in cells]
    kinds = ["text"] * width
    if types:
        for i in range(width):
            kinds[i] = retype(rows, i)
    return Table(names, kinds, rows, delimiter, named)


def cut(text: str, delimiter: str) -> list[list[str]]:
    """Rows of cells, as the module reads them; a mistake is told with its line."""
    csv.field_size_limit(MAX_CELL)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    count = 0
    try:
        for row in lines:
            count += len(row)
            if count > MAX_CELLS:
                raise Failure("limit", f"the table has more than {MAX_CELLS} cells; give it in parts")
            if row:
                rows.append(row)
    except csv.Error as wrong:
        raise Failure("invalid_input", f"line {lines.line_num}: {wrong}") from None
    return rows


def sniff(text: str) -> str:
    """The delimiter that cuts the first rows most evenly, and then into the most cells; a comma when none does.

    The module's own `Sniffer` counts letters and is misled by text in quotes; this reads the rows with each delimiter.
    """
    best, most = ",", (0.0, 1)
    for delimiter in DELIMITERS:
        widths = []
        try:
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
                widths += [len(row)] if row else []
                if len(widths) == SAMPLE_ROWS:
                    break
        except csv.Error:
            continue
        usual = max(widths, key=widths.count, default=1)
        if usual > 1 and (even := (widths.count(usual) / len(widths), usual)) > most:
            best, most = delimiter, even
    return best


def is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: texts that are all there, differ, and are no values."""
    first = [cell.strip() for cell in rows[0]]
    return all(first) and len(set(first)) == len(first) and not any(map(is_value, first))


def is_value(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell)) or cell.lower() in BOOLEANS


def unique(names: list[str], width: int) -> list[str]:
    """A name for each column: what stands there, `column_3` where nothing does, and a number after a second one."""
    given: dict[str, None] = {}
    for i in range(width):
        name = names[i].strip() if i < len(names) else ""
        name = base = name or f"column_{i + 1}"
        n = 2
        while name in given:
            name, n = f"{base}_{n}", n + 1
        given[name] = None
    return list(given)


def retype(rows: list[list[Any]], i: int) -> str:
    """Makes values of a column whose cells are all of one type, and says which. Empty cells become null."""
    cells = [row[i].strip() for row in rows]
    filled = [cell for cell in cells if cell]
    if not filled:
        kind, value = "empty", lambda _: None
    elif all(map(INTEGER.fullmatch, filled)):
        kind, value = "integer", int
    elif all(NUMBER.fullmatch(cell) and math.isfinite(float(cell)) and exact(cell) for cell in filled):
        kind, value = "number", float
    elif all(cell.lower() in BOOLEANS for cell in filled):
        kind, value = "boolean", lambda cell: BOOLEANS[cell.lower()]
    else:
        return "text"
    for row, cell in zip(rows, cells):
        row[i] = value(cell) if cell else None
    return kind


def exact(cell: str) -> bool:
    """Whether a float keeps all digits: account numbers of 20 digits are texts."""
    return len(re.sub(r"[eE].*|\D", "", cell).lstrip("0")) <= 15


def write(
    rows: list[dict[str, Any]], columns: list[str] | None, delimiter: str, header: bool, escape: bool
) -> tuple[str, int]:
    """The text of records, and how many cells were escaped."""
    names = columns if columns is not None else list(dict.fromkeys(name for row in rows for name in row))
    escaped = 0

    def cell(value: Any, place: str) -> str:
        nonlocal escaped
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return repr(value)
        if not isinstance(value, str):
            raise Failure("invalid_input", f"{place} is no text, number, true, false or null")
        if escape and value.lstrip(" ").startswith(FORMULA):
            escaped += 1
            return "'" + value
        return value

    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    if header and names:
        writer.writerow([cell(name, "a name") for name in names])
    for n, row in enumerate(rows):
        writer.writerow([cell(row.get(name), f"/rows/{n}/{name}") for name in names])
    return out.getvalue(), escaped
