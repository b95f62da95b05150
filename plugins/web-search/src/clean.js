//! Results as text: what providers and pages put into them is no markup, and leads nowhere but to a page.

/** Characters of a title, of a text about a page, and of an address. */
const MAX_TITLE = 300;
const MAX_SNIPPET = 2_000;
const MAX_URL = 2_000;

const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", hellip: "…", ndash: "–", mdash: "—" };
/** The marks that providers put around words that were looked for. */
const MARKS = /<\/?(?:strong|mark|b|em|i|span)(?:\s[^<>]*)?>/gi;
/** What no text of one line holds: controls, and letters that turn its direction around. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g;

/** At most `count` results, each page once, in the order of the provider. */
export function results(found, count) {
  const seen = new Set();
  const kept = [];
  for (const { title, url, snippet, date } of found) {
    if (typeof url !== "string" || !/^https?:\/\/[^/?#@\s\\]+(?:[/?#][^\s\\]*)?$/i.test(url) || url.length > MAX_URL) continue;
    if (seen.has(url)) continue;
    seen.add(url);
    const published = day(date);
    kept.push({ title: shown(title, MAX_TITLE) || url, url, snippet: shown(snippet, MAX_SNIPPET), ...(published && { published }) });
    if (kept.length === count) break;
  }
  return kept;
}

/** HTML of a provider as text in one line. */
function shown(html, max) {
  if (typeof html !== "string") return "";
  const plain = html.replace(MARKS, "").replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,6}));/gi, (whole, ten, sixteen, name) => {
    if (name !== undefined) return NAMED[name] ?? whole;
    const point = ten === undefined ? Number.parseInt(sixteen, 16) : Number(ten);
    return point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff) ? String.fromCodePoint(point) : "\ufffd";
  });
  return line(plain, max);
}

/** A text in one line, cut where it is longer. */
export function line(text, max) {
  const letters = [...text.replace(UNSEEN, " ").replace(/\s+/g, " ").trim()];
  return letters.length <= max ? letters.join("") : `${letters.slice(0, max - 1).join("").trimEnd()}…`;
}

/** The day of a date in any of the forms that providers write; nothing when it is none. */
function day(date) {
  if (typeof date !== "string" || date.length > 40) return undefined;
  const written = /^\d{4}-\d{2}-\d{2}(?![\d])/.exec(date)?.[0];
  const ms = Date.parse(written ?? date);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString().slice(0, 10);
}
