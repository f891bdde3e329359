/**
 * Type-checks the cells of notebooks, strictly, by the project's TypeScript and with Node's types; `cells.ts` says how
 * cells become modules. On top of TypeScript's own errors come the forms that cells cannot use. Cells tagged
 * `raises-exception` may be wrong.
 */
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { hasTag, type Notebook } from "../notebook/model.js";
import { positionOf } from "../notebook/source-error.js";
import { type CellModule, cellCompilerOptions, cellDiagnostics, cellModules } from "./cells.js";

/** Something wrong in a cell's code. */
export interface CellProblem {
  readonly path: string;
  /** The cell's place among all cells of the notebook, counted from 0. */
  readonly index: number;
  /** Line and column in the cell, counted from 1. */
  readonly line: number;
  readonly column: number;
  /** What is wrong; may have several lines. */
  readonly message: string;
  /** TypeScript's number of the error, or `undefined` for a form that cells cannot use. */
  readonly code: number | undefined;
}

const options: ts.CompilerOptions = {
  ...cellCompilerOptions(ts),
  types: ["node"],
  // A notebook outside the repository has Node's types all the same.
  typeRoots: [dirname(dirname(createRequire(import.meta.url).resolve("@types/node/package.json")))],
};

const globalsFile = fileURLToPath(new URL("../../cell-globals.d.ts", import.meta.url));

/** Checks the cells of all notebooks in one program. Problems come in the notebooks' order, then by place. */
export function checkNotebooks(notebooks: readonly Notebook[]): CellProblem[] {
  const first = notebooks[0];
  if (first === undefined) return [];
  const checked = notebooks.map((notebook) => ({ notebook, ...modulesOf(notebook) }));
  const byFile = new Map(checked.flatMap(({ modules }) => modules).map((module) => [module.cell.fileName, module]));
  const host = ts.createCompilerHost(options, true);
  const readFile = host.readFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  const base = dirname(resolve(first.path));
  host.getCurrentDirectory = () => base;
  host.readFile = (name) => byFile.get(name)?.text ?? readFile(name);
  host.fileExists = (name) => byFile.has(name) || fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    const module = byFile.get(name);
    return module === undefined
      ? getSourceFile(name, ...rest)
      : ts.createSourceFile(name, module.text, ts.ScriptTarget.Latest, true);
  };
  const program = ts.createProgram([globalsFile, ...byFile.keys()], options, host);
  return checked.flatMap(({ notebook, modules, indexes }) =>
    modules.flatMap((module, place) =>
      cellDiagnostics(ts, program, modules, module).map(
        ({ start, message, code }): CellProblem => ({
          path: notebook.path,
          index: indexes[place]!,
          ...positionOf(module.cell.source, start),
          message,
          code,
        }),
      ),
    ),
  );
}

/** The modules of a notebook's code cells, and each one's place among all its cells. */
function modulesOf(notebook: Notebook): { modules: CellModule[]; indexes: number[] } {
  const path = resolve(notebook.path);
  const name = path.split(/[\\/]/).at(-1);
  const code = notebook.cells.flatMap((cell, index) => (cell.type === "code" ? [{ cell, index }] : []));
  const modules = cellModules(
    ts,
    code.map(({ cell, index }) => ({
      fileName: join(dirname(path), `.${name}.cell-${index + 1}.ts`),
      source: cell.source,
      mayFail: hasTag(cell, "raises-exception"),
    })),
  );
  return { modules, indexes: code.map(({ index }) => index) };
}
