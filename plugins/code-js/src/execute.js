//! One program: read, run, and what came of it as data.

import { Failure } from "#cleargate";
import { pending, rest, settled } from "./machine.js";
import { fetch } from "./fetching.js";
import { Folder } from "./folder.js";
import { importer } from "./packages.js";
import { printed } from "./printed.js";
import { mistake, plain } from "./result.js";
import { rewritten } from "./rewrite.js";
import { ToolError, closed, toolbox } from "./toolbox.js";

/** Letters of a program. */
export const MAX_SOURCE = 262_144;

/** What stays in this engine for calls that ask for it, beside the global object: the files of programs. */
let folder = new Folder();

// What the engine keeps there for itself is no name of a program.
for (const name of ["__cqjs", "wit"]) if (name in globalThis) Object.defineProperty(globalThis, name, { enumerable: false });
const PROTOTYPES = [Object, Array, String, Number, Boolean].map((kind) => kind.prototype);
/** Whether a program ran here. */
let used = false;
/** Names that were there when the component was built. */
const BUILT = new Set(Reflect.ownKeys(globalThis));

/** Runs a program; whatever it does, this answers, unless the host ends it or the call asks for what there is not. */
export async function run({ source, input = null, files = {}, packages = [], tools = false, keep = false }) {
  if (used && !keep) forget();
  used = true;
  const imports = importer(packages);
  folder.put(files);
  const streams = printed();
  Object.assign(globalThis, { console: streams.console, input, fetch, files: folder.face(), ToolError });
  const done = { ok: true, result: null, error: null, files: [] };
  const attempt = async (act) => {
    try {
      await act();
    } catch (caught) {
      if (caught instanceof Failure) throw caught;
      unspoiled();
      done.error ??= told(caught, source);
      done.ok = false;
    }
  };
  await attempt(async () => {
    globalThis.tools = tools ? toolbox() : closed;
    const value = await outcome(perform(source, keep, imports));
    if (pending()) await rest();
    unspoiled();
    done.result = plain(value);
  });
  await attempt(() => {
    done.files = folder.delivered();
  });
  streams.out.end();
  streams.err.end();
  return { ...done, stdout: streams.out.text(), stderr: streams.err.text(), truncated: streams.room.truncated };
}

/** What a program put before all values would speak in the place of its answer. */
function unspoiled() {
  for (const prototype of PROTOTYPES) Reflect.deleteProperty(prototype, "toJSON");
}

/** A mistake, also one whose error is the program's own and answers nothing. */
function told(caught, source) {
  try {
    return mistake(caught, source);
  } catch {
    return { type: "thrown", message: "what was thrown cannot say what it is", line: null, traceback: "" };
  }
}

/** Takes away what earlier programs of this engine left. */
function forget() {
  folder = new Folder();
  for (const name of Reflect.ownKeys(globalThis)) if (!BUILT.has(name)) delete globalThis[name];
}

/** What a program gives, when it promised it. */
const outcome = (value) => (typeof value?.then === "function" ? settled(value) : value);

/** The value of the last line; of `return`, when the program has one. */
function perform(source, keep, imports) {
  if (!keep && !/\b(?:import|export)\b/.test(source)) {
    try {
      return (0, eval)(source);
    } catch (caught) {
      // A program that the engine has begun is not begun again.
      if (!(caught instanceof SyntaxError) || reads(source)) throw caught;
    }
  }
  const { text, names } = rewritten(source, keep);
  for (const name of names) if (!(name in globalThis)) globalThis[name] = undefined;
  return (0, eval)(text)(imports);
}

/** Whether the engine takes a text for a program. Nothing of it runs. */
function reads(source) {
  try {
    (0, eval)(`throw null;${source}`);
    return true;
  } catch (caught) {
    return !(caught instanceof SyntaxError);
  }
}
