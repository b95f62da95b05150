"""Tools for tables written as text: CSV, TSV and their relatives, read and written by Python's own module `csv`."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import select_rows
import table
from cleargate import Bounds, tool

Delimiter = Annotated[Literal[",", ";", "\t", "|", ":"] | None, "What separates cells; found out when absent."]
Header = Annotated[
    Literal["auto", "yes", "no"],
    "Whether the first row names the columns. `auto`: it does when its cells are distinct names, none a number.",
]
Types = Annotated[bool, "Makes numbers, true and false of the cells of a column that holds nothing else."]
Text = Annotated[str, "The table as text."]
Count = Annotated[int, Bounds(minimum=1, maximum=table.MAX_ROWS), "The most rows to give."]
Skipped = Annotated[int, Bounds(minimum=0), "Rows to leave out before the first."]


@dataclass
class Column:
    name: str
    type: Annotated[Literal["integer", "number", "boolean", "text", "empty"], "What all of its cells are."]


@dataclass
class Rows:
    columns: list[Column]
    rows: Annotated[list[dict[str, Any]], "One record for each row; an empty cell is null, or \"\" in text."]
    total: Annotated[int, "Rows that there are, whatever was given."]
    delimiter: str
    header: Annotated[bool, "Whether the first row named the columns."]


@dataclass
class Condition:
    column: str
    is_: Annotated[Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "empty"], "How cell and value compare."]
    value: Annotated[Any, "What the cell is compared with; nothing for `empty`."] = None


@dataclass
class Written:
    text: str
    escaped: Annotated[int, "Cells that got a leading apostrophe."]


def rows_of(read: table.Table, rows: list[list[Any]], columns: list[int], total: int) -> Rows:
    names = [read.names[i] for i in columns]
    return Rows(
        [Column(read.names[i], read.types[i]) for i in columns],
        [dict(zip(names, (row[i] for i in columns))) for row in rows],
        total,
        read.delimiter,
        read.header,
    )


@tool(read_only=True, idempotent=True)
def parse(
    text: Text, delimiter: Delimiter = None, header: Header = "auto", types: Types = True, skip: Skipped = 0, limit: Count = 1000
) -> Rows:
    """Reads CSV, TSV or a relative into records. The delimiter and the header are found out unless they are given."""
    read = table.read(text, delimiter, header, types)
    return rows_of(read, read.rows[skip : skip + limit], list(range(len(read.names))), len(read.rows))


@tool(read_only=True, idempotent=True)
def select(
    text: Text,
    columns: Annotated[list[str] | None, "The columns to give, in this order; all when absent."] = None,
    where: Annotated[list[Condition], "What a row must keep: all of these."] = [],
    order_by: Annotated[str | None, "A column; empty cells come last."] = None,
    descending: bool = False,
    delimiter: Delimiter = None,
    header: Header = "auto",
    types: Types = True,
    skip: Skipped = 0,
    limit: Count = 1000,
) -> Rows:
    """Gives some rows and columns of CSV or TSV: those that keep all conditions, in an order. `total` counts them."""
    read = table.read(text, delimiter, header, types)
    chosen = list(range(len(read.names))) if columns is None else [read.column(name) for name in columns]
    tests = [(read.column(test.column), test.is_, test.value) for test in where]
    rows = [row for row in read.rows if all(select_rows.keeps(row[i], how, value) for i, how, value in tests)]
    if order_by is not None:
        rows = select_rows.ordered(rows, read.column(order_by), descending)
    return rows_of(read, rows[skip : skip + limit], chosen, len(rows))


@tool(read_only=True, idempotent=True)
def format(
    rows: Annotated[list[dict[str, Any]], Bounds(max_items=table.MAX_ROWS), "Records; fields are texts, numbers, true, false or null."],
    columns: Annotated[list[str] | None, "The columns, in this order; all that appear when absent."] = None,
    delimiter: Annotated[Literal[",", ";", "\t", "|"], "What separates cells."] = ",",
    header: Annotated[bool, "Whether the first row names the columns."] = True,
    formulas: Annotated[
        Literal["escape", "keep"],
        "Texts that a spreadsheet would run begin with = + - @: `escape` puts an apostrophe before them.",
    ] = "escape",
) -> Written:
    """Writes records as CSV or TSV (RFC 4180: quotes where they are needed, lines end with CR LF)."""
    return Written(*table.write(rows, columns, delimiter, header, formulas == "escape"))
