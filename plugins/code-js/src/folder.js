//! The folder of a program: files in memory, under relative names, and no way out of it.
//!
//! What a call gives is there at the start; bytes behind a media handle come when the file is read. What a program wrote leaves as media.

import { Failure } from "#cleargate";
import * as blob from "#cleargate/blob";
import { bytes, text } from "#cleargate/text";
import { asked } from "./toolbox.js";

/** Files that there may be at once: each written one becomes media, by a call of the host. */
const MAX_FILES = 64;
/** Bytes of all files together: the memory of a call holds them beside the program. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Letters of a name. */
const MAX_NAME = 255;
/** Bytes that are asked for at once. */
const PIECE = 256 * 1024;

/** What a file is by the end of its name; what else is written is bytes. */
const MIMES = {
  txt: "text/plain", log: "text/plain", md: "text/markdown", csv: "text/csv", tsv: "text/tab-separated-values", html: "text/html", xml: "application/xml",
  json: "application/json", ndjson: "application/x-ndjson", yaml: "application/yaml", png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg",
  gif: "image/gif", svg: "image/svg+xml", webp: "image/webp", bmp: "image/bmp", pdf: "application/pdf", zip: "application/zip",
  gz: "application/gzip", js: "text/javascript",
};

/** A name in the folder. */
function place(name) {
  if (typeof name !== "string" || name === "" || name.includes("\0")) throw new TypeError("the name of a file is text, and not empty");
  const steps = [];
  for (const step of name.split("/")) {
    if (step === ".." && steps.length > 0) steps.pop();
    else if (step === "..") steps.push(step);
    else if (step !== "" && step !== ".") steps.push(step);
  }
  if (name.startsWith("/") || steps[0] === "..") throw new RangeError(`\`${name}\`: there is only the folder of the program, with relative names`);
  const whole = steps.join("/");
  if (whole === "" || whole.length > MAX_NAME) throw new RangeError(`\`${name.slice(0, MAX_NAME)}\` is no name of a file`);
  return whole.toWellFormed();
}

/** All files of a program. */
export class Folder {
  constructor() {
    /** By name: `{ data, handle, changed }`, where `data` is there as soon as it was read. */
    this.files = new Map();
  }

  /** The files of a call; those of an earlier one stay beside them. */
  put(given) {
    for (const [name, content] of Object.entries(given)) {
      const data = typeof content === "string" ? bytes(content.toWellFormed()) : undefined;
      try {
        this.keep(place(name), data?.length ?? content.size, { data, handle: data === undefined ? content : undefined, changed: false });
      } catch (refused) {
        throw new Failure("invalid_input", `/files: ${refused.message}`);
      }
    }
  }

  keep(name, size, file) {
    let all = size;
    for (const [other, { data, handle }] of this.files) if (other !== name) all += data?.length ?? handle.size;
    if (all > MAX_BYTES) throw new RangeError(`\`${name}\`: the folder of a program holds ${MAX_BYTES / 1024 / 1024} MiB`);
    if (!this.files.has(name) && this.files.size >= MAX_FILES) throw new RangeError(`\`${name}\`: the folder of a program holds ${MAX_FILES} files`);
    this.files.set(name, file);
  }

  bytes(name) {
    const file = this.files.get(place(name));
    if (file === undefined) throw new RangeError(`there is no file \`${name}\`; there are ${this.list().join(", ") || "none"}`);
    file.data ??= fetched(file.handle);
    return file.data;
  }

  write(name, content) {
    const own = typeof content === "string" || content instanceof Uint8Array || content instanceof ArrayBuffer;
    if (!own) throw new TypeError("a file is text or a Uint8Array; write JSON.stringify(…)");
    const data = typeof content === "string" ? bytes(content.toWellFormed()) : new Uint8Array(content).slice();
    this.keep(place(name), data.length, { data, changed: true });
  }

  list() {
    return [...this.files.keys()].sort();
  }

  /** What changed since the last time, as media. */
  delivered() {
    const changed = [...this.files].filter(([, file]) => file.changed).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [, file] of changed) file.changed = false;
    try {
      return changed.map(([name, file]) => asked(() => blob.put(file.data, mime(name), name)));
    } catch (refused) {
      const names = changed.map(([name]) => name).join(", ");
      throw Object.assign(new Error(`the program wrote ${names}, which stays nowhere: ${refused.message}`), { name: "PermissionError" });
    }
  }

  /** What a program finds as `files`. */
  face() {
    return Object.freeze({
      read: (name) => text(this.bytes(name)),
      bytes: (name) => this.bytes(name).slice(),
      write: (name, content) => this.write(name, content),
      exists: (name) => this.files.has(place(name)),
      remove: (name) => this.files.delete(place(name)),
      list: () => this.list(),
    });
  }
}

/** The bytes behind a handle. */
function fetched(handle) {
  const all = new Uint8Array(handle.size);
  const media = { ...handle, name: handle.name ?? undefined };
  for (let at = 0, piece; at < all.length; at += piece.length) {
    piece = asked(() => blob.get(media, at, PIECE));
    if (piece.length === 0) return all.slice(0, at);
    all.set(piece.subarray(0, all.length - at), at);
  }
  return all;
}

const mime = (name) => {
  const end = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  return Object.hasOwn(MIMES, end) ? MIMES[end] : "application/octet-stream";
};
