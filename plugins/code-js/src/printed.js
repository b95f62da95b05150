//! What a program prints: kept as far as there is room, and told to the log while the program runs.

import { write as tell } from "#cleargate/log";

/** Letters of both streams together: what a model reads of its own output, and no more. */
const MAX_PRINTED = 262_144;
/** Lines of a stream that are told one by one: whoever watches sees a program move. What follows is told in pieces. */
const MAX_LINES = 64;
/** Letters that are told at once: the log keeps 4 KiB of a line, and a letter has at most four bytes. */
const PIECE = 1_024;

const { stringify } = JSON;

// Programs may change what belongs to everybody; what is used behind them was taken before.
const { toWellFormed } = String.prototype;
const { apply } = Reflect;

/** A text without halves of characters. */
export const whole = (text) => apply(toWellFormed, text, []);

/** A value as a line shows it. */
export function shown(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return stringify(value, plainer) ?? String(value);
  } catch {
    return String(value);
  }
}

/** What JSON has not, as people write it. */
function plainer(_name, value) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[function ${value.name}]`;
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}

/** One of both streams. */
class Stream {
  constructor(room, level) {
    this.room = room;
    this.level = level;
    this.parts = [];
    /** The end of what is kept that was not told yet. */
    this.untold = "";
    this.lines = 0;
  }

  write(line) {
    const kept = line.slice(0, this.room.left);
    this.room.left -= kept.length;
    this.room.truncated ||= kept.length < line.length;
    if (kept === "") return;
    this.parts.push(whole(kept));
    this.untold += kept;
    for (let end; this.lines < MAX_LINES && (end = this.untold.indexOf("\n")) >= 0; this.lines += 1) {
      this.pieces(this.untold.slice(0, end));
      this.untold = this.untold.slice(end + 1);
    }
    if (this.untold.length >= PIECE) this.end();
  }

  pieces(text) {
    for (let at = 0; at === 0 || at < text.length; at += PIECE) tell(this.level, whole(text.slice(at, at + PIECE)));
  }

  /** Tells what is left. */
  end() {
    if (this.untold === "") return;
    this.pieces(this.untold.endsWith("\n") ? this.untold.slice(0, -1) : this.untold);
    this.untold = "";
  }

  text() {
    return this.parts.join("");
  }
}

/** Both streams of a program, and the `console` that writes into them. */
export function printed() {
  const room = { left: MAX_PRINTED, truncated: false };
  const out = new Stream(room, "info");
  const err = new Stream(room, "warn");
  const to = (stream) => (...parts) => {
    // What there is no room for is not even written.
    if (room.left === 0) room.truncated = true;
    else stream.write(`${parts.map(shown).join(" ")}\n`);
  };
  const [log, warn] = [to(out), to(err)];
  const nothing = () => {};
  const timers = { time: nothing, timeEnd: nothing, timeLog: nothing, group: log, groupEnd: nothing };
  return { room, out, err, console: { log, info: log, debug: log, table: log, dir: log, warn, error: warn, trace: warn, ...timers } };
}
