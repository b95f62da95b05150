//! Tables. Markdown knows a head, a body and cells of one line; what is no such table becomes blocks.

import { Failure } from "#cleargate";
import { attribute, seen } from "./page.js";
import { BREAK, flat, words } from "./words.js";

/** Cells of all columns that one row may span to: a number in a page must not make a line of any length. */
const MAX_COLUMNS = 200;

const PARTS = new Set(["thead", "tbody", "tfoot"]);

/** The blocks of a table. `blocks` reads cells of tables that only lay a page out. */
export function table(node, how, blocks) {
  const rows = rowsOf(node, how);
  const caption = seen(node, how).find((child) => child.nodeName === "caption");
  const before = caption === undefined ? [] : blocks(caption, how);
  const width = Math.max(0, ...rows.map((row) => row.cells.length));
  if (width < 2 || rows.length === 0) return [...before, ...rows.flatMap(({ cells }) => cells.flatMap((cell) => blocks(cell, how)))];
  const named = rows[0].head || rows[0].cells.every((cell) => cell === undefined || cell.nodeName === "th");
  const [head, body] = named ? [rows[0].cells, rows.slice(1)] : [[], rows];
  const line = (cells) => `| ${Array.from({ length: width }, (_, i) => cell(cells[i], how)).join(" | ")} |`;
  const sides = Array.from({ length: width }, (_, i) => side(rows.map(({ cells }) => cells[i]).find((one) => one !== undefined)));
  return [...before, [line(head), `| ${sides.join(" | ")} |`, ...body.map(({ cells }) => line(cells))].join("\n")];
}

/** Rows of the table itself, not of tables in its cells. */
function rowsOf(node, how, head = false) {
  return seen(node, how).flatMap((child) => {
    if (PARTS.has(child.nodeName)) return rowsOf(child, how, child.nodeName === "thead");
    if (child.nodeName !== "tr") return [];
    const cells = seen(child, how)
      .filter(({ nodeName }) => nodeName === "td" || nodeName === "th")
      .flatMap((cell) => [cell, ...Array(span(cell) - 1).fill(undefined)]);
    if (cells.length > MAX_COLUMNS) throw new Failure("limit", `a row of a table has more than ${MAX_COLUMNS} columns; give a part of the page`);
    return cells.length === 0 ? [] : [{ cells, head }];
  });
}

function span(cell) {
  const columns = Number.parseInt(attribute(cell, "colspan") ?? "1", 10);
  return Number.isSafeInteger(columns) && columns >= 1 ? Math.min(columns, MAX_COLUMNS + 1) : 1;
}

/** A cell in one line; blocks in it stand in a row. */
function cell(node, how) {
  if (node === undefined) return "";
  return words(flat(seen(node, how), how), how).replaceAll(BREAK, " ").trim().replaceAll("|", "\\|");
}

function side(cell) {
  const style = `${attribute(cell, "align") ?? ""} ${attribute(cell, "style") ?? ""}`.toLowerCase();
  const said = /(?:^|text-align\s*:\s*)(left|right|center)\b/.exec(style)?.[1];
  return { left: ":--", right: "--:", center: ":-:" }[said] ?? "---";
}
