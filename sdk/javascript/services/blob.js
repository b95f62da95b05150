//! Bytes behind media handles.

import * as host from "cleargate:host/blob@0.1.0";
import { asking } from "../failure.js";

/** Stores bytes and returns their handle: `{ digest, mime, size, name }`. */
export function put(bytes, mime, name = undefined) {
  const media = asking(() => host.put(bytes, mime, name));
  return { ...media, size: Number(media.size) };
}

/** At most `length` bytes from `offset`. */
export const get = (media, offset, length) =>
  Uint8Array.from(asking(() => host.get({ ...media, size: BigInt(media.size) }, BigInt(offset), length)));
