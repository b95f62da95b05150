//! Types of `#cleargate/log`.

type Fields = Record<string, unknown>;

/** Writes a line with named fields. */
export function write(level: "trace" | "debug" | "info" | "warn" | "error", message: string, fields?: Fields): void;
/** Writes a line for the plugin's author. */
export function debug(message: string, fields?: Fields): void;
/** Writes a line for the operator. */
export function info(message: string, fields?: Fields): void;
/** Says that something is odd. */
export function warn(message: string, fields?: Fields): void;
/** Says that something failed. */
export function error(message: string, fields?: Fields): void;
