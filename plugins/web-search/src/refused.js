//! What an answer that is no result means for who asked.

import { Failure } from "#cleargate";
import { line } from "./clean.js";

/** Codes of providers for a key that is wrong, whatever the status. */
const BAD_KEY = /TOKEN_(INVALID|MISSING|NOT_FOUND)|UNAUTHORI[SZ]ED|INVALID_(API_)?KEY/i;
/** Codes and statuses for a plan that is used up: another try in a minute does not help. */
const USED_UP = /QUOTA/i;
const USED_UP_STATUS = [402, 432, 433];
/** Seconds beyond which a provider does not mean "soon". */
const SOON_S = 3600;
/** Characters of what a provider says of its refusal. */
const MAX_SAID = 200;

/** The data of an answer, or a failure. */
export function answered(answer, provider) {
  const body = data(answer);
  if (answer.status >= 200 && answer.status < 300) {
    if (body === undefined) throw new Failure("permanent", `${provider.name} answered no JSON`, { detail: { status: answer.status } });
    const silent = provider.silent?.(body) ?? [];
    if (silent.length > 0 && provider.read(body).length === 0) {
      throw new Failure("transient", `no engine of ${provider.name} answered: ${line(silent.join(", "), MAX_SAID)}`);
    }
    return body;
  }
  throw refusal(answer, body ?? {}, provider);
}

/** An object, when the body is one. */
function data(answer) {
  try {
    const body = answer.json();
    return typeof body === "object" && body !== null && !Array.isArray(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

function refusal(answer, body, provider) {
  const { status } = answer;
  const { code, message } = provider.refusal(body);
  const wait = retryAfter(answer);
  const said = typeof message === "string" && message !== "" ? `: ${line(message, MAX_SAID)}` : "";
  const detail = { status, ...(typeof code === "string" && { code: line(code, 60) }), ...(wait !== undefined && { retry_after_s: wait }) };
  const failed = (kind, words) => new Failure(kind, `${provider.name} ${words}${said}`, { detail });
  if (provider.means?.[status]) return failed("denied", `answered ${status}: ${provider.means[status]}`);
  if (status === 401 || status === 403 || BAD_KEY.test(code)) {
    return failed("denied", "does not accept the key: `cleargate secret set WEB_SEARCH_KEY` sets another");
  }
  if (USED_UP_STATUS.includes(status) || USED_UP.test(code) || (status === 429 && wait > SOON_S)) {
    return failed("budget", "says that the plan is used up");
  }
  if (status === 429) return failed("transient", wait === undefined ? "has too many requests" : `has too many requests: try again in ${wait} s`);
  if (status === 408 || status === 425 || status >= 500) return failed("transient", `answered ${status}`);
  return failed(status === 400 || status === 422 ? "invalid_input" : "permanent", `answered ${status}`);
}

/** Seconds that a provider asks to wait: as the standard says it, or as Brave does, for each window that is used up. */
function retryAfter(answer) {
  const plain = answer.header("retry-after");
  if (/^\d{1,9}$/.test(plain)) return Number(plain);
  const windows = (name) => (answer.header(name) ?? "").split(",").map((part) => Number.parseInt(part, 10));
  const left = windows("x-ratelimit-remaining");
  const waits = windows("x-ratelimit-reset").filter((seconds, i) => seconds >= 0 && left[i] === 0);
  return waits.length > 0 ? Math.max(...waits) : undefined;
}
