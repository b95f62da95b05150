//! Types of `#cleargate/blob`.

/** A handle to bytes that stay with the host. */
export interface Media {
  digest: string;
  mime: string;
  size: number;
  name?: string;
}

/** Stores bytes, or text as UTF-8, and returns their handle. */
export function put(data: Uint8Array | string, mime: string, name?: string): Media;
/** At most `length` bytes from `offset`. */
export function get(media: Media, offset: number, length: number): Uint8Array;
