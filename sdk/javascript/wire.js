//! Values as they cross the boundary: JSON text, or a handle to bytes that stay with the host.

import { Failure, lower } from "./failure.js";

// As they were when the component was built: code that a plugin runs may spoil what belongs to everybody.
const { parse, stringify } = JSON;

/** Data from a value; `what` names it in the refusal. */
export function read(what, value) {
  switch (value.tag) {
    case "json":
      return exact(what, value.val);
    case "media":
      throw new Failure("invalid_input", `the ${what} must be JSON; it is media`);
    default:
      throw new Failure("invalid_input", `the ${what} is of a kind that came after this plugin was built; rebuild the plugin`);
  }
}

/** Data of a JSON text. A whole number that JavaScript would round is refused: the author would never know. */
function exact(what, text) {
  if (/\d{16}/u.test(text)) {
    const numbers = text.replace(/"(?:[^"\\]|\\.)*"/gsu, '""').match(/-?\d[\d.eE+-]*/gu) ?? [];
    const lost = numbers.find((number) => /^-?\d+$/u.test(number) && !Number.isSafeInteger(Number(number)));
    if (lost !== undefined) {
      throw new Failure("invalid_input", `the ${what} holds ${lost}, which JavaScript cannot keep; give it as text`);
    }
  }
  return parse(text);
}

/** A value from data. */
export function write(data) {
  const val = stringify(data);
  if (val === undefined) throw new TypeError(`the result is ${typeof data}, which JSON cannot hold; return data`);
  return { tag: "json", val };
}

/** What an author's function returned, held to its type: the engine would stop the call and not say why. */
export function returned(type, what, value) {
  const fits = type === "array" ? Array.isArray(value) : typeof value === type;
  if (fits) return value;
  const found = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  throw new TypeError(`a function returned ${found} as ${what}; it must be ${type}`);
}

/** A number of 32 bits without a sign, which the engine hands over with one. */
export const unsigned = (number) => number >>> 0;

/** Who calls, from where, and until when. */
export function context(ctx) {
  const { runId, address, attempt, deadline, idempotencyKey, binding, tenant, traceParent } = ctx;
  const at = deadline === undefined || deadline === null ? undefined : Number(deadline);
  return Object.freeze({ runId, address, attempt, deadline: at, idempotencyKey, binding, tenant, traceParent });
}

/** An export that fails as the contract says, whatever the author's function throws. */
export function guarded(run) {
  return async (...wire) => {
    try {
      return await run(...wire);
    } catch (error) {
      throw lower(error);
    }
  };
}

/** What an author defines, held to the fields of its kind. Runs when the plugin is built. */
export function define(kind, definition, required, optional) {
  const missing = required.find((field) => definition?.[field] === undefined);
  if (missing !== undefined) throw new TypeError(`${kind}({ .. }) needs \`${missing}\``);
  const unknown = Object.keys(definition).find((field) => !required.includes(field) && !optional.includes(field));
  if (unknown !== undefined) {
    throw new TypeError(`${kind}({ .. }) has no \`${unknown}\`; write ${[...required, ...optional].join(", ")}`);
  }
  return Object.freeze({ kind, ...definition });
}

/** The definitions of one kind in what a plugin's file exports: one definition, or a list. */
export function parts(kind, plugin) {
  return [plugin].flat().filter((part) => part?.kind === kind);
}

/** The one definition of a kind of which a component has one. */
export function only(kind, plugin) {
  const found = parts(kind, plugin);
  if (found.length !== 1) throw new TypeError(`\`export default\` names ${found.length} of ${kind}; a component has one`);
  return found[0];
}

/** The definition that a call means. */
export function named(kind, list, field, name) {
  const found = list.find((part) => part[field] === name);
  if (found === undefined) throw new Failure("invalid_input", `there is no ${kind} \`${name}\``);
  return found;
}
