//! UTF-8 in both directions, for plugins that read and write bytes. It asks the host for nothing.

export { bytes, text } from "../text.js";
