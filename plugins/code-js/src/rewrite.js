//! Programs that the engine does not run as they are: those that import, await or return at their outermost level, and those whose names stay.
//!
//! Such a program becomes the body of an asynchronous function, with its lines where they were. Imports are calls, the last line is what
//! it returns, and names that stay are properties of the global object.

import { parse } from "acorn";

/** The name of the function that imports, in a program. */
const IMPORT = "__import";
const OPTIONS = { ecmaVersion: "latest", allowAwaitOutsideFunction: true, allowReturnOutsideFunction: true, allowImportExportEverywhere: true };

/** A text whose value is a function of what imports, and the names that stay. */
export function rewritten(source, keep) {
  const tree = parsed(source);
  const edits = new Edits(source);
  const names = [];
  const hoisted = [];
  for (const statement of tree.body) {
    if (statement.type === "ImportDeclaration") edits.replace(statement, imported(statement, keep, names));
    else if (statement.type.startsWith("Export")) exported(statement, edits);
    else if (keep) stays(statement, edits, names, hoisted);
  }
  calls(tree, edits);
  const last = tree.body.at(-1);
  if (last?.type === "ExpressionStatement" && last.directive === undefined) {
    // The whole statement: an expression does not count the brackets around it.
    const end = source[last.end - 1] === ";" ? last.end - 1 : last.end;
    edits.around({ start: last.start, end }, ";return (", ")");
  }
  const start = tree.body.filter((statement) => statement.directive !== undefined).at(-1)?.end ?? 0;
  edits.insert(start, hoisted.map((name) => `;globalThis.${name} = ${name};`).join(""));
  return { text: `(async function (${IMPORT}) {${edits.applied()}\n})`, names };
}

/** The tree of a program, or its mistake with the line. */
function parsed(source) {
  try {
    return parse(source, OPTIONS);
  } catch (caught) {
    const error = new SyntaxError(caught.message.replace(/ \(\d+:\d+\)$/, ""));
    error.line = caught.loc?.line;
    throw error;
  }
}

/** An import as a call. */
function imported({ source, specifiers }, keep, names) {
  const wanted = specifiers.flatMap(({ type, imported: part }) => (type === "ImportSpecifier" ? [part.name ?? part.value] : []));
  const call = `await ${IMPORT}(${JSON.stringify(source.value)}, ${JSON.stringify(wanted)})`;
  const local = specifiers.map((part) => part.local.name);
  if (keep) names.push(...local);
  const space = specifiers.find(({ type }) => type === "ImportNamespaceSpecifier");
  const fields = specifiers.filter((part) => part !== space).map(({ imported: part, local: { name } }) => `${JSON.stringify(part?.name ?? part?.value ?? "default")}: ${name}`);
  const pattern = `{ ${fields.join(", ")} } = `;
  const inner = `${fields.length > 0 ? pattern : ""}${call}`;
  if (space !== undefined) {
    const more = fields.length > 0 ? `, ${pattern}${space.local.name}` : "";
    return keep ? `;(${space.local.name} = ${call}${more});` : `const ${space.local.name} = ${call}${more};`;
  }
  return keep || fields.length === 0 ? `;(${inner});` : `const ${inner};`;
}

/** A program exports to nobody; what it declares by the way is declared. */
function exported(statement, edits) {
  if (statement.type !== "ExportNamedDeclaration" || statement.declaration === null) {
    const error = new SyntaxError("a program exports nothing: its last line is what it gives");
    error.line = edits.source.slice(0, statement.start).split("\n").length;
    throw error;
  }
  edits.replace({ start: statement.start, end: statement.declaration.start }, "");
}

/** A declaration whose names are there for later programs. */
function stays(statement, edits, names, hoisted) {
  if (statement.type === "FunctionDeclaration") {
    hoisted.push(statement.id.name);
  } else if (statement.type === "ClassDeclaration") {
    names.push(statement.id.name);
    edits.around(statement, `;${statement.id.name} = `, ";");
  } else if (statement.type === "VariableDeclaration") {
    const { declarations, kind } = statement;
    edits.replace({ start: statement.start, end: declarations[0].start }, ";(");
    for (const { id, init } of declarations) {
      bound(id, names);
      if (init === null && kind !== "var") edits.insert(id.end, " = undefined");
    }
    edits.insert(declarations.at(-1).end, ")");
  }
}

/** The names that a pattern binds. */
function bound(pattern, names) {
  if (pattern === null) return;
  if (pattern.type === "Identifier") names.push(pattern.name);
  for (const part of pattern.properties ?? pattern.elements ?? []) bound(part, names);
  for (const part of [pattern.type === "Property" ? pattern.value : undefined, pattern.argument, pattern.left]) if (part) bound(part, names);
}

/** `import(…)` wherever it stands. */
function calls(node, edits) {
  if (node.type === "ImportExpression") edits.replace({ start: node.start, end: node.start + "import".length }, IMPORT);
  for (const part of Object.values(node)) {
    for (const inner of Array.isArray(part) ? part : [part]) if (typeof inner?.type === "string") calls(inner, edits);
  }
}

/** Changes of a text, by places of the text as it was. */
class Edits {
  constructor(source) {
    this.source = source;
    this.list = [];
  }

  /** Lines stay where they are: those of what goes away follow what comes. */
  replace({ start, end }, text) {
    this.list.push({ start, end, text: text + "\n".repeat(this.source.slice(start, end).split("\n").length - 1) });
  }

  insert(at, text) {
    this.list.push({ start: at, end: at, text });
  }

  around({ start, end }, before, after) {
    this.insert(start, before);
    this.insert(end, after);
  }

  applied() {
    let at = 0;
    let text = "";
    // In the order in which they were asked for, where places are the same.
    for (const edit of this.list.sort((a, b) => a.start - b.start || a.end - b.end)) {
      text += this.source.slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    return text + this.source.slice(at);
  }
}
