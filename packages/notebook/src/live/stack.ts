/**
 * Stack traces that name cells, at the lines and columns of the cells' own TypeScript. Where the engine lets a program
 * write its traces (V8) every trace reads so; elsewhere the text of the trace is read and written anew.
 */
import { type CellPosition, positionOf } from "../notebook/source-error.js";
import { renderStack, type StackFrame } from "../notebook/stack-trace.js";
import type { LinkedCell } from "./link.js";
import { offsetOf, oldOffset } from "./positions.js";

type PrepareStackTrace = (error: Error, frames: readonly StackFrame[]) => unknown;
const errors = Error as unknown as { prepareStackTrace?: PrepareStackTrace | undefined; captureStackTrace?: unknown };

/** Finds cells' lines in stack traces. */
export class CellStacks {
  readonly #cells = new Map<string, { linked: LinkedCell; source: string }>();
  #isInstalled = false;

  /** Remembers a cell that is about to run; `label` is the name its code was evaluated under. */
  add(label: string, linked: LinkedCell, source: string): void {
    this.#cells.set(label, { linked, source });
  }

  /**
   * Makes every trace in this realm read as described above, where that is possible.
   *
   * @returns what undoes it
   */
  install(): () => void {
    if (typeof errors.captureStackTrace !== "function") return () => undefined;
    const before = errors.prepareStackTrace;
    errors.prepareStackTrace = (error, frames) =>
      renderStack(error, frames, (label, line, column) => this.#locate(label, line, column));
    this.#isInstalled = true;
    return () => {
      errors.prepareStackTrace = before;
      this.#isInstalled = false;
    };
  }

  /** The error's trace, cleaned if nothing has cleaned it when it was made. */
  clean(error: Error): string {
    const stack = error.stack ?? `${error.name}: ${error.message}`;
    return this.#isInstalled ? stack : this.cleanText(stack, `${error.name}: ${error.message}`);
  }

  /**
   * A trace as its engine wrote it, with the cells' frames only.
   *
   * @param head what stands before the frames; Firefox and Safari do not say it
   */
  cleanText(stack: string, head: string): string {
    const lines = [stack.startsWith(head) || head === "" ? stack.slice(0, headLength(stack, head)) : head];
    for (const line of stack.slice(headLength(stack, head)).split("\n")) {
      // V8: `    at name (In[1]:2:3)`; the others: `name@In[1]:2:3`.
      const [, name, label, row, column] =
        /^(?:\s*at (?:(.*) \()?|(.*)@)?(In\[\d+\]):(\d+):(\d+)\)?$/.exec(line.replace(/^([^@\n]*)@/, "    at $1 (")) ??
        [];
      if (label === undefined) continue;
      const shown = row === undefined ? undefined : this.#locate(label, Number(row), Number(column));
      if (shown === undefined) continue;
      const place = `${label}:${shown.line}:${shown.column}`;
      const called = name?.replace(/^async\*/, "async ").replace(/^(?:async )?eval$/, "") ?? "";
      lines.push(called === "" ? `    at ${place}` : `    at ${called} (${place})`);
    }
    return lines.join("\n");
  }

  #locate(label: string, line: number, column: number): CellPosition | undefined {
    const cell = this.#cells.get(label);
    if (cell === undefined || line < 2) return undefined;
    const body = cell.linked.code.slice(cell.linked.code.indexOf("\n") + 1);
    const offset = offsetOf(body, line - 2, column - 1);
    return positionOf(
      cell.source,
      cell.linked.maps.reduce((at, map) => oldOffset(map, at), offset),
    );
  }
}

function headLength(stack: string, head: string): number {
  if (!stack.startsWith(head)) return 0;
  return head.length;
}
