/**
 * A cell's TypeScript to JavaScript that a session can link with whatever earlier cells have declared: types taken
 * away, imports taken out, the last expression returned, names from outside listed. What a cell means does not depend
 * on other cells here, so a page's cells are compiled when the site is built and the compiler is only loaded for
 * changed ones.
 */
import { type AnyNode, type Program, parse } from "acorn";
import { refusals, type SourceProblem } from "../notebook/source-error.js";
import type { CompiledCell, ImportedModule } from "./compiled.js";
import { applyEdits, type Edit, type OffsetMap, oldOffset } from "./positions.js";
import { boundNames, children, type FreeName, freeNames } from "./references.js";
import { stripTypes } from "./strip.js";

/** Compiles one cell. A cell that does not compile is a value too: it says what is wrong with it. */
export function compileCell(source: string): CompiledCell {
  const stripped = stripTypes(source);
  if ("text" in stripped) return { ok: false, problems: [stripped] };
  const { code, map } = stripped;
  let program: Program;
  try {
    program = parse(code, { ecmaVersion: "latest", sourceType: "module" });
  } catch (error) {
    const { message, pos } = error as SyntaxError & { readonly pos: number };
    const text = message.replace(/ \(\d+:\d+\)$/, "");
    return { ok: false, problems: [{ start: oldOffset(map, pos), length: 1, text }] };
  }
  const problems = refused(program, map);
  if (problems.length > 0) return { ok: false, problems };

  const edits: Edit[] = [];
  const imports: ImportedModule[] = [];
  const names: string[] = [];
  for (const statement of program.body) {
    names.push(...declaredNames(statement));
    if (statement.type === "ImportDeclaration") {
      imports.push(importOf(statement, map));
      edits.push(blank(code, statement.start, statement.end));
    } else if (statement.type === "ExportNamedDeclaration" && statement.declaration) {
      edits.push(blank(code, statement.start, statement.declaration.start));
    }
  }
  collectDynamicImports(program, edits);
  const last = program.body.at(-1);
  if (last?.type === "ExpressionStatement" && !isType(source.slice(oldOffset(map, last.end)))) {
    const end = code[last.end - 1] === ";" ? last.end - 1 : last.end;
    edits.push({ at: last.start, remove: 0, insert: "return [(" }, { at: end, remove: 0, insert: ")]" });
  }
  const edited = applyEdits(code, edits);
  const free = freeNames(program).map(({ name, start, form }): FreeName => {
    // Within `return [(` nothing stands before a call.
    const place = form === "called first" && start === last?.start ? "called" : form;
    return { name, start: newOffset(edits, start), form: place };
  });
  return { ok: true, code: edited.code, names: [...new Set(names)], imports, free, maps: [edited.map, map] };
}

/** True if a cell goes on with the declaration of a type, which is then its last statement. */
function isType(rest: string): boolean {
  const text = rest.replace(/^(?:\s|;|\/\/.*|\/\*[^]*?\*\/)*/, "");
  return /^(?:export\s+)?(?:interface|type|declare)\s/.test(text);
}

/** Where an offset of the old text is in the new one, behind what is put in at that very place. */
function newOffset(edits: readonly Edit[], offset: number): number {
  return edits.reduce((sum, { at, remove, insert }) => (at <= offset ? sum + insert.length - remove : sum), offset);
}

/** Spaces in the place of what is taken out; lines stay. */
function blank(code: string, start: number, end: number): Edit {
  return { at: start, remove: end - start, insert: code.slice(start, end).replace(/[^\n]/g, " ") };
}

function declaredNames(statement: AnyNode): string[] {
  switch (statement.type) {
    case "VariableDeclaration":
      return statement.declarations.flatMap(({ id }) => boundNames(id));
    case "FunctionDeclaration":
    case "ClassDeclaration":
      return statement.id === null ? [] : [statement.id.name];
    case "ImportDeclaration":
      return statement.specifiers.map(({ local }) => local.name);
    case "ExportNamedDeclaration":
      return statement.declaration ? declaredNames(statement.declaration) : [];
    default:
      return [];
  }
}

function importOf(statement: AnyNode & { type: "ImportDeclaration" }, map: OffsetMap): ImportedModule {
  const parts: string[] = [];
  const names: string[] = [];
  let whole: string | undefined;
  for (const specifier of statement.specifiers) {
    const { name } = specifier.local;
    if (specifier.type === "ImportNamespaceSpecifier") whole = name;
    else if (specifier.type === "ImportDefaultSpecifier") {
      parts.push(`default: ${name}`);
      names.push("default");
    } else {
      const { imported } = specifier;
      parts.push(`${imported.type === "Identifier" ? imported.name : JSON.stringify(imported.value)}: ${name}`);
      names.push(imported.type === "Identifier" ? imported.name : String(imported.value));
    }
  }
  const module = String(statement.source.value);
  const start = oldOffset(map, statement.source.start);
  const binds = whole === undefined ? (parts.length === 0 ? "" : `{ ${parts.join(", ")} }`) : whole;
  const length = statement.source.end - statement.source.start;
  return { module, binds, ...(whole === undefined ? { names } : {}), start, length };
}

/** `import(…)` must ask the session, as `import … from` does. */
function collectDynamicImports(node: AnyNode, edits: Edit[]): void {
  if (node.type === "ImportExpression")
    edits.push({ at: node.start, remove: "import".length, insert: "__cell.import" });
  for (const child of children(node)) collectDynamicImports(child, edits);
}

/** What parses but means nothing in a cell. */
function refused(program: Program, map: OffsetMap): SourceProblem[] {
  const problems: SourceProblem[] = [];
  const refuse = (node: AnyNode, text: string): void => {
    const start = oldOffset(map, node.start);
    problems.push({ start, length: Math.max(1, oldOffset(map, node.end) - start), text });
  };
  const look = (node: AnyNode): void => {
    if (node.type === "ExportDefaultDeclaration") refuse(node, refusals.exportDefault);
    else if (node.type === "ExportAllDeclaration") refuse(node, refusals.exportNames);
    else if (node.type === "ExportNamedDeclaration" && !node.declaration) refuse(node, refusals.exportNames);
    else if (node.type === "VariableDeclaration" && /using/.test(node.kind)) refuse(node, refusals.using);
    else if (node.type === "MetaProperty" && node.meta.name === "import")
      refuse(node, "`import.meta` has no meaning in a cell: a cell is no file");
    for (const child of children(node)) look(child);
  };
  look(program);
  return problems;
}
