//! The configuration that the flow gives to this binding.

import * as host from "cleargate:host/config@0.1.0";

/** The configuration as data; the same during one call. */
export const get = () => JSON.parse(host.get());
