//! `fetch(url)`: requests to the hosts that were granted. The host waits, so the answer is there at once; it may be awaited all the same.

import * as http from "#cleargate/http";
import { text } from "#cleargate/text";
import { asked } from "./toolbox.js";

class Headers {
  constructor(list) {
    this.list = list.map(({ name, value }) => [name.toLowerCase(), value]);
  }

  get(name) {
    const found = this.list.filter(([own]) => own === String(name).toLowerCase());
    return found.length === 0 ? null : found.map(([, value]) => value).join(", ");
  }

  has(name) {
    return this.get(name) !== null;
  }

  entries() {
    return this.list.values();
  }

  [Symbol.iterator]() {
    return this.entries();
  }
}

/** A whole answer. A status is no error: see `ok`. */
class Response {
  constructor(url, { status, headers, body }) {
    Object.assign(this, { url, status, ok: status >= 200 && status < 300, headers: new Headers(headers), body });
  }

  bytes() {
    return this.body;
  }

  arrayBuffer() {
    return this.body.slice().buffer;
  }

  text() {
    return text(this.body);
  }

  json() {
    return JSON.parse(this.text());
  }
}

/** Names of an answer that a program may use without awaiting it. */
const NAMES = ["url", "status", "ok", "headers", "body", "bytes", "arrayBuffer", "text", "json"];

/** Sends a request. Throws what the host refuses. */
export function fetch(url, { method = "GET", headers = {}, body } = {}) {
  const list = headers instanceof Headers || Array.isArray(headers) ? [...headers] : Object.entries(headers);
  const sent = Object.fromEntries(list.map(([name, value]) => [name, String(value)]));
  const data = body === null ? undefined : body instanceof Uint8Array || body === undefined ? body : String(body).toWellFormed();
  const answer = new Response(String(url), asked(() => http.send(String(url), { method: String(method).toUpperCase(), headers: sent, body: data })));
  const promise = Promise.resolve(answer);
  for (const name of NAMES) {
    const value = typeof answer[name] === "function" ? answer[name].bind(answer) : answer[name];
    Object.defineProperty(promise, name, { value });
  }
  return promise;
}
