//! Types of `#cleargate/tools`.

/** The tools that may be called; `input` is a JSON Schema. */
export function list(): { name: string; description: string; input: Record<string, unknown> }[];
/** Calls a tool and returns what it gives. */
export function call(name: string, args: unknown): any;
