//! Does what every plugin may do: the conformance suite in JavaScript.

import {
  cache,
  embedder,
  Failure,
  filter,
  guardrail,
  node,
  provider,
  retriever,
  summarizer,
  tokenizer,
  tool,
  trigger,
} from "#cleargate";
import * as blob from "#cleargate/blob";
import * as clock from "#cleargate/clock";
import * as config from "#cleargate/config";
import * as http from "#cleargate/http";
import * as kv from "#cleargate/kv";
import * as log from "#cleargate/log";
import * as model from "#cleargate/model";
import * as random from "#cleargate/random";
import * as secret from "#cleargate/secret";
import * as tools from "#cleargate/tools";

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

const question = { messages: [{ role: "user", content: "é" }] };

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
  blob: () => {
    const media = blob.put("bytes", "text/plain");
    return [media.size, [...blob.get(media, 1, 3)]];
  },
  model: () => {
    const reply = model.complete("fast", question);
    return [reply.message.content, reply.inputTokens, reply.outputTokens, reply.microUsd];
  },
  words: () => {
    const answer = model.open("fast", question);
    return [[...answer].join(""), answer.reply().message.role];
  },
  tools: () => {
    const known = tools.list().map(({ name, input }) => [name, input.type]);
    return [known, tools.call("web.search", { q: "é" })];
  },
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

const parts = [
  provider({
    config: record({ word: { type: "string" } }),
    complete: (model, request, { word }) => ({
      message: { model, request, word },
      inputTokens: 1,
      outputTokens: 2,
      microUsd: Number.MAX_SAFE_INTEGER,
    }),
  }),
  tokenizer({
    encode: (text) => [...text].map((letter) => letter.codePointAt(0)),
    decode: (tokens) => String.fromCodePoint(...tokens),
  }),
  embedder({ embed: (texts) => texts.map((text) => [[...text].length, 0.5]) }),
  retriever({
    config: record({ word: { type: "string" } }),
    search: (query, limit, { word }) =>
      limit === 0 ? [] : [{ id: query, text: word, score: 0.25, metadata: { limit } }],
  }),
  summarizer({ summarize: (text, maxTokens) => (text === "wrong" ? 7 : [...text].slice(0, maxTokens).join("")) }),
  cache({
    get: (key) => (key === "none" ? undefined : { key }),
    put: (key, entry, ttlMs) => kv.setJson("notes", key, [entry, ttlMs ?? null]),
  }),
  trigger({
    poll: (cursor, limit) =>
      cursor === undefined
        ? { events: [{ id: "first", input: { limit } }, { id: "é", input: {} }], cursor: "next" }
        : { events: [] },
    reply(id, output) {
      if (id === "fail") throw new Failure("transient", "as asked");
      kv.setJson("notes", id, output);
    },
  }),
];

export default [measure, echo, service, fail, judge, mark, ...parts];
