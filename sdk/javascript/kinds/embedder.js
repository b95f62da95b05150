//! Turns texts into vectors whose distance says how near their meanings are.

import { returned } from "../wire.js";
import { part, played } from "./part.js";

/**
 * An embedder. Its function returns a vector for each text, in their order; all of one length.
 * @param {{ config?: object, embed: (texts: string[], config: any, ctx: object) => any }} definition
 */
export const embedder = (definition) => part("embedder", definition, ["embed"]);

/** The exports of the contract. */
export function serve(plugin) {
  const { its, exported } = played("embedder", plugin);
  return {
    embed: exported(async (...asked) => {
      const vectors = returned("array", "the vectors", await its.embed(...asked));
      return vectors.map((vector) => Array.from(vector, (number) => returned("number", "part of a vector", number)));
    }),
  };
}
