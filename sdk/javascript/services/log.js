//! Lines for the run's journal; bounded by the host, and cut with a marker.

import * as host from "cleargate:host/log@0.1.0";

/** Writes a line with named fields. The level is `trace`, `debug`, `info`, `warn` or `error`. */
export function write(level, message, fields = {}) {
  host.write(level, message, Object.entries(fields).map(([name, value]) => [name, String(value)]));
}

/** Writes a line for the plugin's author. */
export const debug = (message, fields) => write("debug", message, fields);
/** Writes a line for the operator. */
export const info = (message, fields) => write("info", message, fields);
/** Says that something is odd. */
export const warn = (message, fields) => write("warn", message, fields);
/** Says that something failed. */
export const error = (message, fields) => write("error", message, fields);
