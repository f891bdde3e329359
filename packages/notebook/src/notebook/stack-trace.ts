/**
 * How an error's stack trace reads to a notebook's reader: only the frames that lie in cells, and no path of the
 * machine. Whoever runs cells knows how to find a frame's place in a cell's own text.
 */
import type { CellPosition } from "./source-error.js";

/** A frame as V8 gives it to `Error.prepareStackTrace`; only what is needed of it. */
export interface StackFrame {
  getScriptNameOrSourceURL(): string | null | undefined;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
  toString(): string;
}

/** From a place in the code that runs to the cell's own text; `undefined` for a frame that is in no cell. */
export type LocateFrame = (label: string, line: number, column: number) => CellPosition | undefined;

/** What `error.stack` shall say. */
export function renderStack(error: Error, frames: readonly StackFrame[], locate: LocateFrame): string {
  const lines = [header(error)];
  for (const frame of frames) {
    const label = frame.getScriptNameOrSourceURL();
    if (label === null || label === undefined) continue;
    const position = locate(label, frame.getLineNumber() ?? 1, frame.getColumnNumber() ?? 1);
    if (position === undefined) continue;
    const place = `${label}:${position.line}:${position.column}`;
    const name = /^(.*) \(/.exec(frame.toString())?.[1]?.replace(notOfTheCell, "");
    lines.push(name === undefined || name === "" ? `    at ${place}` : `    at ${name} (${place})`);
  }
  return lines.join("\n");
}

/**
 * What engines call functions by that the cell did not name: an earlier cell's function is, to tslab, a method of its
 * record of names, which is a proxy; evaluated code without a name is `eval`; Node's timers call their callbacks so.
 */
const notOfTheCell = /^(?:async )?(?:eval|Timeout\._onTimeout)$|Proxy\./;

function header({ name, message }: Error): string {
  return message === "" ? name : name === "" ? message : `${name}: ${message}`;
}
