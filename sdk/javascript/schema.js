//! Checks data against the part of JSON Schema that ports are written in.
//!
//! A keyword that is not checked here is refused when the plugin is built: a schema must not promise what nobody keeps.

import { Failure } from "./failure.js";

/** Words for people, and for editors. */
const NOTES = ["$schema", "title", "description", "default", "examples", "format", "contentMediaType", "contentEncoding"];

const IS = {
  null: (x) => x === null,
  boolean: (x) => typeof x === "boolean",
  string: (x) => typeof x === "string",
  number: (x) => typeof x === "number",
  // Beyond 53 bits JavaScript has read another number than was written.
  integer: (x) => Number.isSafeInteger(x),
  array: Array.isArray,
  object: (x) => typeof x === "object" && x !== null && !Array.isArray(x),
};

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
/** Whether a text has more than `most` letters. Units are never fewer than letters, so only a long text is counted. */
const longer = (text, most) => text.length > most && [...text].length > most;

/** For each keyword: what is wrong with data, or nothing. Keywords about one type leave other types alone. */
const CHECKS = {
  type: (x, types) => {
    const list = [types].flat();
    return list.some((type) => IS[type](x)) ? undefined : `expected ${list.join(" or ")}`;
  },
  const: (x, value) => (same(x, value) ? undefined : `expected ${JSON.stringify(value)}`),
  enum: (x, values) =>
    values.some((value) => same(x, value)) ? undefined : `expected one of ${values.map((v) => JSON.stringify(v)).join(", ")}`,
  minimum: (x, least) => (IS.number(x) && x < least ? `expected at least ${least}` : undefined),
  maximum: (x, most) => (IS.number(x) && x > most ? `expected at most ${most}` : undefined),
  minLength: (x, least) => (IS.string(x) && !longer(x, least - 1) ? `expected at least ${least} characters` : undefined),
  maxLength: (x, most) => (IS.string(x) && longer(x, most) ? `expected at most ${most} characters` : undefined),
  pattern: (x, pattern) =>
    IS.string(x) && !new RegExp(pattern, "u").test(x) ? `expected text that matches ${pattern}` : undefined,
  minItems: (x, least) => (IS.array(x) && x.length < least ? `expected at least ${least} items` : undefined),
  maxItems: (x, most) => (IS.array(x) && x.length > most ? `expected at most ${most} items` : undefined),
  required: (x, names) => {
    const missing = IS.object(x) ? names.find((name) => !Object.hasOwn(x, name)) : undefined;
    return missing === undefined ? undefined : `missing field \`${missing}\``;
  },
  properties: (x, properties, at) => {
    if (!IS.object(x)) return undefined;
    return first(Object.keys(properties).filter((name) => Object.hasOwn(x, name)), (name) =>
      mistake(x[name], properties[name], `${at}/${name}`));
  },
  additionalProperties: (x, rest, at, schema) => {
    if (!IS.object(x) || rest === true) return undefined;
    const known = Object.keys(schema.properties ?? {});
    const more = Object.keys(x).filter((name) => !known.includes(name));
    if (rest === false) return more.length > 0 ? `unknown field \`${more[0]}\`` : undefined;
    return first(more, (name) => mistake(x[name], rest, `${at}/${name}`));
  },
  items: (x, items, at) => (IS.array(x) ? first(x, (item, i) => mistake(item, items, `${at}/${i}`)) : undefined),
  anyOf: (x, schemas, at) =>
    schemas.some((schema) => mistake(x, schema, at) === undefined) ? undefined : "expected one of several forms",
};

/** The first answer that is not nothing. */
function first(list, ask) {
  for (const [i, item] of list.entries()) {
    const answer = ask(item, i);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** What is wrong with data, and where. A mistake inside names its own place. */
function mistake(data, schema, at) {
  return first(Object.keys(schema).filter((word) => word in CHECKS), (word) => {
    const found = CHECKS[word](data, schema[word], at, schema);
    if (found === undefined || typeof found === "object") return found;
    return { at, found };
  });
}

/** Refuses data that does not fit; `what` names it. */
export function check(what, data, schema) {
  const wrong = mistake(data, schema, "");
  if (wrong === undefined) return data;
  const place = wrong.at === "" ? "" : `${wrong.at}: `;
  throw new Failure("invalid_input", `the ${what} does not fit: ${place}${wrong.found}`);
}

/** Refuses a schema that says something nobody would check. Runs when the plugin is built. */
export function known(what, schema) {
  if (!IS.object(schema)) throw new TypeError(`${what} must be a JSON Schema: an object such as { type: "object" }`);
  for (const word of Object.keys(schema)) {
    if (!(word in CHECKS) && !NOTES.includes(word)) {
      throw new TypeError(`${what}: \`${word}\` is not checked; write ${Object.keys(CHECKS).join(", ")}`);
    }
  }
  const wrong = [schema.type ?? []].flat().find((type) => !(type in IS));
  if (wrong !== undefined) throw new TypeError(`${what}: \`${wrong}\` is no type; write ${Object.keys(IS).join(", ")}`);
  for (const [name, part] of Object.entries(schema.properties ?? {})) known(`${what}, \`${name}\``, part);
  for (const word of ["items", "additionalProperties"]) {
    if (IS.object(schema[word])) known(`${what}, ${word}`, schema[word]);
  }
  for (const part of schema.anyOf ?? []) known(`${what}, anyOf`, part);
}
