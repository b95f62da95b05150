/** Bytes of a text as UTF-8; bytes stay as they are. */
export function bytes(data: string | Uint8Array): Uint8Array;
/** Text of UTF-8; other bytes are a `Failure` with the code `invalid_input`. */
export function text(data: Uint8Array): string;
