//! Models by the names that the flow gives them.

import * as host from "cleargate:host/model@0.1.0";
import { asking } from "../failure.js";
import { taken } from "../reply.js";
import { write } from "../wire.js";

/** Asks a model. The request has `messages`, and maybe `tools`, `schema`, `max_tokens` and `temperature`. */
export const complete = (model, request) => taken(asking(() => host.complete(model, write(request))));

/** Asks a model as `complete` does: iterate over the text as it is made, then ask for the whole `reply()`. */
export function open(model, request) {
  const stream = asking(() => host.open(model, write(request)));
  return {
    *[Symbol.iterator]() {
      for (;;) {
        const piece = asking(() => stream.next());
        if (piece === undefined || piece === null) return;
        yield piece;
      }
    },
    reply: () => taken(asking(() => stream.reply())),
  };
}
