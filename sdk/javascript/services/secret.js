//! Secrets as placeholders: the host puts the value in as the request leaves, for granted hosts only.

import * as host from "cleargate:host/secret@0.1.0";
import { asking } from "../failure.js";

/** A placeholder for header values, query values and bodies of requests. */
export const placeholder = (label) => asking(() => host.placeholder(label));
