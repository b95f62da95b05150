//! Answers for models.

import { read } from "../wire.js";
import { given } from "../reply.js";
import { part, played } from "./part.js";

/**
 * A provider. Its function returns `{ message, inputTokens, outputTokens, microUsd }`: a message has `role`, `content`
 * and, when there are any, `tool_calls`; the numbers are 0 when they are left out.
 * @param {{ config?: object, complete: (model: string, request: any, config: any, ctx: object) => any }} definition
 *   the request has `messages`, and maybe `tools`, `schema`, `max_tokens` and `temperature`
 */
export const provider = (definition) => part("provider", definition, ["complete"]);

/** The exports of the contract. */
export function serve(plugin) {
  const { its, exported } = played("provider", plugin);
  return {
    complete: exported(async (model, request, config, ctx) =>
      given(await its.complete(model, read("request", request), config, ctx))),
  };
}
