//! What all parts have in common: a part describes nothing, so it has functions and a configuration, and no more.

import { check, known } from "../schema.js";
import { context, define, guarded, only, read } from "../wire.js";

/** There is nothing to configure, unless the author says so. */
const NOTHING = { type: "object", additionalProperties: false };

/** What an author defines: `config` is a JSON Schema, the rest are functions. */
export function part(kind, definition, required, optional = []) {
  const defined = define(kind, definition, required, [...optional, "config"]);
  if (defined.config !== undefined) known(`the configuration of the ${kind}`, defined.config);
  return defined;
}

/** The part of a kind in what a plugin's file exports, and a wrapper for its exports: the first argument is the call's
 *  context, the last its configuration. */
export function played(kind, plugin) {
  const its = only(kind, plugin);
  const { config = NOTHING } = its;
  const settings = (chosen) => check("configuration", read("configuration", chosen), config);
  const exported = (run) => guarded((ctx, ...wire) => run(...wire.slice(0, -1), settings(wire.at(-1)), context(ctx)));
  return { its, exported };
}
