//! Makes rules of a configuration, and refuses those that could not do what they say.

import { Failure } from "#cleargate";

/** Flags of all patterns: whole code points, all matches, and where they end. */
const ALWAYS = "gu";

/**
 * Rules as they are applied. A rule of `deny` finds matches; a rule of `only` finds the strings that it does not match.
 */
export function compile({ action = "reject", deny = [], allow = [], only = [] }) {
  if (deny.length + only.length === 0) {
    throw new Failure("invalid_input", "nothing is configured: write patterns under `deny` or `only`");
  }
  return {
    deny: deny.map((rule, i) => ({ action, message: `matches ${rule.label}`, at: "", ...rule, search: regex(rule, `deny/${i}`) })),
    allow: allow.map((rule, i) => regex(rule, `allow/${i}`)),
    only: only.map((rule, i) => ({
      action,
      message: `is not as ${rule.label} asks`,
      ...rule,
      // Parentheses, so that `a|b` is bound at both ends; no `m`, which would bind it to a line.
      search: regex({ ...rule, pattern: `^(?:${rule.pattern})$`, flags: rule.flags?.replace("m", "") }, `only/${i}`, rule.pattern),
    })),
  };
}

function regex({ pattern, flags = "" }, place, written = pattern) {
  try {
    // By itself first: `a)(b` is no pattern, though it is one inside of parentheses.
    new RegExp(written, "u");
    return new RegExp(pattern, ALWAYS + [...new Set(flags)].join(""));
  } catch (error) {
    throw new Failure("invalid_input", `/${place}: \`${written}\` is no regular expression: ${error.message}`);
  }
}

/** All matches of a search as `[start, end]`, in UTF-16 units. */
export function matches(search, text) {
  return [...text.matchAll(search)].map((match) => {
    if (match[0] === "") {
      throw new Failure("invalid_input", `\`${search.source}\` matches an empty text; write what it shall find`);
    }
    return [match.index, match.index + match[0].length];
  });
}

/** Whether a whole text is as a rule of `only` asks. */
export function whole(search, text) {
  search.lastIndex = 0; // a global expression remembers where it stood
  return search.test(text);
}
