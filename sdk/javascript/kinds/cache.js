//! Keeps answers of models.

import { read, write } from "../wire.js";
import { part, played } from "./part.js";

/**
 * A cache. `get` returns what was kept and still holds, or `undefined`; `put` keeps an entry, for ever when `ttlMs` is
 * `undefined`.
 * @param {{
 *   config?: object,
 *   get: (key: string, config: any, ctx: object) => any,
 *   put: (key: string, entry: any, ttlMs: number | undefined, config: any, ctx: object) => any,
 * }} definition
 */
export const cache = (definition) => part("cache", definition, ["get", "put"]);

/** The exports of the contract. */
export function serve(plugin) {
  const { its, exported } = played("cache", plugin);
  return {
    get: exported(async (...asked) => {
      const entry = await its.get(...asked);
      return entry === undefined ? undefined : write(entry);
    }),
    put: exported(async (key, entry, ttl, ...more) => {
      const ttlMs = ttl === undefined || ttl === null ? undefined : Number(ttl);
      await its.put(key, read("entry", entry), ttlMs, ...more);
    }),
  };
}
