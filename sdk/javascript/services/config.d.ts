//! Types of `#cleargate/config`.

/** The configuration as data; the same during one call. */
export function get(): any;
