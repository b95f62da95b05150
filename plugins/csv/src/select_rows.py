"""Which rows keep a condition, and in which order they come."""

import operator
from typing import Any

from cleargate import Failure

COMPARE = {"lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge}


def keeps(cell: Any, how: str, value: Any) -> bool:
    """Whether a cell keeps a condition. A cell that is empty keeps `empty`, `ne` and `eq` with null or ""."""
    blank = cell is None or cell == ""
    if how == "empty":
        return blank
    if how in ("eq", "ne"):
        same = blank if value is None or value == "" else type_of(cell) is type_of(value) and cell == value
        return same == (how == "eq")
    if how == "contains":
        if not isinstance(value, str):
            raise Failure("invalid_input", "`contains` needs a text as its value")
        return isinstance(cell, str) and value in cell
    if type_of(value) not in (float, str):
        raise Failure("invalid_input", f"`{how}` needs a number or a text as its value")
    if blank:
        return False
    if type_of(cell) is not type_of(value):
        raise Failure("invalid_input", f"`{how}` compares {cell!r} with {value!r}: one is a text, the other is none")
    return COMPARE[how](cell, value)


def type_of(value: Any) -> type:
    """Numbers are of one type, and true is none of them."""
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def ordered(rows: list[list[Any]], column: int, descending: bool) -> list[list[Any]]:
    """Rows by a column, of which all filled cells have one type; rows of equal cells keep their order."""
    filled = [row for row in rows if row[column] not in (None, "")]
    empty = [row for row in rows if row[column] in (None, "")]
    return sorted(filled, key=lambda row: row[column], reverse=descending) + empty
