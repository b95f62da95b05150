//! Walks a JSON value, and holds each of its texts to the rules. Keys of objects are texts too.

import { matches, whole } from "./rules.js";

/** Findings of one check that are listed; a person who sees this many reads no further. Redaction goes on. */
const MAX_FINDINGS = 100;

/** What was found in a value: the value as it may go on, and the findings, of which the first are listed. */
export function scan(content, rules) {
  const seen = { findings: [], count: 0, actions: new Set(), labels: new Set() };
  const safe = walk(content, "", "", rules, seen);
  return { ...seen, content: safe };
}

/** `real` is the pointer that rules name; `shown` is the one without what was found. */
function walk(value, real, shown, rules, seen) {
  if (typeof value === "string") return hold(value, real, shown, rules, seen);
  if (Array.isArray(value)) return value.map((item, i) => walk(item, `${real}/${i}`, `${shown}/${i}`, rules, seen));
  if (typeof value !== "object" || value === null) return value;
  const taken = new Set();
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const safe = free(denied(key, `${real}/${part(key)}`, shown, rules, seen, true), taken);
      // A key may be reported and stay; its place must not show it all the same.
      const place = denied(key, `${real}/${part(key)}`, shown, rules, undefined, false);
      return [safe, walk(item, `${real}/${part(key)}`, `${shown}/${part(place)}`, rules, seen)];
    }),
  );
}

/** A text of the value: all rules. */
function hold(text, real, shown, rules, seen) {
  for (const rule of rules.only) {
    if (inside(real, rule.at) && !whole(rule.search, text)) note(rule, shown, seen);
  }
  return denied(text, real, shown, rules, seen, true);
}

/** A text with labels in the place of matches: of those that are redacted, or of all. */
function denied(text, real, shown, rules, seen, redactedOnly) {
  const allowed = rules.allow.flatMap((search) => matches(search, text));
  const spans = [];
  for (const rule of rules.deny) {
    if (!inside(real, rule.at)) continue;
    for (const [start, end] of matches(rule.search, text)) {
      if (allowed.some(([from, to]) => from <= start && end <= to)) continue;
      if (seen !== undefined) note(rule, shown, seen);
      if (!redactedOnly || rule.action === "redact") spans.push({ start, end, label: rule.label });
    }
  }
  return replace(text, spans);
}

/** Matches that overlap become one: nothing of the later one may stay. */
function replace(text, spans) {
  spans.sort((a, b) => a.start - b.start || b.end - a.end);
  let out = "";
  let done = 0;
  for (const { start, end, label } of spans) {
    if (start >= done) out += `${text.slice(done, start)}<${label.toUpperCase()}>`;
    done = Math.max(done, end);
  }
  return out + text.slice(done);
}

function note({ label, message, action }, path, seen) {
  seen.count += 1;
  seen.actions.add(action);
  seen.labels.add(label);
  if (seen.findings.length < MAX_FINDINGS) seen.findings.push({ label, message, path });
}

/** Two keys that became one label stay two. */
function free(key, taken) {
  let name = key;
  for (let n = 2; taken.has(name); n += 1) name = `${key}_${n}`;
  taken.add(name);
  return name;
}

/** Whether a place is a pointer's or below it. */
const inside = (place, at) => place === at || place.startsWith(`${at}/`);

const part = (key) => key.replaceAll("~", "~0").replaceAll("/", "~1");
