//! Types of `#cleargate/random`.

/** At most 65,536 bytes. */
export function bytes(length: number): Uint8Array;
