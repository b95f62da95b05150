//! Makes a text shorter and keeps what matters.

import { returned, unsigned } from "../wire.js";
import { part, played } from "./part.js";

/**
 * A summarizer. Its function returns a text of at most `maxTokens` tokens.
 * @param {{ config?: object, summarize: (text: string, maxTokens: number, config: any, ctx: object) => any }} definition
 */
export const summarizer = (definition) => part("summarizer", definition, ["summarize"]);

/** The exports of the contract. */
export function serve(plugin) {
  const { its, exported } = played("summarizer", plugin);
  return {
    summarize: exported(async (text, most, ...more) =>
      returned("string", "the summary", await its.summarize(text, unsigned(most), ...more))),
  };
}
