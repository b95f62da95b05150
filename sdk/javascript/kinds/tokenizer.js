//! Counts and cuts text as a model does.

import { returned, unsigned } from "../wire.js";
import { part, played } from "./part.js";

/**
 * A tokenizer: `encode` returns whole numbers, `decode` their text. `count` is the length of `encode`, unless there is a
 * faster way.
 * @param {{
 *   config?: object,
 *   encode: (text: string, config: any, ctx: object) => any,
 *   decode: (tokens: number[], config: any, ctx: object) => any,
 *   count?: (text: string, config: any, ctx: object) => any,
 * }} definition
 */
export const tokenizer = (definition) => part("tokenizer", definition, ["encode", "decode"], ["count"]);

/** The exports of the contract. */
export function serve(plugin) {
  const { its, exported } = played("tokenizer", plugin);
  const tokens = (list) => Array.from(list, (token) => returned("number", "a token", token));
  const count = async (...asked) => (its.count ? its.count(...asked) : (await its.encode(...asked)).length);
  return {
    count: exported(async (...asked) => returned("number", "the count", await count(...asked))),
    encode: exported(async (...asked) => tokens(await its.encode(...asked))),
    decode: exported(async (list, ...more) =>
      returned("string", "the text", await its.decode(Array.from(list, unsigned), ...more))),
  };
}
