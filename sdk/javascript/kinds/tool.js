//! Functions that a model, an agent or a flow may call by name.

import { check, known } from "../schema.js";
import { context, define, guarded, named, parts, read, write } from "../wire.js";

const HINTS = ["title", "readOnly", "destructive", "idempotent", "openWorld"];

/**
 * A tool.
 * @param {{
 *   name: string, description: string, input: object, output?: object,
 *   title?: string, readOnly?: boolean, destructive?: boolean, idempotent?: boolean, openWorld?: boolean,
 *   run: (input: any, ctx: object) => any,
 * }} definition `input` and `output` are JSON Schemas; `run` may be `async`
 */
export function tool(definition) {
  const defined = define("tool", definition, ["name", "description", "input", "run"], ["output", ...HINTS]);
  known(`the input of ${defined.name}`, defined.input);
  if (defined.output !== undefined) known(`the output of ${defined.name}`, defined.output);
  return defined;
}

/** The exports of the contract. */
export function serve(plugin) {
  const tools = parts("tool", plugin);
  return {
    listTools: () =>
      tools.map((tool) => ({
        name: tool.name,
        description: tool.description,
        input: JSON.stringify(tool.input),
        output: tool.output === undefined ? undefined : JSON.stringify(tool.output),
        annotations: {
          title: tool.title,
          readOnly: tool.readOnly ?? false,
          destructive: tool.destructive ?? false,
          idempotent: tool.idempotent ?? false,
          openWorld: tool.openWorld ?? false,
        },
      })),
    call: guarded(async (name, ctx, input) => {
      const tool = named("tool", tools, "name", name);
      return write(await tool.run(check("input", read("input", input), tool.input), context(ctx)));
    }),
  };
}
