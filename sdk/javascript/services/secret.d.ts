//! Types of `#cleargate/secret`.

/** A placeholder for header values, query values and bodies of requests. */
export function placeholder(label: string): string;
