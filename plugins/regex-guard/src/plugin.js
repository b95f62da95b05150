//! A guardrail by configured patterns: what must not stand in a text, what may, and what each text must be.
//!
//! Nothing that leaves the check holds what was found: not a message, not a path. A pattern that never comes to an
//! end runs out of fuel, and the call fails: content that could not be checked does not pass.

import { guardrail } from "#cleargate";
import { compile } from "./rules.js";
import { scan } from "./scan.js";

const ACTIONS = ["reject", "escalate", "redact", "report"]; // the strictest first: it decides when several rules match

const action = { type: "string", enum: ACTIONS };
const pattern = { type: "string", minLength: 1, maxLength: 1000, description: "A regular expression of JavaScript, with the flag `u`." };
const flags = { type: "string", pattern: "^[ims]*$", description: "`i` ignores case, `m` lets ^ and $ meet at lines, `s` lets . match line ends." };
const at = { type: "string", pattern: "^(/.*)?$", description: "JSON Pointer of the part that is read; all of the content when absent." };
const label = { type: "string", pattern: "^[a-z][a-z0-9_]*$", maxLength: 64, description: "The name of what is found." };
const rule = (properties, required) => ({ type: "object", properties, required, additionalProperties: false });
const rules = (items, description) => ({ type: "array", maxItems: 200, items, description });

export default guardrail({
  id: "regex_guard",
  summary: "Refuses, redacts or reports what matches configured patterns.",
  config: rule(
    {
      action: { ...action, description: "What happens when a rule without an action of its own matches; `reject` when absent." },
      deny: rules(
        rule(
          { label, pattern, flags, at, action, message: { type: "string", maxLength: 200, description: "What a person reads." } },
          ["label", "pattern"],
        ),
        "What must not stand in a text.",
      ),
      allow: rules(rule({ pattern, flags }, ["pattern"]), "What may: a match of `deny` that lies inside of one of these passes."),
      only: rules(
        rule({ label, pattern, flags, at }, ["label", "pattern", "at"]),
        "What every string at a place must be, from its first letter to its last.",
      ),
    },
    [],
  ),
  check: (content, config) => decide(scan(content, compile(config)), config),
});

function decide({ content, findings, count, actions, labels }) {
  if (count === 0) return { verdict: "pass" };
  const strictest = ACTIONS.find((action) => actions.has(action));
  if (strictest === "redact" || strictest === "report") return { verdict: "modify", content, findings };
  const noun = count === 1 ? "place does" : "places do";
  const reason = `${count} ${noun} not keep the configured patterns (${[...labels].sort().join(", ")})`;
  return { verdict: strictest, reason, findings };
}
