//! Named stores of small values that outlive a run.

import * as host from "cleargate:host/kv@0.1.0";
import { asking, foreign } from "../failure.js";
import { bytes, text } from "../text.js";

const kept = (value) => (value === undefined || value === null ? undefined : Uint8Array.from(value));

/** The bytes of a key; nothing when there is none. */
export const get = (store, key) => kept(asking(() => host.get(store, key)));
/** Sets a value: bytes, or text as UTF-8. */
export const set = (store, key, value) => asking(() => host.set(store, key, bytes(value)));
/** Removes a key; a key that is not there is no error. */
export const remove = (store, key) => asking(() => host.delete(store, key));
/** Sets the value only when the present one equals `expected`; says whether it did. */
export const swap = (store, key, expected, value) =>
  asking(() => host.swap(store, key, expected === undefined ? undefined : bytes(expected), bytes(value)));
/** A page of at most 1,000 keys that start with `prefix`: `{ keys, next }`. */
export const list = (store, prefix = "", after = undefined) => asking(() => host.list(store, prefix, after));

/** The value of a key as text; nothing when there is none. */
export function getText(store, key) {
  const value = get(store, key);
  return value === undefined ? undefined : text(value);
}

/** The value of a key as JSON data; nothing when there is none. */
export function getJson(store, key) {
  const value = getText(store, key);
  return value === undefined ? undefined : foreign(`the value of \`${key}\``, value);
}

/** Sets a value as JSON. */
export const setJson = (store, key, data) => set(store, key, JSON.stringify(data));
