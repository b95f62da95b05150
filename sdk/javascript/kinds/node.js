//! A step of a flow: typed ports in, one typed record out.

import { check, known } from "../schema.js";
import { context, define, guarded, named, parts, read, write } from "../wire.js";

const EFFECTS = ["pure", "read", "idempotent", "once", "compensable"];

/**
 * A node.
 * @param {{
 *   id: string, summary: string, effect?: string, input: object, output: object,
 *   run: (input: any, ctx: object) => any,
 * }} definition each property of the schema `input` is a port; without `effect` it is `once`, which is never repeated
 */
export function node(definition) {
  const defined = define("node", definition, ["id", "summary", "input", "output", "run"], ["effect"]);
  known(`the input of ${defined.id}`, defined.input);
  known(`the output of ${defined.id}`, defined.output);
  const { effect = "once" } = defined;
  if (!EFFECTS.includes(effect)) throw new TypeError(`\`${effect}\` is no effect; write one of ${EFFECTS.join(", ")}`);
  return defined;
}

/** The exports of the contract. */
export function serve(plugin) {
  const nodes = parts("node", plugin);
  return {
    describe: () =>
      nodes.map((node) => ({
        id: node.id,
        summary: node.summary,
        input: JSON.stringify(node.input),
        output: JSON.stringify(node.output),
        effect: { tag: node.effect ?? "once" },
      })),
    run: guarded(async (id, ctx, input) => {
      const node = named("node", nodes, "id", id);
      return write(await node.run(check("input", read("input", input), node.input), context(ctx)));
    }),
  };
}
