//! Types of `#cleargate/http`.

/** What a request may have. */
export interface More {
  method?: string;
  headers?: Record<string, string | number>;
  body?: string | Uint8Array;
  timeoutMs?: number;
}

/** A name and a value. */
export interface Header {
  name: string;
  value: string;
}

/** A whole answer. */
export class Response {
  readonly status: number;
  readonly headers: Header[];
  readonly body: Uint8Array;
  /** The first header of a name, in any case. */
  header(name: string): string | undefined;
  /** Turns a status of 400 and above into a failure. */
  ok(): this;
  text(): string;
  json(): any;
}

/** Sends a request and reads the whole answer. */
export function send(url: string, more?: More): Response;
/** Sends data as JSON. */
export function sendJson(url: string, data: unknown, more?: More): Response;
/** Sends a request; iterating over `body` reads pieces of at most 64 KiB. */
export function open(url: string, more?: More): { status: number; headers: Header[]; body: Iterable<Uint8Array> };
