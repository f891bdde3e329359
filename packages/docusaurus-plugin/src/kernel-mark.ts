/**
 * What a page says of an output that a running kernel gave, too: by which kernel, what it printed, and by which rules
 * the two were compared. A cell whose code or outputs have changed since has no mark: {@link kernelMark} looks.
 */
import type { Notebook } from "@netfilter-lab/notebook";
import { type KernelRecord, recordOfCell, wordsOfRule } from "@netfilter-lab/notebook/kernel-record";

/** The mark of one cell; plain JSON values. */
export interface KernelMark {
  /** The kernel's version as people say it: `6.18`. */
  readonly version: string;
  /** The kernel's release and the tools' versions, a line each. */
  readonly versions: readonly string[];
  /** What each rule did that the comparison needed; none: the very same text. */
  readonly rules: readonly string[];
  /** What the kernel and its tools gave. */
  readonly outputs: readonly { readonly kind: string; readonly text: string }[];
}

/** The mark of a notebook's cell; undefined where no record holds for it. */
export function kernelMark(record: KernelRecord | null, notebook: Notebook, index: number): KernelMark | undefined {
  const cell = record === null ? undefined : recordOfCell(record, notebook, index);
  if (record === null || cell === undefined) return undefined;
  return {
    version: /^\d+\.\d+/.exec(record.kernel)?.[0] ?? record.kernel,
    versions: [`Linux ${record.kernel}`, ...Object.values(record.tools)],
    rules: cell.rules.map((name) => {
      const words = wordsOfRule(name);
      if (words === undefined) throw new Error(`${notebook.path}: its record names a rule that is none: ${name}`);
      return words;
    }),
    outputs: cell.outputs,
  };
}
