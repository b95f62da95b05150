//! Tools of other plugins, under the names that were granted.

import * as host from "cleargate:host/tools@0.1.0";
import { asking } from "../failure.js";
import { read, write } from "../wire.js";

/** The tools that may be called: `{ name, description, input }`, where `input` is a JSON Schema. */
export const list = () =>
  asking(() => host.list()).map(({ name, description, input }) => ({ name, description, input: JSON.parse(input) }));

/** Calls a tool and returns what it gives. */
export const call = (name, args) => read("result", asking(() => host.call(name, write(args))));
