//! Text inside of a line: words, marks around them, links, images and code.

import { address } from "./address.js";
import { attribute, raw, seen } from "./page.js";

/** A break of a line. Written at the end, because a heading and a cell of a table cannot have one. */
export const BREAK = "\u0001";

/** Controls, which HTML cannot show, and the mark above. */
const CONTROLS = /[\0-\x08\x0b\x0e-\x1f\x7f]/g;

/** Whether a text needs any of the work of escaping; most do not. */
const SPECIAL = /[\0-\x08\x0b\x0e-\x1f\x7f\\`*[\]<_~&]/;

const AROUND = { strong: "**", b: "**", em: "*", i: "*", cite: "*", var: "*", del: "~~", s: "~~", strike: "~~" };
/** Elements whose text stands apart from what is around it. */
const BLOCKS =
  /^(?:p|div|li|ul|ol|h[1-6]|table|tbody|thead|tfoot|tr|td|th|pre|blockquote|section|article|header|footer|dl|dt|dd|hr|figure|figcaption|caption)$/;
const CODE = new Set(["code", "kbd", "samp", "tt"]);

/** Nodes of one line as Markdown. White space is joined; `marks` are those that are open around. */
export function words(nodes, how, marks = "") {
  let line = nodes.map((node) => word(node, how, marks)).join("");
  if (line.includes("  ")) line = line.replace(/ {2,}/g, " ");
  return line.includes(BREAK) ? line.replaceAll(` ${BREAK}`, BREAK).replaceAll(`${BREAK} `, BREAK) : line;
}

function word(node, how, marks) {
  const name = node.nodeName;
  if (name === "#text") return escaped(node.value.replace(/[ \t\n\f\r]+/g, " "));
  if (name === "br") return BREAK;
  if (name === "wbr") return "";
  if (name === "img") return image(node, how);
  if (CODE.has(name)) return code(raw(node).replace(CONTROLS, "").replace(/\s+/g, " "));
  const mark = AROUND[name];
  if (mark !== undefined && !marks.includes(`(${mark})`)) return around(mark, words(seen(node, how), how, `${marks}(${mark})`));
  if (name === "q") return `"${words(seen(node, how), how, marks)}"`;
  return name === "a" ? link(node, words(flat(seen(node, how), how), how, marks), how) : words(seen(node, how), how, marks);
}

/** Nodes of blocks as nodes of one line, with a blank between. */
export function flat(nodes, how) {
  const blank = { nodeName: "#text", value: " " };
  return nodes.flatMap((node) => (BLOCKS.test(node.nodeName) ? [blank, ...flat(seen(node, how), how), blank] : [node]));
}

/** A mark around text; blanks at its ends stand outside, where Markdown wants them. */
function around(mark, inside) {
  const [, before, kept, after] = /^([ \u0001]*)(.*?)([ \u0001]*)$/s.exec(inside);
  return kept === "" ? before + after : `${before}${mark}${kept}${mark}${after}`;
}

function link(node, inside, how) {
  const [, before, said, after] = /^([ \u0001]*)(.*?)([ \u0001]*)$/s.exec(inside);
  const href = attribute(node, "href");
  const url = href === undefined || href.trim().startsWith("#") || how.links === "text" ? undefined : address(href, how.base);
  if (url === undefined || said === "") return inside;
  return `${before}[${said.replaceAll(BREAK, " ")}](${url}${title(node)})${after}`;
}

function image(node, how) {
  const alt = escaped((attribute(node, "alt") ?? "").replace(/\s+/g, " ").trim());
  if (how.images === "drop") return "";
  const src = attribute(node, "src");
  const url = how.images === "alt" || src === undefined ? undefined : address(src, how.base);
  return url === undefined || url.startsWith("mailto:") ? alt : `![${alt}](${url}${title(node)})`;
}

function title(node) {
  const said = (attribute(node, "title") ?? "").replace(CONTROLS, "").replace(/\s+/g, " ").trim();
  return said === "" ? "" : ` "${said.replace(/[\\"]/g, "\\$&")}"`;
}

/** Text as code, in more ticks than it has in a row. */
function code(said) {
  const inside = said.trim();
  if (inside === "") return said === "" ? "" : " ";
  const ticks = fence(inside, "`", 1);
  const gap = inside.startsWith("`") || inside.endsWith("`") ? " " : "";
  return `${ticks}${gap}${inside}${gap}${ticks}`;
}

/** A row of a letter that is longer than each one in a text. */
export function fence(inside, letter, least) {
  const rows = inside.match(new RegExp(`${letter}+`, "g")) ?? [];
  return letter.repeat(Math.max(least, ...rows.map((row) => row.length + 1)));
}

/** Text in which no letter has a meaning of Markdown. A `_` inside of a word has none. */
function escaped(said) {
  if (!SPECIAL.test(said)) return said;
  return said
    .replace(CONTROLS, "")
    .replace(/[\\`*[\]<]/g, "\\$&")
    // Looks around only where the letter stands: looking first costs ten times as much.
    .replace(/_(?![\p{L}\p{N}])|_(?<![\p{L}\p{N}]_)/gu, "\\_")
    .replace(/~~/g, "\\~~")
    .replace(/&(?=#?\w{1,32};)/g, "\\&");
}

/** A line that begins a block: what would make another block of it is escaped. */
export function begin(line) {
  return line.replace(/^(#{1,6}(?= |$)|>|[-+](?= |$)|[-=](?=[-= ]*$))/, "\\$1").replace(/^(\d{1,9})([.)])(?= |$)/, "$1\\$2");
}
