//! What an author imports: one function for each kind of plugin, and the failure that has a code.
//!
//! Each kind is a file of its own, and so is each service of the host: the build exports the kinds and imports the
//! services whose files a plugin uses, and no others. So what a component may ask for is what its source names.

export { Failure } from "./failure.js";
export { cache } from "./kinds/cache.js";
export { embedder } from "./kinds/embedder.js";
export { filter } from "./kinds/filter.js";
export { guardrail } from "./kinds/guardrail.js";
export { node } from "./kinds/node.js";
export { provider } from "./kinds/provider.js";
export { retriever } from "./kinds/retriever.js";
export { summarizer } from "./kinds/summarizer.js";
export { tokenizer } from "./kinds/tokenizer.js";
export { tool } from "./kinds/tool.js";
export { trigger } from "./kinds/trigger.js";
