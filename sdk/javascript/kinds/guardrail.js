//! A check on content that enters or leaves a step. It decides; the host acts.

import { check, known } from "../schema.js";
import { context, define, guarded, only, read, returned, write } from "../wire.js";

/**
 * A guardrail. Its check returns `{ verdict: "pass" }`, `{ verdict: "modify", content, findings }`,
 * `{ verdict: "reject", reason, findings }` or `{ verdict: "escalate", reason, findings }`. A finding is
 * `{ label, message, path }` and never holds what was found; `path` is a JSON Pointer.
 * @param {{
 *   id: string, summary: string, config: object,
 *   check: (content: any, config: any, stage: string, ctx: object) => any,
 * }} definition `config` is a JSON Schema; the stage is `input`, `output`, `tool_call` or `tool_result`
 */
export function guardrail(definition) {
  const defined = define("guardrail", definition, ["id", "summary", "config", "check"], []);
  known(`the configuration of ${defined.id}`, defined.config);
  return defined;
}

/** The exports of the contract. */
export function serve(plugin) {
  const { id, summary, config, check: decide } = only("guardrail", plugin);
  return {
    describe: () => ({ id, summary, config: JSON.stringify(config) }),
    check: guarded(async (ctx, stage, content, chosen) => {
      const settings = check("configuration", read("configuration", chosen), config);
      const where = stage.tag === "other" ? stage.val : stage.tag.replaceAll("-", "_");
      return verdict(await decide(read("content", content), settings, where, context(ctx)));
    }),
  };
}

function verdict(decided) {
  const findings = (decided?.findings ?? []).map(({ label, message, path = "" }) => ({
    label: returned("string", "`label`", label),
    message: returned("string", "`message`", message),
    path: returned("string", "`path`", path),
  }));
  switch (decided?.verdict) {
    case "pass":
      return { tag: "pass" };
    case "modify":
      return { tag: "modify", val: { content: write(decided.content), findings } };
    case "reject":
    case "escalate":
      return { tag: decided.verdict, val: { reason: returned("string", "`reason`", decided.reason), findings } };
    default:
      throw new TypeError("a check returns { verdict: \"pass\" | \"modify\" | \"reject\" | \"escalate\", .. }");
  }
}
