//! Tools for JSON that flows need between steps. Each follows one standard, and none keeps or asks for anything.

import { Failure, tool } from "#cleargate";
import { canonical, flatten, unflatten } from "./forms.js";
import { apply, diff, merge } from "./patch.js";
import { at, bounded, changed, put, steps } from "./pointer.js";
import { VERSIONS, validate } from "./validate.js";

const any = (description) => ({ description });
const text = (description) => ({ type: "string", maxLength: 10_000, description });
const pointer = text("A JSON Pointer: `/a/0/b`; all of the value when empty.");
const record = (properties, required = Object.keys(properties)) => ({ type: "object", properties, required, additionalProperties: false });
const pure = { readOnly: true, idempotent: true };
const whole = record({ value: any("The value anew.") });

const operation = record(
  { op: { enum: ["add", "remove", "replace", "move", "copy", "test"] }, path: pointer, from: pointer, value: any("For add, replace and test.") },
  ["op", "path"],
);

/** Operations of a patch. */
const patch = { type: "array", maxItems: 10_000, items: operation, description: "Operations, one after the other." };

export default [
  tool({
    ...pure,
    name: "validate",
    description: "Holds a value to a JSON Schema, and says what is wrong and where. Schemas elsewhere are not fetched.",
    input: record(
      { schema: { type: ["object", "boolean"] }, value: any("What is held to it."), version: { enum: VERSIONS, description: "Of JSON Schema; 2020-12 when absent." } },
      ["schema", "value"],
    ),
    output: record({
      valid: { type: "boolean" },
      errors: { type: "array", items: record({ path: text("Where in the value."), keyword: text("Of the schema."), schema: text("Where in the schema."), message: text("For people.") }) },
      more: { type: "integer", description: "Mistakes beyond those that are told." },
    }),
    run: validate,
  }),
  tool({
    ...pure,
    name: "get",
    description: "Gives the part of a value at a JSON Pointer.",
    input: record({ value: any("A value."), pointer, default: any("What is given when there is nothing.") }, ["value", "pointer"]),
    output: record({ found: { type: "boolean" }, value: any("What is there, or the default, or null.") }),
    run(input) {
      const there = at(input.value, steps(input.pointer, "/pointer"));
      return there.found ? there : { found: false, value: input.default ?? null };
    },
  }),
  tool({
    ...pure,
    name: "set",
    description: "Gives a value with the part at a JSON Pointer set. `-` as the last step adds an item to a list.",
    input: record({ value: any("A value."), pointer, to: any("The new part."), create: { type: "boolean", description: "Makes records of what is not there." } }, ["value", "pointer", "to"]),
    output: whole,
    run({ value, pointer: place, to, create = false }) {
      const path = steps(place, "/pointer");
      const refuse = (why) => new Failure("invalid_input", `/pointer: \`${place}\` cannot be set: ${why}`);
      if (path.length === 0) return { value: to };
      const set = (holder, key) => {
        if (!Array.isArray(holder)) return put(holder, key, to);
        if (key > holder.length) throw refuse(`there are ${holder.length} items`);
        return holder.toSpliced(key, 1, to);
      };
      return { value: changed(value, path, set, refuse, create) };
    },
  }),
  tool({
    ...pure,
    name: "patch",
    description: "Applies a JSON Patch (RFC 6902): all of it, or nothing.",
    input: record({ value: any("A value."), patch }),
    output: whole,
    run: (input) => ({ value: apply(input.value, input.patch) }),
  }),
  tool({
    ...pure,
    name: "diff",
    description: "Gives the JSON Patch that leads from one value to another.",
    input: record({ from: any("A value."), to: any("Another.") }),
    output: record({ patch }),
    run: ({ from, to }) => ({ patch: diff(from, to) }),
  }),
  tool({
    ...pure,
    name: "merge",
    description: "Applies a JSON Merge Patch (RFC 7396): fields are laid over others, null takes one away, lists are replaced.",
    input: record({ value: any("A value."), patch: any("What is laid over it.") }),
    output: whole,
    run: (input) => ({ value: merge(input.value, input.patch) }),
  }),
  tool({
    ...pure,
    name: "canonical",
    description: "Gives the canonical text of a value (RFC 8785): the same for equal values, fit to be signed or compared.",
    input: record({ value: any("A value.") }),
    output: record({ text: { type: "string" } }),
    run: ({ value }) => ({ text: canonical(value) }),
  }),
  tool({
    ...pure,
    name: "flatten",
    description: "Gives each value without others inside by its JSON Pointer.",
    input: record({ value: any("A value.") }),
    output: record({ fields: { type: "object" } }),
    run: ({ value }) => ({ fields: bounded(Object.fromEntries(flatten(value))) }),
  }),
  tool({
    ...pure,
    name: "unflatten",
    description: "Gives the value that a flat record was made of. Fields named 0, 1, 2 … and no others become a list.",
    input: record({ fields: { type: "object" } }),
    output: whole,
    run: ({ fields }) => ({ value: unflatten(fields) }),
  }),
];
