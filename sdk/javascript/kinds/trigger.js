//! Brings events from outside, each of which starts a run, and takes the answers back.

import { read, returned, unsigned, write } from "../wire.js";
import { part, played } from "./part.js";

/**
 * A trigger. `poll` returns `{ events, cursor }`: at most `limit` events `{ id, input }` behind the cursor, which is
 * `undefined` in the first call; without a new one, the next call gets the one before. One run is started for an `id`, however often it is given. `reply` gets the output of
 * the run; a trigger without a way back has none.
 * @param {{
 *   config?: object,
 *   poll: (cursor: string | undefined, limit: number, config: any, ctx: object) => any,
 *   reply?: (id: string, output: any, config: any, ctx: object) => any,
 * }} definition
 */
export const trigger = (definition) => part("trigger", definition, ["poll"], ["reply"]);

/** The exports of the contract. */
export function serve(plugin) {
  const { its, exported } = played("trigger", plugin);
  const event = ({ id, input }) => ({ id: returned("string", "`id`", id), input: write(input) });
  return {
    poll: exported(async (cursor, limit, ...more) => {
      const batch = await its.poll(cursor ?? undefined, unsigned(limit), ...more);
      const events = returned("array", "`events`", batch?.events).map(event);
      const next = batch.cursor ?? undefined;
      return { events, cursor: next === undefined ? next : returned("string", "`cursor`", next) };
    }),
    reply: exported(async (id, output, ...more) => {
      await its.reply?.(id, read("output", output), ...more);
    }),
  };
}
