//! The tools of a call as functions: `tools.ALIAS.NAME({ … })`.

import { Failure } from "#cleargate";
import * as host from "#cleargate/tools";
import { called, declarations, fields } from "./declare.js";

/** What the host, or a tool, answered in the place of a result. */
export class ToolError extends Error {
  constructor({ code, message, detail }) {
    super(code === "denied" && typeof detail === "string" ? `${message}; ${detail}` : message);
    this.name = "ToolError";
    this.code = code;
    this.detail = detail;
  }
}

/** Asks the host; what it refuses is an error of the program. */
export function asked(call) {
  try {
    return call();
  } catch (caught) {
    throw caught instanceof Failure ? new ToolError(caught) : caught;
  }
}

/** A name as a program writes it. */
const identifier = (name) => name.replace(/[^\w$]/g, "_").replace(/^(?=\d|$)/, "_");

/** The tools by alias and name. */
function listed() {
  const aliases = new Map();
  for (const tool of host.list()) {
    const at = tool.name.indexOf(".");
    const [alias, name] = at < 0 ? ["host", tool.name] : [tool.name.slice(0, at), tool.name.slice(at + 1)];
    if (!aliases.has(identifier(alias))) aliases.set(identifier(alias), new Map());
    aliases.get(identifier(alias)).set(identifier(name), tool);
  }
  return aliases;
}

/** Names that say which there are when there is none of a name. */
function named(what, parts, why) {
  return new Proxy(Object.freeze({ __proto__: null, ...parts }), {
    get(target, name) {
      // What awaits or prints a value looks for names of its own.
      if (name in target || typeof name === "symbol" || name === "then" || name === "toJSON") return target[name];
      throw new TypeError(why ?? `${what} has no \`${name}\`; there are ${Object.keys(target).join(", ") || "none"}`);
    },
  });
}

/** What a program finds as `tools`. */
export function toolbox() {
  const aliases = [...asked(listed)].map(([alias, tools]) => {
    const functions = [...tools].map(([name, tool]) => [name, callable(tool)]);
    return [alias, named(`tools.${alias}`, Object.fromEntries(functions))];
  });
  return named("tools", Object.fromEntries(aliases));
}

/** In the place of tools, when the call was not made with them. */
export const closed = named("tools", {}, "the call was made without tools: it has to say `tools: true`");

/** The function of a tool. */
function callable(tool) {
  const known = fields(tool.input);
  const run = (...args) => {
    const input = record(tool, known, args);
    return asked(() => host.call(tool.name, input));
  };
  return Object.defineProperties(run, { name: { value: tool.name }, toString: { value: () => `${tool.name}${called(tool)}` } });
}

/** The input that a call means: one record, or fields by place. */
function record(tool, known, args) {
  const [first] = args;
  const isRecord = typeof first === "object" && first !== null && !Array.isArray(first);
  const takes = known[0]?.part?.type;
  const whole = isRecord && (known.length === 0 || !["object", undefined].includes(takes) || Object.keys(first).every((name) => known.some((field) => field.name === name)));
  if (args.length === 0 || (args.length === 1 && whole)) return { ...first };
  if (args.length > known.length) throw new TypeError(`tools.${tool.name}${called(tool)}: ${args.length} arguments were given by place`);
  return Object.fromEntries(args.map((value, i) => [known[i].name, value]));
}

/** The text that a model reads. */
export const api = (style) => declarations(listed(), style);
