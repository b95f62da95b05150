//! Types of `#cleargate/model`.

import type { Reply } from "#cleargate";

/** Asks a model. The request has `messages`, and maybe `tools`, `schema`, `max_tokens` and `temperature`. */
export function complete(model: string, request: Record<string, unknown>): Reply;
/** Asks a model as `complete` does: iterate over the text as it is made, then ask for the whole `reply()`. */
export function open(model: string, request: Record<string, unknown>): Iterable<string> & { reply(): Reply };
