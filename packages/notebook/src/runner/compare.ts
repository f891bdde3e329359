/**
 * What differs between the outputs a notebook holds and those that running it gives, as a person reads it: a unified
 * diff a cell, of the outputs written out as text. The comparison itself is exact.
 */
import {
  type Cell,
  type CodeCell,
  hasTag,
  type Json,
  type JsonObject,
  type MimeBundle,
  type Notebook,
  type Output,
} from "../notebook/model.js";

/** One cell whose outputs differ. */
export interface CellDifference {
  /** The cell's place among all cells, counted from 0. */
  readonly index: number;
  /** Lines of a unified diff without file names: `-` saved, `+` now. */
  readonly diff: readonly string[];
}

/**
 * Compares cell by cell two notebooks that differ in nothing but outputs. Cells tagged `volatile` may differ in what
 * their outputs say, not in their kinds and MIME types.
 */
export function compareOutputs(saved: Notebook, current: Notebook): CellDifference[] {
  const differences: CellDifference[] = [];
  for (const [index, before] of saved.cells.entries()) {
    const after = current.cells[index];
    if (before.type !== "code" || after?.type !== "code") continue;
    const write = hasTag(before, "volatile") ? outlineOf : writtenOut;
    const [old, now] = [write(before.outputs), write(after.outputs)];
    if (old.join("\n") !== now.join("\n")) differences.push({ index, diff: unifiedDiff(old, now) });
  }
  return differences;
}

/** The notebook just run, with the saved outputs where a volatile cell's differ in content only. */
export function keepVolatile(saved: Notebook, current: Notebook): Notebook {
  const cells = current.cells.map((after, index): Cell => {
    const before = saved.cells[index];
    if (after.type !== "code" || before?.type !== "code" || !hasTag(after, "volatile")) return after;
    const same = outlineOf(before.outputs).join("\n") === outlineOf(after.outputs).join("\n");
    return same ? ({ ...after, outputs: before.outputs } satisfies CodeCell) : after;
  });
  return { ...current, cells };
}

/** Outputs as lines, each kind under a heading; two lists of outputs are equal exactly if their lines are. */
export function writtenOut(outputs: readonly Output[]): string[] {
  return outputs.flatMap((output) => {
    switch (output.type) {
      case "stream":
        return [`[${output.name}]`, ...linesOf(output.text)];
      case "display_data":
        return ["[display]", ...bundleLines(output.data), ...metadataLines(output.metadata)];
      case "execute_result":
        return ["[result]", ...bundleLines(output.data), ...metadataLines(output.metadata)];
      case "error":
        return [`[error] ${JSON.stringify([output.name, output.message])}`, ...output.traceback.flatMap(linesOf)];
    }
  });
}

function bundleLines(bundle: MimeBundle): string[] {
  return Object.keys(bundle)
    .sort()
    .flatMap((mimeType) => {
      const data = bundle[mimeType] as Json;
      return [`${mimeType}:`, ...linesOf(typeof data === "string" ? data : JSON.stringify(data, null, 1))];
    });
}

function metadataLines(metadata: JsonObject): string[] {
  return Object.keys(metadata).length === 0 ? [] : [`metadata: ${JSON.stringify(metadata)}`];
}

/**
 * Lines indented by two, so that no content is taken for a heading; a missing last newline is said, as diff says it.
 */
function linesOf(text: string): string[] {
  const lines = text.split("\n");
  const ended = lines.at(-1) === "";
  if (ended) lines.pop();
  return [...lines.map((line) => `  ${line}`), ...(ended ? ["  (newline at the end)"] : [])];
}

function outlineOf(outputs: readonly Output[]): string[] {
  return outputs.map((output) => {
    switch (output.type) {
      case "stream":
        return `[${output.name}]`;
      case "error":
        return `[error] ${output.name}`;
      case "display_data":
      case "execute_result":
        return `[${output.type}] ${Object.keys(output.data).sort().join(", ")}`;
    }
  });
}

const context = 3;

/** The hunks of a unified diff between two lists of lines, three lines of context. */
export function unifiedDiff(before: readonly string[], after: readonly string[]): string[] {
  const edits = editScript(before, after);
  const changed = edits.flatMap((edit, index) => (edit.mark === " " ? [] : [index]));
  const hunks: string[] = [];
  for (let at = 0; at < changed.length; ) {
    let last = at;
    while (last + 1 < changed.length && changed[last + 1]! - changed[last]! <= 2 * context) last++;
    const from = Math.max(0, changed[at]! - context);
    const to = Math.min(edits.length, changed[last]! + context + 1);
    const hunk = edits.slice(from, to);
    const count = (absent: string): number => hunk.filter((edit) => edit.mark !== absent).length;
    // As diff does: an empty side is said to begin after the line before it.
    const start = (absent: string): number =>
      edits.slice(0, from).filter((edit) => edit.mark !== absent).length + (count(absent) === 0 ? 0 : 1);
    hunks.push(`@@ -${start("+")},${count("+")} +${start("-")},${count("-")} @@`);
    hunks.push(...hunk.map((edit) => edit.mark + edit.line));
    at = last + 1;
  }
  return hunks;
}

interface Edit {
  readonly mark: " " | "-" | "+";
  readonly line: string;
}

/** By longest common subsequence of what is left after the common start and end. */
function editScript(before: readonly string[], after: readonly string[]): Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let [i, j] = [before.length, after.length];
  while (i > start && j > start && before[i - 1] === after[j - 1]) [i, j] = [i - 1, j - 1];
  const [a, b] = [before.slice(start, i), after.slice(start, j)];
  const same = (lines: readonly string[]): Edit[] => lines.map((line) => ({ mark: " ", line }));
  return [...same(before.slice(0, start)), ...middleScript(a, b), ...same(before.slice(i))];
}

/** Above this many cells of the table, the whole middle is shown as replaced. */
const largestTable = 4_000_000;

function middleScript(a: readonly string[], b: readonly string[]): Edit[] {
  if (a.length * b.length > largestTable) {
    return [...a.map((line): Edit => ({ mark: "-", line })), ...b.map((line): Edit => ({ mark: "+", line }))];
  }
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    }
  }
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      edits.push({ mark: " ", line: a[i]! });
      [i, j] = [i + 1, j + 1];
    } else if (i < a.length && (j === b.length || longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!)) {
      edits.push({ mark: "-", line: a[i++]! });
    } else {
      edits.push({ mark: "+", line: b[j++]! });
    }
  }
  return edits;
}
