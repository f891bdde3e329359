/**
 * `npm run lessons -- --backend linux`: every lesson, unchanged, on the machine's own kernel. Each cell with outputs
 * agrees with the saved ones under the rules of `rules.ts`, or needs the engine (it asked for what a kernel does not
 * show, by name), or disagrees. Nothing else is said of a cell, and nothing is saved.
 */
import type { Cell, Notebook } from "../notebook/model.js";
import { unifiedDiff, writtenOut } from "./compare.js";
import { type CellResult, executeNotebook } from "./execute.js";
import { underRules } from "./rules.js";

/** How a cell's outputs on the kernel stand to the saved ones. */
export type CellVerdict =
  | { readonly index: number; readonly verdict: "agrees" }
  | { readonly index: number; readonly verdict: "engine only"; readonly names: readonly string[] }
  | { readonly index: number; readonly verdict: "disagrees"; readonly diff: readonly string[] };

/** Lessons sleep for minutes, here in earnest. */
const CELL_TIMEOUT_SECONDS = 1200;

/** Runs a notebook on the kernel. */
export async function runOnKernel(notebook: Notebook): Promise<CellVerdict[]> {
  const result = await executeNotebook(notebook, {
    environment: { NETFILTER_LAB_BACKEND: "linux" },
    cellTimeoutSeconds: CELL_TIMEOUT_SECONDS,
    stopOnError: false,
  });
  return judgeCells(notebook, result.cells);
}

/** Compares each cell that ran with what is saved. */
export function judgeCells(saved: Notebook, results: readonly CellResult[]): CellVerdict[] {
  const named = new Set(saved.cells.flatMap((cell: Cell) => cell.source.match(/\d+/g) ?? []));
  return results.map(({ index, outputs, engineOnly, failure }) => {
    const cell = saved.cells[index]!;
    const before = cell.type === "code" ? writtenOut(cell.outputs).join("\n") : "";
    const [old, now] = underRules(before, writtenOut(outputs).join("\n"), { named });
    if (old === now) return { index, verdict: "agrees" };
    if (engineOnly.length > 0) return { index, verdict: "engine only", names: engineOnly };
    const why = failure === undefined || outputs.some(({ type }) => type === "error") ? [] : [`this cell ${failure}`];
    return { index, verdict: "disagrees", diff: [...why, ...readableDiff(old.split("\n"), now.split("\n"))] };
  });
}

/** Where the text differs, the pictures of the same need not be shown as well. */
function readableDiff(old: readonly string[], now: readonly string[]): string[] {
  const inText = unifiedDiff(withoutPictures(old), withoutPictures(now));
  return inText.length > 0 ? inText : unifiedDiff(old, now);
}

function withoutPictures(lines: readonly string[]): string[] {
  let shown = true;
  return lines.filter((line) => {
    if (!line.startsWith("  ")) shown = !/^(?:image|text\/(?:html|vnd))/.test(line);
    return shown;
  });
}

/** How many cells of each kind: `12 cells agree, 3 engine only, 0 disagree`. */
export function countVerdicts(verdicts: readonly CellVerdict[]): string {
  const count = (kind: CellVerdict["verdict"]): number => verdicts.filter(({ verdict }) => verdict === kind).length;
  return `${count("agrees")} cells agree, ${count("engine only")} engine only, ${count("disagrees")} disagree`;
}
