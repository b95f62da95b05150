//! What a program finds of a machine: time, chance and timers, which are the journal's, so that a replay sees the same.

import { elapsed, now, sleep } from "#cleargate/clock";
import { bytes as chance } from "#cleargate/random";
import { bytes, text } from "#cleargate/text";

const NativeDate = globalThis.Date;
/** Bytes of chance that are asked for at once. */
const POOL = 512;
/** 2 to the power of 53: a number between 0 and 1 has so many places. */
const PLACES = 9_007_199_254_740_992;

globalThis.Date = class Date extends NativeDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [now()] : parts));
  }

  static now() {
    return now();
  }
};
globalThis.performance = { now: () => elapsed() };

let pool = new Uint8Array(0);

function drawn(length) {
  if (pool.length < length) pool = chance(Math.max(POOL, length));
  const taken = pool.slice(0, length);
  pool = pool.slice(length);
  return taken;
}

Math.random = () => drawn(7).reduce((sum, byte, i) => sum + (i === 6 ? byte & 31 : byte) * 256 ** i, 0) / PLACES;

globalThis.crypto = {
  getRandomValues(list) {
    new Uint8Array(list.buffer, list.byteOffset, list.byteLength).set(chance(list.byteLength));
    return list;
  },
  randomUUID() {
    const digits = Array.from(drawn(16), (byte, i) => (i === 6 ? (byte & 15) | 64 : i === 8 ? (byte & 63) | 128 : byte));
    const hex = digits.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  },
};

globalThis.TextEncoder = class TextEncoder {
  encode(data = "") {
    return bytes(String(data).toWellFormed());
  }
};
globalThis.TextDecoder = class TextDecoder {
  decode(data = new Uint8Array(0)) {
    return text(ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data));
  }
};
globalThis.structuredClone = (value) => cloned(value, new Map());

function cloned(value, seen) {
  if (typeof value === "function" || typeof value === "symbol") throw new TypeError(`a ${typeof value} cannot be cloned`);
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  if (value instanceof Date) return new Date(value.getTime());
  if (ArrayBuffer.isView(value)) return value.slice();
  const copy = Array.isArray(value) ? [] : value instanceof Map ? new Map() : value instanceof Set ? new Set() : {};
  seen.set(value, copy);
  if (value instanceof Map) for (const [key, part] of value) copy.set(cloned(key, seen), cloned(part, seen));
  else if (value instanceof Set) for (const part of value) copy.add(cloned(part, seen));
  else for (const name of Object.keys(value)) copy[name] = cloned(value[name], seen);
  return copy;
}

/** Timers that have not come yet, the earliest first. */
let timers = [];
let last = 0;

/** Runs a function later. There is one thread: nothing is later than when everything else waits. */
function later(run, ms, every) {
  const after = Math.max(0, Number(ms) || 0);
  last += 1;
  add({ id: last, at: elapsed() + after, run, every: every ? Math.max(after, 1) : undefined });
  return last;
}

const forget = (id) => {
  timers = timers.filter((timer) => timer.id !== id);
};
globalThis.setTimeout = (run, ms, ...args) => later(() => run(...args), ms, false);
globalThis.setInterval = (run, ms, ...args) => later(() => run(...args), ms, true);
globalThis.clearTimeout = globalThis.clearInterval = forget;
globalThis.setImmediate = (run, ...args) => later(() => run(...args), 0, false);

/** Turns that what was promised gets before a timer: so long may a chain of promises be that goes before it. */
const TURNS = 64;
/** Turns after which what was promised does not come, when there is no timer that could bring it. */
const MAX_TURNS = 100_000;
/** Timers that run after the last line. */
const MAX_REST = 1_000;

/** What a program promised, with the timers that come until then. */
export async function settled(promise) {
  let done = false;
  const outcome = Promise.resolve(promise).finally(() => {
    done = true;
  });
  // Whoever awaits it is told.
  outcome.catch(() => {});
  for (;;) {
    const most = timers.length > 0 ? TURNS : MAX_TURNS;
    for (let turn = 0; !done && turn < most; turn += 1) await null;
    if (done) return outcome;
    if (timers.length > 0) tick();
    else if (most === MAX_TURNS) throw new Error("the program waits for what never comes");
  }
}

/** Whether timers are still to come. */
export const pending = () => timers.length > 0;

/** Timers that a program set and did not wait for run before it ends, as in other engines; what repeats ends with it. */
export async function rest() {
  for (let left = MAX_REST; left > 0; left -= 1) {
    timers = timers.filter((timer) => timer.every === undefined);
    if (timers.length === 0) return;
    tick();
    for (let turn = 0; turn < TURNS; turn += 1) await null;
  }
}

/** Waits for the earliest timer and runs it. */
function tick() {
  const timer = timers.shift();
  const wait = timer.at - elapsed();
  if (wait > 0) sleep(Math.ceil(wait));
  if (timer.every !== undefined) add({ ...timer, at: timer.at + timer.every });
  timer.run();
}

function add(timer) {
  timers.push(timer);
  timers.sort((a, b) => a.at - b.at || a.id - b.id);
}
