//! What the validator needs of `URL`, which the engine does not have: to resolve one identifier against another.
//!
//! Nothing is ever fetched: identifiers are names. A schema that is not in the input is an error.

const PARTS = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/s;

class Identifier {
  constructor(reference, base) {
    const [, scheme, host, path, query, hash = ""] = PARTS.exec(String(reference));
    this.hash = hash;
    if (scheme !== undefined) this.front = joined(scheme, host, level(path), query);
    else if (base === undefined) throw new TypeError(`${reference} is no absolute identifier`);
    else {
      const [, above, around, below, asked] = PARTS.exec(String(base));
      if (host !== undefined) this.front = joined(above, host, level(path), query);
      else if (path === "") this.front = joined(above, around, below, query ?? asked);
      else {
        const whole = path.startsWith("/") ? path : `${below.slice(0, below.lastIndexOf("/") + 1) || "/"}${path}`;
        this.front = joined(above, around, level(whole), query);
      }
    }
  }

  get hash() {
    return this.fragment;
  }

  /** As in `URL`, the mark may be left out. */
  set hash(text) {
    this.fragment = text === "" || text.startsWith("#") ? text : `#${text}`;
  }

  get href() {
    return this.front + this.fragment;
  }

  toString() {
    return this.href;
  }
}

const joined = (scheme, host, path, query = "") => `${scheme}:${host === undefined ? "" : `//${host}`}${path}${query}`;

/** A path without `.` and `..`. */
function level(path) {
  const parts = [];
  for (const step of path.split("/")) {
    if (step === "..") parts.length > 1 && parts.pop();
    else if (step !== ".") parts.push(step);
  }
  return parts.join("/");
}

globalThis.URL ??= Identifier;
