/** What is wrong with a cell's text, told with its line and a mark under the place. */
import type { ErrorReport } from "./sink.js";

/** A place in a cell's text. */
export interface CellPosition {
  /** Counted from 1, as all that follow. */
  readonly line: number;
  readonly column: number;
}

/** Line and column (from 1) of an offset in a text. */
export function positionOf(text: string, offset: number): CellPosition {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before[before.length - 1]!.length + 1 };
}

/** One thing wrong with a cell's text. */
export interface SourceProblem {
  /** Offset in the cell's text, in UTF-16 units. */
  readonly start: number;
  readonly length: number;
  readonly text: string;
  /** Set if the fault is in a file the cell imports. */
  readonly file?: string | undefined;
}

/** Why a cell with these forms is refused; the kernel and the live session say the same. */
export const refusals = {
  exportDefault:
    "`export default` has no meaning in a cell: every name a cell declares is already visible to later cells",
  exportNames: "`export { … }` has no meaning in a cell: every name a cell declares is already visible to later cells",
  using:
    "`using` is newer than the compiler cells are run by: keep the value in a `const` and release it in a `finally` block",
} as const;

/** A compilation's problems, each with its line of the cell and a mark under the place. */
export function compileError(source: string, problems: readonly SourceProblem[]): ErrorReport {
  const traceback: string[] = [];
  const messages = problems.map(({ start, length, text, file }) => {
    if (file !== undefined) {
      traceback.push(`CompileError: ${file}: ${text}`);
      return `${file}: ${text}`;
    }
    const { line, column } = positionOf(source, start);
    const shown = source.split("\n")[line - 1] ?? "";
    const margin = `${line} | `;
    const marks = "^".repeat(Math.max(1, Math.min(length, shown.length - column + 1)));
    traceback.push(`CompileError: ${text} (line ${line}, column ${column})`);
    traceback.push(`${margin}${shown}`, `${" ".repeat(margin.length + column - 1)}${marks}`);
    return `${text} (line ${line}, column ${column})`;
  });
  return { name: "CompileError", message: messages.join("\n"), traceback };
}
