//! UTF-8 in both directions: the engine has no `TextEncoder`.
//!
//! What is plain letters, which most data is, takes one step a letter; the rest goes the way through escapes, which the engine knows.

import { Failure } from "./failure.js";

/** How much is looked at together: many letters become one text at once. */
const PIECE = 4096;

/** Bytes of a text; bytes stay as they are. */
export function bytes(data) {
  if (typeof data !== "string") return data;
  const parts = [];
  let length = 0;
  for (let start = 0, end; start < data.length; start = end) {
    end = start + PIECE;
    // Both halves of a letter are in one piece.
    if ((data.charCodeAt(end - 1) & 0xfc00) === 0xd800) end += 1;
    const part = encoded(data.slice(start, end));
    parts.push(part);
    length += part.length;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function encoded(piece) {
  const plain = new Uint8Array(piece.length);
  for (let i = 0; i < piece.length; i += 1) {
    const code = piece.charCodeAt(i);
    if (code > 0x7f) return escaped(piece);
    plain[i] = code;
  }
  return plain;
}

function escaped(piece) {
  // Each byte that is no plain letter is written as `%` and two digits.
  const parts = encodeURIComponent(piece).match(/%..|[^%]/gu) ?? [];
  return Uint8Array.from(parts, (part) => (part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0)));
}

/** Text of bytes, which may be somebody else's. */
export function text(data) {
  const parts = [];
  for (let start = 0, end; start < data.length; start = end) {
    end = Math.min(start + PIECE, data.length);
    // All bytes of a letter are in one piece.
    while (end < data.length && (data[end] & 0xc0) === 0x80) end += 1;
    parts.push(decoded(data.slice(start, end)));
  }
  return parts.join("");
}

function decoded(piece) {
  if (piece.every((byte) => byte < 0x80)) return String.fromCharCode.apply(null, piece);
  let escapes = "";
  for (const byte of piece) escapes += byte < 0x10 ? `%0${byte.toString(16)}` : `%${byte.toString(16)}`;
  try {
    return decodeURIComponent(escapes);
  } catch {
    throw new Failure("invalid_input", "the bytes are no UTF-8 text");
  }
}
