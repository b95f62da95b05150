//! Types of `#cleargate/clock`.

/** Milliseconds since 1970-01-01T00:00:00Z. */
export function now(): number;
/** Milliseconds since the call began; never goes back. */
export function elapsed(): number;
/** Waits, at most until the call's deadline. */
export function sleep(ms: number): void;
