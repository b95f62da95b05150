//! A tool that runs JavaScript which nobody has read.
//!
//! Each call is an engine of its own, as it was when the component was built: what a program leaves behind is gone with it. There is no
//! file, no network, no process and no other realm to find, because the component imports none; memory, fuel and time are the host's.

import { tool } from "#cleargate";
import { MAX_SOURCE, run } from "./execute.js";

const text = (description) => ({ type: "string", description });
const record = (properties, required = Object.keys(properties)) => ({ type: "object", properties, required, additionalProperties: false });

export default tool({
  name: "run",
  description:
    "Runs a JavaScript program in a sandbox. It sees `input`, and gives the value of its last line, or of `return`. " +
    "It may await. It has no files, no network and no packages.",
  idempotent: true,
  input: record({ source: { type: "string", maxLength: MAX_SOURCE, description: "A program." }, input: { description: "What the program sees as `input`." } }, ["source"]),
  output: record({
    ok: { type: "boolean", description: "Whether the program came to its end." },
    result: { description: "What it gives, as JSON." },
    stdout: text("What it printed with `console.log` and its like."),
    stderr: text("What it printed with `console.error` and `console.warn`."),
    truncated: { type: "boolean", description: "Whether more was printed than is kept." },
    error: {
      description: "What went wrong.",
      anyOf: [
        { type: "null" },
        record({ type: text("The class of the error, as `TypeError`."), message: text("In words."), line: { type: ["integer", "null"], description: "Where in the program." }, traceback: text("As the engine prints it.") }),
      ],
    },
  }),
  run: ({ source, input = null }) => run(source, input),
});
