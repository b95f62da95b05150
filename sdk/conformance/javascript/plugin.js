//! Does what every plugin may do: the conformance suite in JavaScript.

import { Failure, filter, guardrail, node, tool } from "#cleargate";
import * as blob from "#cleargate/blob";
import * as clock from "#cleargate/clock";
import * as config from "#cleargate/config";
import * as http from "#cleargate/http";
import * as kv from "#cleargate/kv";
import * as log from "#cleargate/log";
import * as random from "#cleargate/random";
import * as secret from "#cleargate/secret";

const record = (properties, required = Object.keys(properties)) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});
const text = (description) => ({ type: "string", description });

const measure = node({
  id: "measure",
  summary: "Counts letters and bytes.",
  effect: "pure",
  input: record(
    { text: text("The text that is measured."), most: { type: "integer", description: "Most letters that it may have." } },
    ["text"],
  ),
  output: record({ letters: { type: "integer" }, bytes: { type: "integer" } }),
  run({ text, most }) {
    const letters = [...text].length;
    if (most !== undefined && letters > most) throw new Failure("limit", `more than ${most} letters`);
    return { letters, bytes: encodeURIComponent(text).replace(/%../gu, "_").length };
  },
});

const echo = tool({
  name: "echo",
  description: "Gives back what it was given.",
  readOnly: true,
  input: record({ value: { description: "Any value of JSON." } }),
  output: record({ value: {} }),
  run: (input) => input,
});

const does = {
  clock: () => {
    clock.sleep(1);
    return [clock.now(), clock.elapsed()];
  },
  random: () => [...random.bytes(8)],
  log: () => {
    log.info("hello é", { answer: 42 });
    return "written";
  },
  config: () => config.get(),
  kv: () => {
    const old = kv.getText("notes", "old");
    const none = kv.get("notes", "none") ?? null;
    kv.set("notes", "new", "1");
    const first = kv.swap("notes", "new", "1", "2");
    const second = kv.swap("notes", "new", "1", "3");
    const { keys } = kv.list("notes");
    kv.remove("notes", "old");
    return [old, none, first, second, keys, kv.get("notes", "old") ?? null];
  },
  bytes: () => {
    kv.set("notes", "bytes", Uint8Array.of(0, 255, 128, 10));
    return [...kv.get("notes", "bytes")];
  },
  http: () => {
    const answer = http.sendJson("https://api.example.com/é?q=1", { a: "é" }, { headers: { "x-part": 1 } });
    return [answer.status, answer.header("x-answer"), answer.json()];
  },
  status: () => http.send("https://api.example.com/").ok().status,
  stream: () => {
    const answer = http.open("https://api.example.com/");
    let text = "";
    for (const piece of answer.body) text += String.fromCharCode(...piece);
    return [answer.status, text];
  },
  secret: () => secret.placeholder("KEY"),
  blob: () => blob.put("bytes", "text/plain").size,
  context: (ctx) => [ctx.runId, ctx.address, ctx.attempt, ctx.deadline ?? null, ctx.idempotencyKey],
};

const service = tool({
  name: "service",
  description: "Uses a service of the host.",
  input: record({ what: text("The service.") }),
  output: record({ got: {} }),
  run({ what }, ctx) {
    if (!(what in does)) throw new Failure("invalid_input", `no service ${what}`);
    return { got: does[what](ctx) };
  },
});

const deep = (depth) => 1 + deep(depth + 1);

const ways = {
  stack: () => deep(0),
  trap: () => undefined.field,
  fuel: () => {
    for (;;);
  },
  memory: () => {
    for (const all = []; ; ) all.push(new Uint8Array(1 << 20).fill(1));
  },
  sleep: () => clock.sleep(60_000),
};

const fail = tool({
  name: "fail",
  description: "Fails as it is asked.",
  input: record({ how: text("The code, or the way.") }),
  output: record({ value: {} }),
  run({ how }) {
    ways[how]?.();
    throw new Failure(how, "as asked", { detail: { how } });
  },
});

const findings = [{ label: "seen", message: "it was seen", path: "/was" }];

const judge = guardrail({
  id: "judge",
  summary: "Decides as it is configured.",
  config: record({ verdict: { type: "string" } }),
  check: (content, { verdict }, stage) =>
    verdict === "modify"
      ? { verdict, content: { stage, was: content }, findings }
      : { verdict, reason: "as configured", findings },
});

const mark = filter({
  id: "mark",
  summary: "Marks what passes.",
  config: record({ word: { type: "string" } }),
  before: (request, { word }) => ({ ...request, marked: word }),
  after: (response, { word }, request) => ({ ...response, marked: [word, request.marked] }),
  onChunk: ({ text, carry, last }, { word }) => ({ text: last ? text + word : text, carry: (carry ?? 0) + 1 }),
});

export default [measure, echo, service, fail, judge, mark];
