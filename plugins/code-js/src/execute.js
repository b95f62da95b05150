//! One program: read, run, and what came of it as data.

/** Letters of a program. */
export const MAX_SOURCE = 262_144;
/** Letters of both streams together: what a model reads of its own output, and no more. */
const MAX_PRINTED = 262_144;
/** Letters of a message, and of a traceback. */
const MAX_MESSAGE = 4_096;
/** How deep a result may be; readers of JSON stop not far behind. */
const MAX_DEPTH = 60;

const AsyncFunction = (async () => {}).constructor;
// Programs may change what belongs to everybody; what is used behind them was taken before.
const { isFinite, isSafeInteger } = Number;
const { isArray } = Array;
const { entries } = Object;
const stringify = JSON.stringify;

/** Runs a program; whatever it does, this answers, unless the host ends it. */
export async function run(source, input) {
  const printed = { left: MAX_PRINTED, truncated: false, stdout: [], stderr: [] };
  globalThis.console = consoleOf(printed);
  globalThis.input = input;
  let result = null;
  let error = null;
  try {
    result = plain(await perform(source));
  } catch (caught) {
    error = mistake(caught, source);
  }
  return { ok: error === null, result, stdout: printed.stdout.join(""), stderr: printed.stderr.join(""), truncated: printed.truncated, error };
}

/** The value of the last line; of `return`, when the program has one or awaits at its outermost level. */
async function perform(source) {
  if (/^\s*import\b|\bimport\s*\(/m.test(source)) throw new SyntaxError("there are no modules to import: the language and what it brings is all there is");
  try {
    return await (0, eval)(source);
  } catch (caught) {
    if (!(caught instanceof SyntaxError) || !/\b(?:await|return)\b/.test(source)) throw caught;
  }
  // One line less before the program: its lines keep their numbers.
  return new AsyncFunction("input", source)(globalThis.input);
}

function consoleOf(printed) {
  const write = (stream) => (...parts) => {
    const line = `${parts.map(shown).join(" ")}\n`;
    const kept = line.slice(0, printed.left);
    printed.left -= kept.length;
    printed.truncated ||= kept.length < line.length;
    if (kept !== "") stream.push(whole(kept));
  };
  const out = write(printed.stdout);
  const err = write(printed.stderr);
  return { log: out, info: out, debug: out, table: out, warn: err, error: err };
}

/** A value as a line shows it. */
function shown(value) {
  if (typeof value === "string") return value;
  try {
    return stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** A result as JSON has it. What JSON lacks is refused with the way to say it. */
function plain(value, depth = 0) {
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
  if (value instanceof Map) return plain(Object.fromEntries(value), depth);
  if (isArray(value)) return value.map((part) => plain(part, depth + 1));
  const record = {};
  for (const [key, part] of entries(value)) {
    if (part !== undefined) Object.defineProperty(record, whole(key), { value: plain(part, depth + 1), enumerable: true, writable: true, configurable: true });
  }
  return record;
}

/** What is told of an error: the frames of the program, without those around it. */
function mistake(caught, source) {
  if (!(caught instanceof Error)) {
    return { type: "thrown", message: shortened(shown(caught)), line: null, traceback: "" };
  }
  const frames = String(caught.stack ?? "").split("\n").filter((frame) => /<(?:input|evalScript|anonymous)>/.test(frame) && !frame.includes(".js"));
  const lines = source.split("\n").length;
  const at = frames.map((frame) => /:(\d+)(?::\d+)?\)?\s*$/.exec(frame)).find((found) => found !== null);
  // The engine writes a line before the body of a function.
  const line = at === undefined ? null : Math.min(Math.max(Number(at[1]), 1), lines);
  const text = `${caught.name}: ${caught.message}\n${frames.join("\n")}`;
  return { type: String(caught.name), message: shortened(String(caught.message)), line, traceback: shortened(text) };
}

const shortened = (text) => whole(text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE / 2)}\n…\n${text.slice(-MAX_MESSAGE / 2)}`);

/** A text without halves of characters. */
const whole = (text) => text.toWellFormed();

