//! What came of a program as data: its result, or its mistake.

import { available } from "./packages.js";
import { shown, whole } from "./printed.js";

/** Letters of a message, and of a traceback: a person or a model reads them. */
const MAX_MESSAGE = 4_096;
/** How deep a result may be; readers of JSON stop not far behind. */
const MAX_DEPTH = 60;

// Programs may change what belongs to everybody; what is used behind them was taken before.
const { isFinite, isSafeInteger } = Number;
const { isArray } = Array;
const { entries, fromEntries, defineProperty } = Object;

/** What programs for other engines look for, and what is there in its place. */
const ABSENT = {
  require: "write import x from \"name\"",
  process: "there is no process around a program",
  Buffer: "write Uint8Array, and files for bytes",
  window: "there is no browser around a program",
  document: "there is no browser around a program",
  XMLHttpRequest: "write fetch(url)",
};

/** A result as JSON has it. What JSON lacks is refused with the way to say it. */
export function plain(value, depth = 0) {
  if (depth > MAX_DEPTH) throw new RangeError(`the result is nested more than ${MAX_DEPTH} deep`);
  if (value === undefined || value === null) return null;
  if (typeof value === "boolean") return value;
  if (typeof value === "string") return whole(value);
  if (typeof value === "number") {
    if (!isFinite(value)) throw new RangeError(`the result holds ${value}, which JSON has not: give null or text`);
    return value;
  }
  if (typeof value === "bigint") {
    const number = Number(value);
    if (!isSafeInteger(number)) throw new RangeError("the result holds a whole number beyond 53 bits: give String(…)");
    return number;
  }
  if (typeof value !== "object") throw new TypeError(`the result holds a ${typeof value}, which is no JSON: give numbers, text, lists or records`);
  if (typeof value.toJSON === "function") return plain(value.toJSON(), depth + 1);
  if (value instanceof Set) return plain([...value], depth);
  if (value instanceof Map) return plain(fromEntries(value), depth);
  if (isArray(value) || ArrayBuffer.isView(value)) {
    const list = [];
    for (let i = 0; i < value.length; i += 1) define(list, i, plain(value[i], depth + 1));
    return list;
  }
  const record = {};
  const parts = entries(value);
  for (let i = 0; i < parts.length; i += 1) {
    if (parts[i][1] !== undefined) define(record, whole(parts[i][0]), plain(parts[i][1], depth + 1));
  }
  return record;
}

/** A field of its own, whatever a program put before all fields. */
const define = (to, name, value) => defineProperty(to, name, { value, enumerable: true, writable: true, configurable: true });

/** What is told of an error: the frames of the program, without those around it. */
export function mistake(caught, source) {
  if (!(caught instanceof Error)) {
    return { type: "thrown", message: shortened(shown(caught)), line: null, traceback: "" };
  }
  const all = String(caught.stack ?? "").split("\n").filter((frame) => /<input>/.test(frame) && !frame.includes(".js"));
  // A text that is no JSON has a place in that text before those in the program.
  const called = all.filter((frame) => frame.includes("(<input>"));
  const frames = called.length > 0 ? called : all;
  const lines = source.split("\n").length;
  const at = frames.map((frame) => /:(\d+)(?::\d+)?\)?\s*$/.exec(frame)).find((found) => found !== null);
  const found = Number.isSafeInteger(caught.line) ? caught.line : at && Number(at[1]);
  const line = found === undefined ? null : Math.min(Math.max(found, 1), lines);
  const name = String(caught.name);
  const message = said(caught);
  return { type: shortened(name), message: shortened(message), line, traceback: shortened([`${name}: ${message}`, ...frames].join("\n")) };
}

function said(caught) {
  const message = String(caught.message);
  if (typeof caught.code === "string") return `${caught.code}: ${message}`;
  const looked = caught instanceof ReferenceError ? /^'?(\w+)'? is not defined$/.exec(message)?.[1] : undefined;
  return looked !== undefined && Object.hasOwn(ABSENT, looked) ? `${message}: ${ABSENT[looked]}; ${available()}` : message;
}

const shortened = (text) => whole(text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE / 2)}\n…\n${text.slice(-MAX_MESSAGE / 2)}`);
