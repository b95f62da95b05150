//! JSON Pointers (RFC 6901), and values with something changed. What was there stays as it was: parts are shared.

import { Failure } from "#cleargate";

/** Values of an answer: a few copies of copies name a great many. */
const MAX_VALUES = 200_000;

export const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export const escaped = (key) => key.replaceAll("~", "~0").replaceAll("/", "~1");

/** The steps of a pointer; `at` names it in a refusal. */
export function steps(pointer, at) {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) throw new Failure("invalid_input", `${at}: \`${pointer}\` is no JSON Pointer; write \`/${pointer}\``);
  if (/~(?![01])/.test(pointer)) throw new Failure("invalid_input", `${at}: \`${pointer}\` is no JSON Pointer; write \`~0\` for \`~\``);
  return pointer.slice(1).split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The number of an item, when a step is one; `-` is the one after the last. */
function index(list, step) {
  if (step === "-") return list.length;
  return /^(?:0|[1-9]\d{0,8})$/.test(step) ? Number(step) : undefined;
}

/** Whether there is a value at a place, and which. */
export function at(value, path) {
  let here = value;
  for (const step of path) {
    if (Array.isArray(here)) {
      const i = index(here, step);
      if (i === undefined || i >= here.length) return { found: false };
      here = here[i];
    } else if (isRecord(here) && Object.hasOwn(here, step)) here = here[step];
    else return { found: false };
  }
  return { found: true, value: here };
}

/** A record with a field set. Defined, because `__proto__` is a name like others. */
export function put(record, key, value) {
  const copy = { ...record };
  Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

/**
 * A value with its part at a place changed by `change`, which gets what holds the part and the last step, and gives the
 * holder anew. `create` makes records of what is not there. `say` tells a refusal.
 */
export function changed(value, path, change, say, create = false, done = 0) {
  const step = path[done];
  const last = done === path.length - 1;
  if (Array.isArray(value)) {
    const i = index(value, step);
    if (i === undefined) throw say(`\`${step}\` is no number of an item`);
    if (last) return change(value, i);
    if (i >= value.length) throw say(`there is no item ${step}; there are ${value.length}`);
    return value.with(i, changed(value[i], path, change, say, create, done + 1));
  }
  if (!isRecord(value)) throw say(`there is no record and no list at \`/${path.slice(0, done).map(escaped).join("/")}\``);
  if (last) return change(value, step);
  if (!Object.hasOwn(value, step) && !create) throw say(`there is no \`${step}\``);
  const inside = Object.hasOwn(value, step) ? value[step] : {};
  return put(value, step, changed(inside, path, change, say, create, done + 1));
}

/** A value, unless it is too large to be an answer. */
export function bounded(value) {
  let left = MAX_VALUES;
  const count = (part) => {
    left -= 1;
    if (left < 0) throw new Failure("limit", `the answer has more than ${MAX_VALUES} values`);
    if (typeof part === "object" && part !== null) Object.values(part).forEach(count);
  };
  count(value);
  return value;
}

/** Whether two values are the same, whatever the order of their fields. */
export function same(a, b) {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]));
}
