//! A page as a tree: how it is read, and what of it a reader would not see.

import { Parser } from "htmlparser2";

import { Failure } from "#cleargate";

/** Elements inside of each other. Pages have some thirty; each level costs a step of the engine's stack. */
const MAX_DEPTH = 200;

/** Elements that are no text of a page: programs, forms, frames, pictures made of code. */
const NO_TEXT = new Set([
  "script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "math", "canvas", "audio", "video",
  "button", "input", "select", "textarea", "datalist", "head", "frameset", "noframes", "map", "progress", "meter",
]);

/** Styles of what is there and not shown. */
const HIDING =
  /(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|$|!)|font-size\s*:\s*0(?:\.0+)?(?:px|pt|em|rem|%)?\s*(?:;|$|!))/i;

/** The tree of a page: elements have `nodeName`, `attrs` and `childNodes`, text has `value`. */
export function parsed(html) {
  const page = { nodeName: "#document", attrs: {}, childNodes: [] };
  const open = [page];
  const parser = new Parser({
    onopentag(nodeName, attrs) {
      if (open.length > MAX_DEPTH) throw new Failure("limit", `elements are nested deeper than ${MAX_DEPTH}; give a part of the page`);
      const element = { nodeName, attrs, childNodes: [] };
      open.at(-1).childNodes.push(element);
      open.push(element);
    },
    onclosetag() {
      open.pop();
    },
    ontext(value) {
      const { childNodes } = open.at(-1);
      if (childNodes.at(-1)?.nodeName === "#text") childNodes.at(-1).value += value;
      else childNodes.push({ nodeName: "#text", value });
    },
  });
  parser.end(html);
  return page;
}

export const attribute = (element, name) => (element?.attrs !== undefined && Object.hasOwn(element.attrs, name) ? element.attrs[name] : undefined);

/** Elements of some names, in the order of the page. */
export function find(node, names, found = []) {
  for (const child of node.childNodes ?? []) {
    if (names.includes(child.nodeName)) found.push(child);
    find(child, names, found);
  }
  return found;
}

/** The text of an element as it stands there, white space joined. */
export const text = (node) => (node === undefined ? "" : raw(node).replace(/\s+/g, " ").trim());

/** The text of an element with its line breaks. */
export function raw(node) {
  if (node.nodeName === "#text") return node.value;
  if (node.nodeName === "br") return "\n";
  return (node.childNodes ?? []).map(raw).join("");
}

/** Children that a reader sees; others are counted when they are hidden. */
export function seen(node, how) {
  return (node.childNodes ?? []).filter((child) => {
    if (child.nodeName === "#text") return true;
    if (child.attrs === undefined || NO_TEXT.has(child.nodeName)) return false;
    if (!hidden(child)) return true;
    how.hidden += 1;
    return false;
  });
}

function hidden(element) {
  return Object.entries(element.attrs).some(
    ([name, value]) =>
      (name === "hidden" && value.toLowerCase() !== "until-found") ||
      (name === "aria-hidden" && value.toLowerCase() === "true") ||
      (name === "style" && HIDING.test(value)),
  ) || (element.nodeName === "dialog" && attribute(element, "open") === undefined);
}
