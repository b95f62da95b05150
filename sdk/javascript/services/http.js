//! Requests to the hosts that were granted.

import * as host from "cleargate:host/http@0.1.0";
import { asking, Failure, foreign } from "../failure.js";
import { bytes, text } from "../text.js";

/**
 * Sends a request and reads the whole answer. A status is no error: see `ok`.
 * @param {string} url `http` or `https`, without user name and password
 * @param {{ method?: string, headers?: Record<string, string>, body?: string | Uint8Array, timeoutMs?: number }} [more]
 */
export const send = (url, more = {}) => new Response(asking(() => host.send(request(url, more))));

/** A request as the contract writes it. */
function request(url, { method = "GET", headers = {}, body, timeoutMs }) {
  const list = Object.entries(headers).map(([name, value]) => ({ name, value: String(value) }));
  return { method, url, headers: list, body: body === undefined ? undefined : bytes(body), timeoutMs };
}

/**
 * Sends a request and returns as soon as the headers are there: `{ status, headers, body }`. Iterating over `body` reads
 * pieces of at most 64 KiB.
 * @param {string} url as for `send`
 * @param {{ method?: string, headers?: Record<string, string>, body?: string | Uint8Array, timeoutMs?: number }} [more]
 */
export function open(url, more = {}) {
  const { status, headers, body } = asking(() => host.open(request(url, more)));
  return { status, headers, body: pieces(body) };
}

/** Most bytes of one piece: what fits the host's own read buffer. */
const PIECE = 64 * 1024;

function* pieces(body) {
  for (;;) {
    const piece = asking(() => body.next(PIECE));
    if (piece === undefined || piece === null) return;
    yield Uint8Array.from(piece);
  }
}

/** Sends data as JSON. */
export function sendJson(url, data, { headers = {}, ...more } = {}) {
  const own = { "content-type": "application/json", ...headers };
  return send(url, { method: "POST", ...more, headers: own, body: JSON.stringify(data) });
}

/** A whole answer. */
export class Response {
  constructor({ status, headers, body }) {
    this.status = status;
    this.headers = headers;
    this.body = Uint8Array.from(body);
  }

  /** The first header of a name, in any case; nothing when there is none. */
  header(name) {
    return this.headers.find((header) => header.name.toLowerCase() === name.toLowerCase())?.value;
  }

  /** Turns a status of 400 and above into a failure; 408, 429 and 5xx may be tried again. */
  ok() {
    if (this.status < 400) return this;
    const again = this.status === 408 || this.status === 429 || this.status >= 500;
    const detail = { status: this.status };
    throw new Failure(again ? "transient" : "permanent", `the peer answered ${this.status}`, { detail });
  }

  /** The body as text. */
  text() {
    return text(this.body);
  }

  /** The body as JSON data. */
  json() {
    return foreign("the answer", this.text());
  }
}
