//! Addresses of links: which may stand in the answer, and what a relative one means (RFC 3986, section 5.2).

const PARTS = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/s;

/** What a link may lead to. Everything else, as `javascript:` and `data:`, is no place to go to. */
const SCHEMES = ["http", "https", "mailto"];

/** The absolute address of a link; a relative one stays as it is without a base. Nothing when it may not stand there. */
export function address(link, base) {
  // As browsers do: no line breaks or tabs inside, no controls or blanks around.
  const clean = link.replace(/[\t\n\r]/g, "").replace(/^[\0-\x20]+|[\0-\x20]+$/g, "");
  const [, scheme, host, path, query = "", fragment = ""] = PARTS.exec(clean);
  if (scheme !== undefined) {
    const known = scheme.toLowerCase();
    if (!SCHEMES.includes(known) || (known !== "mailto" && !host)) return undefined;
    return known === "mailto" ? written(`mailto:${path}${query}`) : written(`${known}://${host}${level(path)}${query}${fragment}`);
  }
  if (base === undefined) return clean === "" || host !== undefined ? undefined : written(clean);
  const [, over, around, below, asked = ""] = PARTS.exec(base);
  if (host !== undefined) return host === "" ? undefined : written(`${over}://${host}${level(path)}${query}${fragment}`);
  if (path === "") return written(`${over}://${around}${level(below)}${query || asked}${fragment}`);
  const whole = path.startsWith("/") ? path : `${below.slice(0, below.lastIndexOf("/") + 1) || "/"}${path}`;
  return written(`${over}://${around}${level(whole)}${query}${fragment}`);
}

/** A path without `.` and `..`. */
function level(path) {
  const parts = [];
  const steps = path.split("/");
  steps.forEach((step, i) => {
    if (step === "..") {
      if (parts.length > 1) parts.pop();
    } else if (step !== ".") parts.push(step);
    if ((step === "." || step === "..") && i === steps.length - 1) parts.push("");
  });
  return parts.join("/");
}

/** An address as it stands in Markdown: what would end it there is written in percent. */
function written(url) {
  return url.replace(/[\0-\x20\x7f<>()\\"`]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
