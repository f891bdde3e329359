/**
 * What running a lesson on Linux gave, kept in the repository so that a page can show it: one JSON file a lesson, with
 * the kernel's and the tools' versions and, for each cell whose outputs agreed, what Linux printed and which rules the
 * comparison needed. A record of a cell holds for the cell's saved outputs and for the code that led there, nothing
 * else.
 */
import { createHash } from "node:crypto";
import type { Notebook, Output } from "../notebook/model.js";
import { writtenOut } from "./compare.js";
import { RULES, rulesNeeded, type Surroundings, secondsLeft, underRules } from "./rules.js";

export { wordsOfRule } from "./rules.js";

/** One output as Linux gave it, as text. */
export interface RecordedOutput {
  readonly kind: "stdout" | "stderr" | "result" | "display" | "error";
  readonly text: string;
}

/** One cell whose outputs Linux gave, too. */
export interface RecordedCell {
  /** The cell's id in its notebook. */
  readonly id: string;
  /** {@link digestOfCell} of the cell that was compared. */
  readonly digest: string;
  /** Names of the rules of `rules.ts` without which the outputs would differ; none: the same text. */
  readonly rules: readonly string[];
  /** How many seconds a time that is left might differ, where {@link secondsLeft} is one of the rules. */
  readonly slackSeconds?: number;
  readonly outputs: readonly RecordedOutput[];
}

/** The record of one lesson. */
export interface KernelRecord {
  readonly version: 1;
  /** `uname -r`. */
  readonly kernel: string;
  /** Versions of the tools, by name. */
  readonly tools: Readonly<Record<string, string>>;
  readonly cells: readonly RecordedCell[];
}

/** A file that is no record, with the reason. */
export class KernelRecordError extends Error {
  override readonly name = "KernelRecordError";
}

/** Identifies a cell's saved outputs and the code up to it: what changes in either makes a record stale. */
export function digestOfCell(notebook: Notebook, index: number): string {
  const cells = notebook.cells.slice(0, index + 1).filter((cell) => cell.type === "code");
  const outputs = cells.at(-1)?.outputs ?? [];
  const content = [cells.map(({ source }) => source), writtenOut(outputs)];
  return createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16);
}

/** The record that holds for a cell; undefined where there is none or it is stale. */
export function recordOfCell(record: KernelRecord, notebook: Notebook, index: number): RecordedCell | undefined {
  const cell = record.cells.find(({ id }) => id === notebook.cells[index]?.id);
  return cell?.digest === digestOfCell(notebook, index) ? cell : undefined;
}

/** Outputs as text: of a picture, its plain text. */
export function recordedOutputs(outputs: readonly Output[]): RecordedOutput[] {
  return outputs.map((output): RecordedOutput => {
    switch (output.type) {
      case "stream":
        return { kind: output.name, text: output.text };
      case "error":
        return { kind: "error", text: output.traceback.join("\n") || `${output.name}: ${output.message}` };
      case "display_data":
      case "execute_result": {
        const text = output.data["text/plain"];
        const kind = output.type === "execute_result" ? "result" : "display";
        return { kind, text: typeof text === "string" ? text : JSON.stringify(output.data) };
      }
    }
  });
}

/** The record of one cell that agreed. */
export function recordCell(
  notebook: Notebook,
  index: number,
  now: readonly Output[],
  surroundings: Surroundings,
  slackSeconds: number,
): RecordedCell {
  const cell = notebook.cells[index]!;
  const saved = cell.type === "code" ? writtenOut(cell.outputs).join("\n") : "";
  const rules = rulesNeeded(saved, writtenOut(now).join("\n"), surroundings, slackSeconds);
  return {
    id: cell.id,
    digest: digestOfCell(notebook, index),
    rules,
    ...(rules.includes(secondsLeft.name) ? { slackSeconds } : {}),
    outputs: recordedOutputs(now),
  };
}

/**
 * The record to be kept: a cell of the old record stays where it says the same under the rules, of the same cell and on
 * the same kernel. So recording again changes a file only where something changed.
 */
export function mergeRecords(old: KernelRecord | null, now: KernelRecord, surroundings: Surroundings): KernelRecord {
  if (old === null || old.kernel !== now.kernel || JSON.stringify(old.tools) !== JSON.stringify(now.tools)) return now;
  const same = (a: RecordedCell, b: RecordedCell): boolean => {
    if (a.digest !== b.digest || a.outputs.length !== b.outputs.length) return false;
    const slack = 1 + Math.max(a.slackSeconds ?? 0, b.slackSeconds ?? 0);
    return a.outputs.every((output, index) => {
      const other = b.outputs[index]!;
      const [left, right] = underRules(output.text, other.text, surroundings, slack, RULES);
      return output.kind === other.kind && left === right;
    });
  };
  const cells = now.cells.map(
    (cell) => old.cells.find((before) => before.id === cell.id && same(before, cell)) ?? cell,
  );
  return { ...now, cells };
}

/** The file's text. */
export function formatRecord(record: KernelRecord): string {
  return `${JSON.stringify(record, null, 1)}\n`;
}

/** Reads a record. Throws a {@link KernelRecordError} that names the file and what is wrong. */
export function parseRecord(text: string, path: string): KernelRecord {
  const fail = (reason: string): never => {
    throw new KernelRecordError(`${path}: ${reason}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail(`not JSON: ${(error as Error).message}`);
  }
  const { version, kernel, tools, cells } = (value ?? {}) as Partial<Record<keyof KernelRecord, unknown>>;
  if (version !== 1) return fail(`version must be 1, not ${JSON.stringify(version)}`);
  if (typeof kernel !== "string" || kernel === "") return fail("`kernel` must be the kernel's release");
  if (typeof tools !== "object" || tools === null) return fail("`tools` must be an object");
  if (!Array.isArray(cells)) return fail("`cells` must be an array");
  for (const [index, cell] of (cells as Partial<RecordedCell>[]).entries()) {
    const right =
      typeof cell?.id === "string" &&
      typeof cell.digest === "string" &&
      Array.isArray(cell.rules) &&
      Array.isArray(cell.outputs) &&
      cell.outputs.every((output: Partial<RecordedOutput>) => typeof output?.text === "string");
    if (!right) return fail(`cells[${index}] needs id, digest, rules and outputs`);
  }
  return value as KernelRecord;
}
