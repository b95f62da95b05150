//! Random bytes as the journal keeps them: a replay sees the same.

import * as host from "cleargate:host/random@0.1.0";

/** At most 65,536 bytes. */
export const bytes = (length) => Uint8Array.from(host.bytes(length));
