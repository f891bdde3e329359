/**
 * Stack traces for readers of a notebook: only the frames that lie in cells, at the lines and columns of the cells' own
 * text, and no path of the machine. What the compiler and the lab do inside changes with every build and would make
 * saved outputs differ; set `NETFILTER_LAB_STACK=full` to see it all while working on the lab itself.
 */
import { SourceMap } from "node:module";

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

interface CellPosition {
  /** Counted from 1, as all that follow. */
  readonly line: number;
  readonly column: number;
}

/** Finds cells' lines in stack traces. */
export class StackTraces {
  readonly #cells = new Map<string, { code: CellCode; maps: SourceMap[] }>();

  /** Makes `error.stack` of every error in this process read as described above. */
  install(): void {
    if (process.env["NETFILTER_LAB_STACK"] === "full") return;
    Error.prepareStackTrace = (error, frames) => this.#render(error, frames);
  }

  /** Remembers a cell that is about to run. */
  add(code: CellCode): void {
    const maps = code.sourceMaps.map((text) => new SourceMap(JSON.parse(text)));
    this.#cells.set(code.label, { code, maps });
  }

  #render(error: Error, frames: NodeJS.CallSite[]): string {
    const lines = [header(error)];
    for (const frame of frames) {
      const label = frame.getScriptNameOrSourceURL();
      const cell = label === null ? undefined : this.#cells.get(label);
      if (cell === undefined) continue;
      const position = locate(cell.code, cell.maps, frame.getLineNumber() ?? 1, frame.getColumnNumber() ?? 1);
      if (position === undefined) continue;
      const place = `${label}:${position.line}:${position.column}`;
      // tslab calls an earlier cell's function as a method of its record of names, a proxy.
      const described = (frame as unknown as { toString(): string }).toString();
      const name = /^(.*) \(/.exec(described)?.[1]?.replace("Proxy.", "");
      lines.push(name === undefined || name === "" ? `    at ${place}` : `    at ${name} (${place})`);
    }
    return lines.join("\n");
  }
}

function header(error: Error): string {
  const name = error.name;
  const message = error.message;
  return message === "" ? name : name === "" ? message : `${name}: ${message}`;
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

/** Line and column (from 1) of an offset in a text. */
export function positionOf(text: string, offset: number): CellPosition {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before[before.length - 1]!.length + 1 };
}
