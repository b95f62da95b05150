//! Finds passages that answer a question.

import { returned, unsigned, write } from "../wire.js";
import { part, played } from "./part.js";

/**
 * A retriever. Its function returns at most `limit` passages `{ id, text, score, metadata }`, the best first. The same
 * passage has the same `id` in each search; `metadata` is a record, and may be left out.
 * @param {{ config?: object, search: (query: string, limit: number, config: any, ctx: object) => any }} definition
 */
export const retriever = (definition) => part("retriever", definition, ["search"]);

/** The exports of the contract. */
export function serve(plugin) {
  const { its, exported } = played("retriever", plugin);
  const passage = ({ id, text, score, metadata = {} }) => ({
    id: returned("string", "`id`", id),
    text: returned("string", "`text`", text),
    score: returned("number", "`score`", score),
    metadata: write(metadata),
  });
  return {
    search: exported(async (query, limit, ...more) => {
      const found = returned("array", "the passages", await its.search(query, unsigned(limit), ...more));
      return found.map(passage);
    }),
  };
}
