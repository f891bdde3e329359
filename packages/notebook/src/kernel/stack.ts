/**
 * Stack traces for readers of a notebook: only the frames that lie in cells, at the lines and columns of the cells' own
 * text, and no path of the machine. What the compiler and the lab do inside changes with every build and would make
 * saved outputs differ; set `NETFILTER_LAB_STACK=full` to see it all while working on the lab itself.
 */
import { SourceMap } from "node:module";
import { type CellPosition, positionOf } from "../notebook/source-error.js";
import { renderStack, type StackFrame } from "../notebook/stack-trace.js";

/** Where a compiled cell's lines come from. */
export interface CellCode {
  /** What frames call the cell, e.g. `In[3]`. */
  readonly label: string;
  /** Source maps from the code that runs back to the code that was compiled, outermost first. */
  readonly sourceMaps: readonly string[];
  /** From an offset in the compiled text back to one in the cell's text. */
  readonly originalOffset: (offset: number) => number;
  /** The text that was compiled, and the cell's own. */
  readonly compiledSource: string;
  readonly source: string;
}

/** Finds cells' lines in stack traces. */
export class StackTraces {
  readonly #cells = new Map<string, { code: CellCode; maps: SourceMap[] }>();

  /** Makes `error.stack` of every error in this process read as described above. */
  install(): void {
    if (process.env["NETFILTER_LAB_STACK"] === "full") return;
    Error.prepareStackTrace = (error, frames) =>
      renderStack(error, frames as readonly StackFrame[], (label, line, column) => this.#locate(label, line, column));
  }

  /** Remembers a cell that is about to run. */
  add(code: CellCode): void {
    const maps = code.sourceMaps.map((text) => new SourceMap(JSON.parse(text)));
    this.#cells.set(code.label, { code, maps });
  }

  #locate(label: string, line: number, column: number): CellPosition | undefined {
    const cell = this.#cells.get(label);
    return cell === undefined ? undefined : locate(cell.code, cell.maps, line, column);
  }
}

/** The position in the cell's text, or `undefined` for the wrapper round the cell. */
function locate(code: CellCode, maps: readonly SourceMap[], line: number, column: number): CellPosition | undefined {
  let [at, column0] = [line - 1, column - 1];
  for (const map of maps) {
    const entry = map.findEntry(at, column0);
    if (!("originalLine" in entry)) return undefined;
    // Nothing on this line was mapped: the nearest mapping is another line's, so this line was made by the compiler.
    if (entry.generatedLine !== at) return undefined;
    [at, column0] = [entry.originalLine, entry.originalColumn];
  }
  // tslab compiles the cell under one line of its own: "export {};".
  at -= 1;
  const lines = code.compiledSource.split("\n");
  if (at < 0 || at >= lines.length) return undefined;
  const offset = lines.slice(0, at).reduce((sum, text) => sum + text.length + 1, 0) + column0;
  return positionOf(code.source, code.originalOffset(offset));
}
