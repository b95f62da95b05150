//! The packages that a program may ask for: small, without needs of their own, with licences that allow it, pinned by `package.json`.
//!
//! The component holds them as texts, and the first import reads one: what nobody imports costs no time and no memory. A program that did
//! not ask for a package does not find it, so what it runs with is what its call says.

import { Failure } from "#cleargate";
import { dependencies } from "../package.json";
import big from "../node_modules/big.js/big.js" with { type: "text" };
import dayjs from "../node_modules/dayjs/dayjs.min.js" with { type: "text" };
import dsv from "../node_modules/d3-dsv/dist/d3-dsv.min.js" with { type: "text" };
import lodash from "../node_modules/lodash/lodash.min.js" with { type: "text" };
import statistics from "../node_modules/simple-statistics/dist/simple-statistics.min.js" with { type: "text" };
import yaml from "../node_modules/js-yaml/dist/browser/js-yaml.umd.min.js" with { type: "text" };

const TEXTS = new Map([
  ["big.js", big],
  ["d3-dsv", dsv],
  ["dayjs", dayjs],
  ["js-yaml", yaml],
  ["lodash", lodash],
  ["simple-statistics", statistics],
]);
/** Those that were read. */
const modules = new Map();

const listed = [...TEXTS.keys()].map((name) => `${name} ${dependencies[name]}`).join(", ");

/** What there is, in words. */
export const available = () => `there are the packages ${listed}`;
/** The same for the description of the tool. */
export const names = listed;

/** What `import * as name` gives: its fields as names, and the whole as `default`. */
function read(name) {
  const module = { exports: {} };
  new Function("module", "exports", "define", TEXTS.get(name)).call(globalThis, module, module.exports);
  const { exports } = module;
  return Object.freeze({ ...exports, default: exports.default ?? exports });
}

/** A function that gives the modules of the packages that a call asks for. */
export function importer(asked) {
  const unknown = asked.findIndex((name) => !TEXTS.has(name));
  if (unknown >= 0) {
    throw new Failure("invalid_input", `/packages/${unknown}: \`${asked[unknown]}\` is not among the packages that there are: ${listed}`);
  }
  return async (specifier, wanted = []) => {
    const name = String(specifier);
    if (!asked.includes(name)) {
      const why = TEXTS.has(name) ? `the call has to ask for it: packages: [${name}]` : available();
      throw new TypeError(`there is no module \`${name}\`: ${why}`);
    }
    if (!modules.has(name)) modules.set(name, read(name));
    const module = modules.get(name);
    const missing = wanted.find((part) => !(part in module));
    if (missing !== undefined) throw new SyntaxError(`the module \`${name}\` has no \`${missing}\``);
    return module;
  };
}
