/**
 * A compiled cell and the names that earlier cells have declared, made into one function: uses of those names become
 * live properties of the session's record, and the cell's own names become accessors that later cells go through.
 */
import type { RunnableCell } from "./compiled.js";
import { applyEdits, type Edit, type OffsetMap } from "./positions.js";

/** A cell's code as it is evaluated. */
export interface LinkedCell {
  /** An expression: a function of what `wrapperParameters` names that gives a function of `__cell`. */
  readonly code: string;
  /** From `code`, less its first line, back to the cell's own text, one step a map. */
  readonly maps: readonly OffsetMap[];
}

/** Globals that every cell gets its own of, so that what it prints late is still its own. */
export const wrapperParameters = [
  "console",
  "display",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
] as const;

/** Links a cell; its own code begins on the result's second line. */
export function linkCell(cell: RunnableCell, known: (name: string) => boolean): LinkedCell {
  const edits: Edit[] = [];
  for (const { name, start, form } of cell.free) {
    if (!known(name)) continue;
    const replacement = `__cell.names.${name}`;
    if (form === "shorthand") edits.push({ at: start + name.length, remove: 0, insert: `: ${replacement}` });
    else if (form === "other") edits.push({ at: start, remove: name.length, insert: replacement });
    else {
      const separator = form === "called first" ? ";" : "";
      // Engines say of such a call that it is where its parenthesis is; the reader looks for the name.
      const parenthesis = /[(`]/.exec(cell.code[start + name.length] ?? "")?.[0] ?? "";
      const insert = `${separator}(0, ${replacement})${parenthesis}`;
      edits.push({ at: start, remove: name.length + parenthesis.length, insert });
    }
  }
  const { code, map } = applyEdits(cell.code, edits);
  const accessors = cell.names.map(
    (name) => `get ${name}() { return ${name} }, set ${name}(__value) { ${name} = __value }`,
  );
  const imports = cell.imports.map(({ module, binds, names }) => {
    const which = names === undefined ? "" : `, ${JSON.stringify(names)}`;
    const loaded = `await __cell.import(${JSON.stringify(module)}${which});`;
    return binds === "" ? loaded : `let ${binds} = ${loaded}`;
  });
  const head = [
    `(function (${wrapperParameters.join(", ")}) { return async function (__cell) { "use strict";`,
    `__cell.declare({ ${accessors.join(", ")} });`,
    ...imports,
  ].join(" ");
  return { code: `${head}\n${code}\n} })`, maps: [map, ...cell.maps] };
}
