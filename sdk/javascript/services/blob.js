//! Bytes behind media handles.

import * as host from "cleargate:host/blob@0.1.0";
import { asking } from "../failure.js";
import { bytes } from "../text.js";

/** Stores bytes, or text as UTF-8, and returns their handle: `{ digest, mime, size, name }`. */
export function put(data, mime, name = undefined) {
  const media = asking(() => host.put(bytes(data), mime, name));
  return { ...media, size: Number(media.size) };
}

/** At most `length` bytes from `offset`. */
export const get = (media, offset, length) =>
  Uint8Array.from(asking(() => host.get(media, offset, length)));
