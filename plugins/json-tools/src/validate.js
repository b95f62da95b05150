//! A value held to a JSON Schema, by a validator that reads the schema and never makes code of it.

import "./url.js";
import { Validator } from "@cfworker/json-schema";

import { Failure } from "#cleargate";

/** Mistakes that are told. */
const MAX_MISTAKES = 100;

export const VERSIONS = ["2020-12", "2019-09", "7", "4"];

/** Words of the validator's own that only say that something below is wrong. */
const CONTAINERS = new Set(["properties", "items", "allOf", "$ref", "additionalProperties", "prefixItems", "patternProperties"]);

/** What is wrong with a value. */
export function validate({ schema, value, version = "2020-12" }) {
  const found = run(() => new Validator(schema, version, false).validate(value));
  const errors = found.errors.filter((error, i, all) => !CONTAINERS.has(error.keyword) || !all.some((other) => below(other, error)));
  return {
    valid: found.valid,
    errors: errors.slice(0, MAX_MISTAKES).map(({ instanceLocation, keyword, keywordLocation, error }) => ({
      path: place(instanceLocation),
      keyword,
      schema: place(keywordLocation),
      message: error,
    })),
    more: Math.max(0, errors.length - MAX_MISTAKES),
  };
}

/** Whether a mistake lies inside of what another one speaks of. */
const below = (one, around) => one !== around && one.keywordLocation.startsWith(`${around.keywordLocation}/`);

/** A fragment as a pointer. */
const place = (fragment) => decodeURIComponent(fragment.replace(/^#/, "").replace(/%(?![0-9a-f]{2})/gi, "%25"));

/** What the validator says of a schema that it cannot read. */
function run(act) {
  try {
    return act();
  } catch (error) {
    // A pattern that is none, an identifier that is not there; the stack being used up is no fault of the schema.
    if (error instanceof SyntaxError || error instanceof TypeError || error.constructor === Error) {
      throw new Failure("invalid_input", `/schema: ${error.message.split("\n")[0]}`);
    }
    throw error;
  }
}
