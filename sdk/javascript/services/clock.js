//! Time as the journal keeps it: a replay sees the same.

import * as host from "cleargate:host/clock@0.1.0";

/** Milliseconds since 1970-01-01T00:00:00Z. */
export const now = () => Number(host.now());
/** Milliseconds since the call began; never goes back. */
export const elapsed = () => Number(host.elapsed());
/** Waits, at most until the call's deadline. */
export const sleep = (ms) => host.sleep(ms);
