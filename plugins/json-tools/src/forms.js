//! Other forms of a value: canonical text (RFC 8785), and a flat record of pointers.

import { Failure } from "#cleargate";
import { escaped, isRecord, put, steps } from "./pointer.js";

/** The one text of a value: numbers as ECMAScript writes them, names in the order of their UTF-16 units, no blanks. */
export function canonical(value) {
  if (typeof value === "string" || isRecord(value)) refuseHalves(typeof value === "string" ? [value] : Object.keys(value));
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isRecord(value)) return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

/** A half of a letter is no text of Unicode, and has no canonical form. */
function refuseHalves(texts) {
  if (texts.some((text) => /\p{Cs}/u.test(text))) throw new Failure("invalid_input", "/value: a text holds half of a letter (a lone surrogate)");
}

/** Each value without others inside, by its pointer. */
export function flatten(value, place = "", fields = []) {
  const parts = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (parts.length === 0) fields.push([place, value]);
  for (const [key, part] of parts) flatten(part, `${place}/${escaped(key)}`, fields);
  return fields;
}

/** The value that a flat record was made of. Fields with the names 0, 1, 2 … and no others are a list. */
export function unflatten(fields) {
  const names = Object.keys(fields);
  if (names.length === 1 && names[0] === "") return fields[""];
  const root = new Map();
  for (const name of names) {
    const path = steps(name, "/fields");
    if (path.length === 0) throw clash(name);
    let here = root;
    for (const step of path.slice(0, -1)) {
      if (!here.has(step)) here.set(step, new Map());
      here = here.get(step);
      if (!(here instanceof Map)) throw clash(name);
    }
    if (here.has(path.at(-1))) throw clash(name);
    here.set(path.at(-1), { leaf: fields[name] });
  }
  return built(root);
}

const clash = (name) => new Failure("invalid_input", `/fields: \`${name}\` lies inside of another value, or holds one`);

function built(node) {
  if (!(node instanceof Map)) return node.leaf;
  const isList = node.size > 0 && Array.from({ length: node.size }, (_, i) => String(i)).every((key) => node.has(key));
  if (isList) return Array.from({ length: node.size }, (_, i) => built(node.get(String(i))));
  return [...node].reduce((record, [key, part]) => put(record, key, built(part)), {});
}
