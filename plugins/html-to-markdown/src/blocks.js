//! Blocks of a page: paragraphs, headings, lists, quotations, code and tables.

import { table } from "./tables.js";
import { attribute, raw, seen } from "./page.js";
import { BREAK, begin, fence, words } from "./words.js";

/** Elements that stand in a line; all others begin a block. */
const INLINE = new Set([
  "#text", "a", "abbr", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img", "ins", "kbd",
  "label", "mark", "nobr", "output", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time",
  "tt", "u", "var", "wbr", "picture",
]);

/** The blocks inside of a node, each a text of one or more lines. */
export function blocks(node, how) {
  const done = [];
  let line = [];
  const flush = () => {
    const said = paragraph(words(line, how));
    if (said !== "") done.push(said);
    line = [];
  };
  for (const child of seen(node, how)) {
    // A link around headings and paragraphs stands in a line in Markdown; other elements give way to their blocks.
    if (child.nodeName === "a" || (INLINE.has(child.nodeName) && !holdsBlock(child))) line.push(child);
    else {
      flush();
      done.push(...block(child, how));
    }
  }
  flush();
  return done;
}

const holdsBlock = (node) => (node.childNodes ?? []).some((child) => (child.attrs !== undefined && !INLINE.has(child.nodeName)) || holdsBlock(child));

/** A line of words as a paragraph. */
function paragraph(line) {
  return line.trim().split(BREAK).map((part) => begin(part.trim())).join("\\\n").replace(/^(?:\\\n)+|(?:\\\n)+$/g, "");
}

function block(node, how) {
  const name = node.nodeName;
  if (/^h[1-6]$/.test(name)) return heading(node, Number(name[1]), how);
  if (name === "ul" || name === "ol" || name === "menu") return list(node, name === "ol", how);
  if (name === "blockquote") return quoted(blocks(node, how));
  if (name === "pre" || name === "listing" || name === "xmp") return code(node);
  if (name === "hr") return ["---"];
  if (name === "table") return table(node, how, blocks);
  if (name === "dt") return blocks(node, how).map((said) => (said.includes("\n") ? said : `**${said}**`));
  return blocks(node, how);
}

function heading(node, level, how) {
  const said = words(seen(node, how), how).replaceAll(BREAK, " ").trim();
  return said === "" ? [] : [`${"#".repeat(level)} ${said.replace(/#+$/, (end) => `\\${end}`)}`];
}

const quoted = (inside) =>
  inside.length === 0 ? [] : [inside.join("\n\n").split("\n").map((line) => (line === "" ? ">" : `> ${line}`)).join("\n")];

function code(node) {
  const said = raw(node).replace(/^\n/, "").replace(/\s+$/, "");
  if (said === "") return [];
  const classes = [node, ...(node.childNodes ?? [])].map((one) => attribute(one, "class") ?? "").join(" ");
  const language = /(?:^|\s)(?:language|lang|highlight-source)-([\w+#.-]{1,30})/.exec(classes)?.[1] ?? "";
  const marks = fence(said, "`", 3);
  return [`${marks}${language}\n${said}\n${marks}`];
}

/** Items in a row when each is one paragraph, with lists below it or not; with blank lines between otherwise. */
function list(node, ordered, how) {
  const first = Number.parseInt(attribute(node, "start") ?? "1", 10);
  let number = Number.isSafeInteger(first) && first >= 0 && first < 1e9 ? first : 1;
  const items = [];
  let loose = false;
  for (const child of seen(node, how)) {
    if (child.nodeName === "#text") continue;
    const inside = child.nodeName === "li" ? blocks(child, how) : block(child, how);
    if (inside.length === 0) continue;
    // A list below a paragraph follows without a blank line.
    const tight = inside.length === 2 && /^(?:[-*] |\d+\. )/.test(inside[1]) && !inside[0].includes("\n\n");
    loose ||= inside.length > 1 && !tight;
    const mark = ordered ? `${number}. ` : "- ";
    number += 1;
    const gap = " ".repeat(mark.length);
    items.push(mark + inside.join(tight ? "\n" : "\n\n").split("\n").map((line, i) => (i === 0 || line === "" ? line : gap + line)).join("\n"));
  }
  return items.length === 0 ? [] : [items.join(loose ? "\n\n" : "\n")];
}
