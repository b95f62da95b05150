//! A tool that runs JavaScript which nobody has read.
//!
//! Each call is an engine of its own, as it was when the component was built: what a program leaves behind is gone with it, unless the
//! host keeps the instance and the calls say `keep`. There is no machine to find: files are in memory, tools, bytes and the network are
//! what the host was told to give, and memory, fuel and time are the host's.

import { tool } from "#cleargate";
import { MAX_SOURCE, run } from "./execute.js";
import { names } from "./packages.js";
import { api } from "./toolbox.js";

const text = (description) => ({ type: "string", description });
const flag = (description) => ({ type: "boolean", default: false, description });
const record = (properties, required = Object.keys(properties)) => ({ type: "object", properties, required, additionalProperties: false });
const media = record(
  {
    digest: { type: "string", pattern: "^sha256:[0-9a-f]{64}$" },
    mime: { type: "string" },
    size: { type: "integer", minimum: 0 },
    name: { type: ["string", "null"] },
  },
  ["digest", "mime", "size"],
);

const runs = tool({
  name: "run",
  description:
    "Runs a JavaScript program in a sandbox. It sees `input`, and gives the value of its last line, or of `return`. It may await. " +
    "`files.write(name, data)` makes media of the answer; what was granted it reaches as `tools.ALIAS.NAME({ … })` and `fetch(url)`.",
  idempotent: true,
  input: record(
    {
      source: { type: "string", maxLength: MAX_SOURCE, description: "A program." },
      input: { description: "What the program sees as `input`." },
      files: { type: "object", additionalProperties: { anyOf: [media, { type: "string" }] }, description: "The program's folder at the start: names, with texts or media." },
      packages: { type: "array", items: { type: "string" }, description: `Which it may import of ${names}.` },
      tools: flag("Whether it sees the tools that were granted, as `tools.ALIAS.NAME({ … })`."),
      keep: flag("Whether it sees what earlier calls of a session defined, and what it defines stays for later ones."),
    },
    ["source"],
  ),
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
    files: { type: "array", items: media, description: "What it wrote into its folder." },
  }),
  run,
});

const declares = tool({
  name: "api",
  description: "The tools that programs of this call may use, as declarations in TypeScript: what a model is told before it writes a program.",
  readOnly: true,
  idempotent: true,
  input: record({ style: { enum: ["full", "short"], default: "full", description: "With documentation, or one line for each." } }, []),
  output: record({ text: text("TypeScript, with a function for each tool.") }),
  run: ({ style = "full" }) => ({ text: api(style) }),
});

export default [runs, declares];
