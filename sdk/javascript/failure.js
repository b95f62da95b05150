//! A failure as a value: the host decides by its code whether to try again.

/** Closed, so that retry policies can name every case. */
const CODES = [
  "transient", "permanent", "timeout", "cancelled", "invalid_input", "denied", "limit", "budget", "unknown_outcome", "bug",
];

/** Why a call failed. Throw it; what else is thrown is a defect of the plugin, with the code `bug`. */
export class Failure extends Error {
  /**
   * @param {string} code one of the contract's codes, as `invalid_input`
   * @param {string} message one sentence for a person
   * @param {{ retryable?: boolean, detail?: unknown }} [more] retryable when the code is `transient`, unless said;
   *   detail is data for a program
   */
  constructor(code, message, { retryable = code === "transient", detail } = {}) {
    super(message);
    if (!CODES.includes(code)) throw new TypeError(`\`${code}\` is no code; write one of ${CODES.join(", ")}`);
    this.name = "Failure";
    this.code = code;
    this.retryable = retryable;
    this.detail = detail;
  }
}

/** A failure as the contract writes it. */
export function lower(error) {
  if (error instanceof Failure) {
    const detail = error.detail === undefined ? undefined : JSON.stringify(error.detail);
    return { code: error.code.replaceAll("_", "-"), message: error.message, retryable: error.retryable, detail };
  }
  if (error?.name === "InternalError" && error.message === "out of memory") {
    return { code: "limit", message: "the memory of the call is used up", retryable: false, detail: undefined };
  }
  const detail = error instanceof Error && error.stack ? JSON.stringify({ stack: error.stack }) : undefined;
  return { code: "bug", message: String(error), retryable: false, detail };
}

/** Calls a service of the host; what it refuses becomes a failure. */
export function asking(call) {
  try {
    return call();
  } catch (error) {
    const refusal = error?.payload;
    if (refusal?.code === undefined) throw error;
    const { code, message, retryable, detail } = refusal;
    throw new Failure(code.replaceAll("-", "_"), message, { retryable, detail: parsed(detail) });
  }
}

/** Data of a text that somebody else wrote; `what` names it in the refusal. */
export function foreign(what, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure("invalid_input", `${what} is no JSON: ${error.message}`);
  }
}

/** Detail that is no JSON is kept as text: it may be the line that grants. */
function parsed(detail) {
  if (detail === undefined || detail === null) return undefined;
  try {
    return JSON.parse(detail);
  } catch {
    return detail;
  }
}
