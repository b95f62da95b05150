//! JSON Schemas of tools as TypeScript says such things: what a model reads before it writes a program.

/** How deep types are written out; what lies deeper is `any`. */
const MAX_DEPTH = 6;
/** Letters of a text that declares tools: a model reads all of it. */
const MAX_TEXT = 65_536;

const PLAIN = { string: "string", integer: "number", number: "number", boolean: "boolean", null: "null" };
const BEFORE = "// Tools are functions: tools.ALIAS.NAME({ … }), which may be awaited. They throw ToolError { code, message, detail }.\n";

const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const unique = (parts) => [...new Set(parts)].join(" | ") || "any";
const named = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

/** The fields of a record, those that must be there first. */
export function fields(schema) {
  const properties = isRecord(schema?.properties) ? schema.properties : {};
  const needed = Array.isArray(schema?.required) ? schema.required : [];
  const all = Object.entries(properties).map(([name, part]) => ({ name, part, needed: needed.includes(name) }));
  return [...all.filter((field) => field.needed), ...all.filter((field) => !field.needed)];
}

/** A type, as TypeScript writes it. */
export function type(schema, root = schema, depth = 0) {
  if (!isRecord(schema) || depth > MAX_DEPTH) return "any";
  const inner = (part) => type(part, root, depth + 1);
  if (typeof schema.$ref === "string") return inner(found(schema.$ref, root));
  if (Array.isArray(schema.enum)) return unique(schema.enum.map((value) => JSON.stringify(value)));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  for (const word of ["anyOf", "oneOf"]) if (Array.isArray(schema[word])) return unique(schema[word].map(inner));
  if (Array.isArray(schema.type)) return unique(schema.type.map((kind) => inner({ ...schema, type: kind })));
  if (schema.type === "array") return /[ |]/.test(inner(schema.items)) ? `(${inner(schema.items)})[]` : `${inner(schema.items)}[]`;
  if (schema.type === "object") {
    const parts = fields(schema).map(({ name, part, needed }) => `${named(name)}${needed ? "" : "?"}: ${inner(part)}`);
    return parts.length === 0 ? `Record<string, ${inner(schema.additionalProperties)}>` : `{ ${parts.join("; ")} }`;
  }
  return PLAIN[schema.type] ?? "any";
}

/** What a reference inside of a schema means. */
function found(reference, root) {
  const steps = reference.replace(/^#\/?/, "").split("/");
  return steps.reduce((part, step) => (isRecord(part) && Object.hasOwn(part, step) ? part[step] : undefined), root);
}

/** All tools as a model reads them: with documentation, or one line for each. `aliases` are pairs of a name and its tools. */
export function declarations(aliases, style) {
  const pieces = [BEFORE];
  if (style === "full") pieces.push("declare const tools: {\n");
  for (const [alias, tools] of aliases) {
    if (style === "full") pieces.push(`  ${named(alias)}: {\n`);
    for (const [name, tool] of tools) pieces.push(style === "full" ? whole(name, tool) : line(alias, name, tool));
    if (style === "full") pieces.push("  };\n");
  }
  if (style === "full") pieces.push("};\n");
  return bounded(pieces).toWellFormed();
}

/** How a tool is called. */
export const called = (tool) => `(input: ${type(tool.input)}): any`;

function whole(name, tool) {
  const said = fields(tool.input).filter(({ part }) => typeof part?.description === "string" && part.description.trim() !== "");
  const about = [tool.description.trim() || `The tool ${tool.name}.`, ...said.map((field) => `@param input.${field.name} ${field.part.description.trim()}`)];
  const lines = about.join("\n").replaceAll("*/", "*\\/").split("\n");
  const comment = lines.length === 1 ? `/** ${lines[0]} */` : ["/**", ...lines.map((each) => ` * ${each}`.trimEnd()), " */"].join("\n    ");
  return `    ${comment}\n    ${named(name)}${called(tool)};\n`;
}

function line(alias, name, tool) {
  const first = tool.description.trim().split("\n")[0];
  return `tools.${alias}.${name}${called(tool)}${first === "" ? "" : `  // ${first}`}\n`;
}

/** As many as a model reads, and how many are missing. */
function bounded(pieces) {
  let left = MAX_TEXT;
  const end = pieces.findIndex((piece) => (left -= piece.length) < 0);
  if (end < 0) return pieces.join("");
  return `${pieces.slice(0, end).join("")}// … and more, ${pieces.length - end} in all: give the call fewer tools\n`;
}
