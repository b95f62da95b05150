//! Who is asked, and how carefully: what the flow configures, and what it leaves to the call.

import { Failure } from "#cleargate";
import { PROVIDERS, SAFE } from "./providers.js";

const KEYS = ["provider", "base", "safe"];

const wrong = (message) => {
  throw new Failure("invalid_input", message);
};

/** Checks both before anything is asked. A call cannot say something else than the configuration. */
export function settings(config, wanted) {
  const unknown = Object.keys(config).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) wrong(`config: \`${unknown}\` is not known; write ${KEYS.join(", ")}`);
  const other = Object.keys(wanted).find((key) => config[key] !== undefined && config[key] !== wanted[key]);
  if (other !== undefined) wrong(`/${other}: the flow configures \`${config[other]}\``);
  const { provider, base, safe = "moderate" } = { ...wanted, ...config };
  if (!Object.keys(PROVIDERS).includes(provider)) wrong(`\`provider\` is one of ${Object.keys(PROVIDERS).join(", ")}`);
  if (!SAFE.includes(safe)) wrong(`\`safe\` is one of ${SAFE.join(", ")}`);
  const own = PROVIDERS[provider].ownHost === true;
  if (own && !(typeof base === "string" && /^https?:\/\/[^/?#@\s\\]+(\/[^?#\s\\]*)?$/.test(base))) {
    wrong("`base` is the address of your instance, such as `https://search.example.com`");
  }
  // A key goes to its provider alone.
  if (!own && base !== undefined) wrong(`\`base\` is for an instance of your own; ${provider} has one address`);
  return { provider, base: base?.replace(/\/+$/, ""), safe };
}
