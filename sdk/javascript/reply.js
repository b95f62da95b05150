//! What a model answered: providers give it, and the service `model` gives it to others.

import { read, returned, write } from "./wire.js";

/** An answer of the contract, as authors see it. */
export function taken({ message, usage }) {
  const { inputTokens, outputTokens, microUsd } = usage;
  return {
    message: read("reply", message),
    inputTokens: Number(inputTokens),
    outputTokens: Number(outputTokens),
    microUsd: Number(microUsd),
  };
}

/** An answer as the contract writes it. */
export function given({ message, inputTokens = 0, outputTokens = 0, microUsd = 0 }) {
  const usage = {
    inputTokens: returned("number", "`inputTokens`", inputTokens),
    outputTokens: returned("number", "`outputTokens`", outputTokens),
    microUsd: returned("number", "`microUsd`", microUsd),
  };
  return { message: write(message), usage };
}
