//! Types of `#cleargate/kv`.

/** The bytes of a key; nothing when there is none. */
export function get(store: string, key: string): Uint8Array | undefined;
/** Sets a value: bytes, or text as UTF-8. */
export function set(store: string, key: string, value: Uint8Array | string): void;
/** Removes a key; a key that is not there is no error. */
export function remove(store: string, key: string): void;
/** Sets the value only when the present one equals `expected`; says whether it did. */
export function swap(
  store: string,
  key: string,
  expected: Uint8Array | string | undefined,
  value: Uint8Array | string,
): boolean;
/** A page of at most 1,000 keys that start with `prefix`. */
export function list(store: string, prefix?: string, after?: string): { keys: string[]; next?: string };
/** The value of a key as text; nothing when there is none. */
export function getText(store: string, key: string): string | undefined;
/** The value of a key as JSON data; nothing when there is none. */
export function getJson(store: string, key: string): any;
/** Sets a value as JSON. */
export function setJson(store: string, key: string, data: unknown): void;
