/**
 * `npm run lessons -- --backend linux`: every lesson, unchanged, on the machine's own kernel. Each cell with outputs
 * agrees with the saved ones under the rules of `rules.ts`, or needs the engine (it asked for what a kernel does not
 * show, by name), or disagrees. Nothing else is said of a cell. What agreed can be recorded (`kernel-record.ts`).
 */
import { execFileSync } from "node:child_process";
import { release } from "node:os";
import type { Cell, Notebook } from "../notebook/model.js";
import { unifiedDiff, writtenOut } from "./compare.js";
import { type CellResult, executeNotebook } from "./execute.js";
import { type KernelRecord, type RecordedCell, recordCell } from "./kernel-record.js";
import { type Surroundings, underRules } from "./rules.js";

/** How a cell's outputs on the kernel stand to the saved ones. */
export type CellVerdict =
  | {
      readonly index: number;
      readonly verdict: "agrees";
      /** By how many seconds a time that is left might differ. */
      readonly slackSeconds: number;
      /** Absent for a cell without outputs, and for one that agreed because what it could not tell was not printed. */
      readonly record?: RecordedCell;
    }
  | { readonly index: number; readonly verdict: "engine only"; readonly names: readonly string[] }
  | { readonly index: number; readonly verdict: "disagrees"; readonly diff: readonly string[] };

/** Lessons sleep for minutes, here in earnest. */
const CELL_TIMEOUT_SECONDS = 1200;

/**
 * A machine so busy that it lost more time than this is no witness for seconds: what is left of an entry's life is
 * compared with this slack at most.
 */
const MOST_SLACK_SECONDS = 10;

/**
 * More than this lost in one lesson, and what was to happen at a time happened at another: a lesson that disagrees then
 * says nothing yet.
 */
const TOO_BUSY_SECONDS = 2;

/** What a run gave, and whether the machine kept up. */
export interface KernelRun {
  readonly verdicts: readonly CellVerdict[];
  /** How many seconds more went by on the kernel than on the engine, at most. */
  readonly lostSeconds: number;
  /** It disagrees, but on a machine too busy to be a witness: to be run again, alone. */
  readonly again: boolean;
}

/** Runs a notebook on the kernel, and on the engine to know how much more time went by there. */
export async function runOnKernel(notebook: Notebook): Promise<KernelRun> {
  const engine = await executeNotebook(notebook, {
    environment: { NETFILTER_LAB_BACKEND: "engine" },
    cellTimeoutSeconds: CELL_TIMEOUT_SECONDS,
    stopOnError: false,
  });
  const linux = await executeNotebook(notebook, {
    environment: { NETFILTER_LAB_BACKEND: "linux" },
    cellTimeoutSeconds: CELL_TIMEOUT_SECONDS,
    stopOnError: false,
  });
  const verdicts = judgeCells(notebook, linux.cells, engine.cells);
  const lostSeconds = Math.max(0, ...linux.cells.map((cell, at) => driftOf(cell, engine.cells[at])));
  const disagrees = verdicts.some(({ verdict }) => verdict === "disagrees");
  return { verdicts, lostSeconds, again: disagrees && lostSeconds > TOO_BUSY_SECONDS };
}

/** What the rules know of a notebook. */
export function surroundingsOf(notebook: Notebook): Surroundings {
  const sources = notebook.cells.map((cell: Cell) => cell.source);
  const ranges = sources.flatMap((source) =>
    [...source.matchAll(/(?<=[:\s])(\d{4,5})-(\d{4,5})\b/g)].map(
      ([, low, high]) => [Number(low), Number(high)] as const,
    ),
  );
  return { named: new Set(sources.flatMap((source) => source.match(/\d+/g) ?? [])), ranges };
}

/** How many seconds went by on one of the two and not on the other, from the making of a lab to the end of a cell. */
export function driftOf(linux: CellResult, engine: CellResult | undefined): number {
  const drifts = linux.labSeconds.map((seconds, lab) => {
    const other = engine?.labSeconds[lab];
    return seconds === null || other === null || other === undefined ? 0 : Math.abs(seconds - other);
  });
  return Math.max(0, ...drifts);
}

/** A second for rounding, and the drift. */
export function slackOf(linux: CellResult, engine: CellResult | undefined): number {
  return Math.min(MOST_SLACK_SECONDS, 1 + Math.ceil(driftOf(linux, engine)));
}

/** Compares each cell that ran with what is saved; `engine` has the same cells' results on the engine. */
export function judgeCells(
  saved: Notebook,
  results: readonly CellResult[],
  engine: readonly CellResult[],
): CellVerdict[] {
  const surroundings = surroundingsOf(saved);
  return results.map((result, at): CellVerdict => {
    const { index, outputs, engineOnly, failure } = result;
    const cell = saved.cells[index]!;
    const before = cell.type === "code" ? writtenOut(cell.outputs).join("\n") : "";
    const slackSeconds = slackOf(result, engine[at]);
    const [old, now] = underRules(before, writtenOut(outputs).join("\n"), surroundings, slackSeconds);
    if (old === now) {
      const record =
        outputs.length === 0 ? {} : { record: recordCell(saved, index, outputs, surroundings, slackSeconds) };
      return { index, verdict: "agrees", slackSeconds, ...record };
    }
    if (engineOnly.length > 0) return { index, verdict: "engine only", names: engineOnly };
    const why = failure === undefined || outputs.some(({ type }) => type === "error") ? [] : [`this cell ${failure}`];
    return { index, verdict: "disagrees", diff: [...why, ...readableDiff(old.split("\n"), now.split("\n"))] };
  });
}

/** How each tool is asked for its version: Debian's own number where the tool has no such option. */
const TOOL_VERSIONS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["iptables", ["iptables", "--version"]],
  ["nft", ["nft", "--version"]],
  ["conntrack", ["conntrack", "--version"]],
  ["ip", ["ip", "-Version"]],
  ["tcpdump", ["tcpdump", "--version"]],
  ["ping", ["ping", "-V"]],
  ["nc", ["dpkg-query", "-W", "-f", "netcat-openbsd ${Version}", "netcat-openbsd"]],
];

/** The first line of what a tool says of itself; "unknown" where it cannot be asked. */
function versionOf([tool, ...args]: readonly string[]): string {
  try {
    const said = execFileSync(tool!, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return said.trim().split("\n")[0]!;
  } catch {
    return "unknown";
  }
}

/** The record of a lesson that ran on this machine. */
export function recordOf(verdicts: readonly CellVerdict[]): KernelRecord {
  return {
    version: 1,
    kernel: release(),
    tools: Object.fromEntries(TOOL_VERSIONS.map(([name, command]) => [name, versionOf(command)])),
    cells: verdicts.flatMap((verdict) => (verdict.verdict === "agrees" && verdict.record ? [verdict.record] : [])),
  };
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
