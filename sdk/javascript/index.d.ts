//! Types of what an author imports, for editors and type checkers.

/** A JSON Schema, as an object. */
export type Schema = Record<string, unknown>;

/** The codes of the contract. */
export type Code =
  | "transient"
  | "permanent"
  | "timeout"
  | "cancelled"
  | "invalid_input"
  | "denied"
  | "limit"
  | "budget"
  | "unknown_outcome"
  | "bug";

/** Why a call failed. Throw it; what else is thrown is a defect of the plugin, with the code `bug`. */
export class Failure extends Error {
  constructor(code: Code, message: string, more?: { retryable?: boolean; detail?: unknown });
  readonly code: Code;
  readonly retryable: boolean;
  readonly detail: unknown;
}

/** Who calls, from where, and until when. */
export interface Context {
  readonly runId: string;
  readonly address: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Milliseconds since 1970; absent when the call has none. */
  readonly deadline?: number;
  readonly idempotencyKey: string;
  readonly binding: string;
  readonly tenant: string;
  readonly traceParent?: string;
}

/** What a kind's function makes; a plugin exports one of them, or a list, by default. */
export interface Definition {
  readonly kind:
    | "node"
    | "tool"
    | "guardrail"
    | "filter"
    | "provider"
    | "tokenizer"
    | "embedder"
    | "retriever"
    | "summarizer"
    | "cache"
    | "trigger";
}

type Awaitable<T> = T | Promise<T>;

/** A step of a flow; each property of the schema `input` is a port. Without `effect` it is `once`. */
export function node<Input = any, Output = unknown>(definition: {
  id: string;
  summary: string;
  effect?: "pure" | "read" | "idempotent" | "once" | "compensable";
  input: Schema;
  output: Schema;
  run(input: Input, ctx: Context): Awaitable<Output>;
}): Definition;

/** A function that a model, an agent or a flow may call by name. */
export function tool<Input = any, Output = unknown>(definition: {
  name: string;
  description: string;
  title?: string;
  readOnly?: boolean;
  destructive?: boolean;
  idempotent?: boolean;
  openWorld?: boolean;
  input: Schema;
  output?: Schema;
  run(input: Input, ctx: Context): Awaitable<Output>;
}): Definition;

/** What was found, never the thing itself; `path` is a JSON Pointer to the string that holds it. */
export interface Finding {
  label: string;
  message: string;
  path?: string;
}

/** What a guardrail decides. */
export type Verdict =
  | { verdict: "pass" }
  | { verdict: "modify"; content: unknown; findings?: Finding[] }
  | { verdict: "reject" | "escalate"; reason: string; findings?: Finding[] };

/** A check on content. The stage is `input`, `output`, `tool_call` or `tool_result`. */
export function guardrail<Config = any>(definition: {
  id: string;
  summary: string;
  config: Schema;
  check(content: any, config: Config, stage: string, ctx: Context): Awaitable<Verdict>;
}): Definition;

/** A rewriter around a model. Hooks that are left out pass everything on. */
export function filter<Config = any, Carry = any>(definition: {
  id: string;
  summary: string;
  config: Schema;
  before?(request: any, config: Config, ctx: Context): unknown;
  after?(response: any, config: Config, request: any, ctx: Context): unknown;
  onChunk?(
    chunk: { text: string; carry: Carry | null; last: boolean },
    config: Config,
    ctx: Context,
  ): Awaitable<{ text: string; carry: Carry | null }>;
}): Definition;

/** What a model answered, and what it took; money is in millionths of a US dollar. */
export interface Reply {
  /** `role`, `content` and, when there are any, `tool_calls`. */
  message: any;
  inputTokens?: number;
  outputTokens?: number;
  microUsd?: number;
}

/** Answers for models. The request has `messages`, and maybe `tools`, `schema`, `max_tokens` and `temperature`. */
export function provider<Config = any>(definition: {
  config?: Schema;
  complete(model: string, request: any, config: Config, ctx: Context): Awaitable<Reply>;
}): Definition;

/** Counts and cuts text as a model does. Without `count`, it is the length of `encode`. */
export function tokenizer<Config = any>(definition: {
  config?: Schema;
  encode(text: string, config: Config, ctx: Context): Awaitable<ArrayLike<number>>;
  decode(tokens: number[], config: Config, ctx: Context): Awaitable<string>;
  count?(text: string, config: Config, ctx: Context): Awaitable<number>;
}): Definition;

/** Turns texts into vectors: one for each, in their order; all of one length. */
export function embedder<Config = any>(definition: {
  config?: Schema;
  embed(texts: string[], config: Config, ctx: Context): Awaitable<ArrayLike<number>[]>;
}): Definition;

/** What a retriever finds. The same passage has the same `id` in each search; a greater score is better. */
export interface Passage {
  id: string;
  text: string;
  score: number;
  metadata?: Record<string, unknown>;
}

/** Finds at most `limit` passages that answer a question, the best first. */
export function retriever<Config = any>(definition: {
  config?: Schema;
  search(query: string, limit: number, config: Config, ctx: Context): Awaitable<Passage[]>;
}): Definition;

/** Makes a text shorter: at most `maxTokens` tokens. */
export function summarizer<Config = any>(definition: {
  config?: Schema;
  summarize(text: string, maxTokens: number, config: Config, ctx: Context): Awaitable<string>;
}): Definition;

/** Keeps answers of models; `get` returns `undefined` when nothing is kept, and an entry without `ttlMs` is for ever. */
export function cache<Config = any>(definition: {
  config?: Schema;
  get(key: string, config: Config, ctx: Context): Awaitable<unknown>;
  put(key: string, entry: any, ttlMs: number | undefined, config: Config, ctx: Context): Awaitable<void>;
}): Definition;

/** Brings events behind a cursor, each of which starts one run; `reply` gets the output of the run. */
export function trigger<Config = any>(definition: {
  config?: Schema;
  poll(
    cursor: string | undefined,
    limit: number,
    config: Config,
    ctx: Context,
  ): Awaitable<{ events: { id: string; input: Record<string, unknown> }[]; cursor?: string }>;
  reply?(id: string, output: any, config: Config, ctx: Context): Awaitable<void>;
}): Definition;
