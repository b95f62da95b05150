//! Rewrites what goes to a model and what comes back. A filter always answers with content.

import { check, known } from "../schema.js";
import { context, define, guarded, only, read, returned, write } from "../wire.js";

/**
 * A filter. Hooks that are left out pass everything on. A chunk is `{ text, carry, last }`; its hook returns
 * `{ text, carry }`, and the host gives `carry` to the next call: `null` in the first.
 * @param {{
 *   id: string, summary: string, config: object,
 *   before?: (request: any, config: any, ctx: object) => any,
 *   after?: (response: any, config: any, request: any, ctx: object) => any,
 *   onChunk?: (chunk: { text: string, carry: any, last: boolean }, config: any, ctx: object) => any,
 * }} definition `config` is a JSON Schema
 */
export function filter(definition) {
  const defined = define("filter", definition, ["id", "summary", "config"], ["before", "after", "onChunk"]);
  known(`the configuration of ${defined.id}`, defined.config);
  return defined;
}

/** The exports of the contract. */
export function serve(plugin) {
  const defined = only("filter", plugin);
  const { id, summary, config } = defined;
  const { before = (request) => request, after = (response) => response, onChunk = (chunk) => chunk } = defined;
  const settings = (chosen) => check("configuration", read("configuration", chosen), config);
  return {
    describe: () => ({ id, summary, config: JSON.stringify(config) }),
    before: guarded(async (ctx, request, chosen) =>
      write(await before(read("request", request), settings(chosen), context(ctx)))),
    after: guarded(async (ctx, request, response, chosen) =>
      write(await after(read("response", response), settings(chosen), read("request", request), context(ctx)))),
    onChunk: guarded(async (ctx, { text, carry, last }, chosen) => {
      const passed = await onChunk({ text, carry: read("carry", carry), last }, settings(chosen), context(ctx));
      return { text: returned("string", "`text`", passed?.text), carry: write(passed.carry ?? null) };
    }),
  };
}
