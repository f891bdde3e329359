/** The names of connection labels: a host's /etc/xtables/connlabel.conf, as libnetfilter_conntrack reads it. */
import { ENOENT, strerror } from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { FileError } from "../../files.js";

const LABELS_FILE = "/etc/xtables/connlabel.conf";
const LABELS = 128;

/** Names by number, and numbers by name. */
export class LabelMap {
  readonly #names: Map<number, string> = new Map();

  constructor(text: string) {
    for (const line of text.split("\n")) {
      const [, number, name] = /^\s*(\d+)\s+(\S+)/.exec(line) ?? [];
      if (name !== undefined && Number(number) < LABELS) this.#names.set(Number(number), name);
    }
  }

  /** The number of a name; undefined: none has it. */
  numberOf(name: string): number | undefined {
    for (const [number, each] of this.#names) if (each === name) return number;
    return undefined;
  }

  /** The names of the labels that have one, by number. */
  namesOf(numbers: readonly number[]): string[] {
    return numbers.flatMap((number) => this.#names.get(number) ?? []);
  }
}

/** The host's names; null, and a complaint, without the file. Models `nfct_labelmap_new()`. */
export function readLabelMap({ host, stderr }: LabContext): LabelMap | null {
  try {
    return new LabelMap(host.files.read(LABELS_FILE));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    stderr.write(`nfct_labelmap_new: ${strerror(ENOENT)}\n`);
    return null;
  }
}
