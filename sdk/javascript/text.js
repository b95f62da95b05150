//! UTF-8 in both directions: the engine has no `TextEncoder`.

import { Failure } from "./failure.js";

/** Bytes of a text; bytes stay as they are. */
export function bytes(data) {
  if (typeof data !== "string") return data;
  // Each byte that is no plain letter is written as `%` and two digits.
  const parts = encodeURIComponent(data).match(/%..|[^%]/gu) ?? [];
  return Uint8Array.from(parts, (part) => (part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0)));
}

/** Text of bytes, which may be somebody else's. */
export function text(data) {
  let escaped = "";
  for (const byte of data) escaped += `%${byte.toString(16).padStart(2, "0")}`;
  try {
    return decodeURIComponent(escaped);
  } catch {
    throw new Failure("invalid_input", "the bytes are no UTF-8 text");
  }
}
