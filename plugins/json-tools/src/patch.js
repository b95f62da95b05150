//! JSON Patch (RFC 6902), made and applied, and JSON Merge Patch (RFC 7396).

import { Failure } from "#cleargate";
import { at, bounded, changed, escaped, isRecord, put, same, steps } from "./pointer.js";

/** A value after all steps of a patch, or a refusal that names the first step that cannot be done. */
export function apply(value, patch) {
  return bounded(patch.reduce((here, operation, i) => step(here, operation, `/patch/${i}`), value));
}

function step(value, { op, path, from, ...rest }, place) {
  const refuse = (why) => new Failure("invalid_input", `${place}: \`${op}\` at \`${path}\` cannot be done: ${why}`);
  const to = steps(path, `${place}/path`);
  if (["add", "replace", "test"].includes(op) && !Object.hasOwn(rest, "value")) throw refuse("it has no `value`");
  if (["move", "copy"].includes(op) && from === undefined) throw refuse("it has no `from`");
  if (op === "add") return add(value, to, rest.value, refuse);
  if (op === "remove") return remove(value, to, refuse);
  if (op === "replace") return add(to.length === 0 ? value : remove(value, to, refuse), to, rest.value, refuse);
  if (op === "test") {
    const there = at(value, to);
    if (!there.found || !same(there.value, rest.value)) throw refuse(there.found ? "the value is another" : "there is none");
    return value;
  }
  const source = steps(from, `${place}/from`);
  const taken = at(value, source);
  if (!taken.found) throw refuse(`there is nothing at \`${from}\``);
  if (op === "copy") return add(value, to, taken.value, refuse);
  if (path.startsWith(`${from}/`)) throw refuse("it would be inside of itself");
  return from === path ? value : add(remove(value, source, refuse), to, taken.value, refuse);
}

function add(value, path, item, refuse) {
  if (path.length === 0) return item;
  return changed(value, path, (holder, key) => {
    if (!Array.isArray(holder)) return put(holder, key, item);
    if (key > holder.length) throw refuse(`there are ${holder.length} items`);
    return holder.toSpliced(key, 0, item);
  }, refuse);
}

function remove(value, path, refuse) {
  if (path.length === 0) throw refuse("the whole value cannot be removed");
  return changed(value, path, (holder, key) => {
    if (Array.isArray(holder)) {
      if (key >= holder.length) throw refuse(`there are ${holder.length} items`);
      return holder.toSpliced(key, 1);
    }
    if (!Object.hasOwn(holder, key)) throw refuse("there is none");
    return Object.fromEntries(Object.entries(holder).filter(([name]) => name !== key));
  }, refuse);
}

/** The patch that leads from one value to another. Lists are compared from both ends: what is between is replaced. */
export function diff(from, to, path = "") {
  if (same(from, to)) return [];
  if (Array.isArray(from) && Array.isArray(to)) return lists(from, to, path);
  if (!isRecord(from) || !isRecord(to)) return [{ op: "replace", path, value: to }];
  const gone = Object.keys(from).filter((key) => !Object.hasOwn(to, key)).map((key) => ({ op: "remove", path: `${path}/${escaped(key)}` }));
  const there = Object.keys(to).flatMap((key) => {
    const place = `${path}/${escaped(key)}`;
    return Object.hasOwn(from, key) ? diff(from[key], to[key], place) : [{ op: "add", path: place, value: to[key] }];
  });
  return [...gone, ...there];
}

function lists(from, to, path) {
  const shorter = Math.min(from.length, to.length);
  let before = 0;
  while (before < shorter && same(from[before], to[before])) before += 1;
  let after = 0;
  while (after < shorter - before && same(from.at(-1 - after), to.at(-1 - after))) after += 1;
  const [left, right] = [from.slice(before, from.length - after), to.slice(before, to.length - after)];
  const both = Math.min(left.length, right.length);
  const changes = left.slice(0, both).flatMap((item, i) => diff(item, right[i], `${path}/${before + i}`));
  // Removed from the end, so that the numbers of the others stay right.
  const removed = left.slice(both).map((_, i) => ({ op: "remove", path: `${path}/${before + left.length - 1 - i}` }));
  const added = right.slice(both).map((value, i) => ({ op: "add", path: `${path}/${before + both + i}`, value }));
  return [...changes, ...removed, ...added];
}

/** A value with another laid over it: `null` takes a field away. */
export function merge(value, over) {
  if (!isRecord(over)) return over;
  return Object.entries(over).reduce(
    (here, [key, part]) =>
      part === null
        ? Object.fromEntries(Object.entries(here).filter(([name]) => name !== key))
        : put(here, key, merge(Object.hasOwn(here, key) ? here[key] : undefined, part)),
    isRecord(value) ? value : {},
  );
}
