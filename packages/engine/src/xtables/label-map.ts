/**
 * The names of connection labels: a host's /etc/xtables/connlabel.conf, as libnetfilter_conntrack reads it for iptables
 * and conntrack. Models nfct_labelmap_new() and its functions to look names and bits up.
 */
import type { NetNamespace } from "../netns.js";

export const LABELS_FILE = "/etc/xtables/connlabel.conf";
/** Bits that a file may name; an entry has room for fewer. */
const MAX_BITS = 1024;

/** What strtoul() reads with base 0; undefined where no number begins. */
function leadingNumber(text: string): readonly [value: number, rest: string] | undefined {
  const [all, sign, digits] = /^\s*([+-]?)(0x[\da-f]+|\d+)/i.exec(text) ?? [];
  if (all === undefined || digits === undefined || sign === "-") return undefined;
  const octal = /^0[0-7]+$/.test(digits);
  return [octal ? Number.parseInt(digits, 8) : Number(digits), text.slice(all.length)];
}

/** Names by number, and numbers by name. */
export class LabelMap {
  readonly #names: Map<number, string> = new Map();
  readonly #numbers: Map<string, number> = new Map();

  /** A line has a number and a name, of letters, digits, blanks and `-`; the first word on either counts. */
  constructor(text: string) {
    for (const line of text.split("\n")) {
      const [number, rest = ""] = leadingNumber(line) ?? [MAX_BITS];
      const name = rest.trim();
      if (number >= MAX_BITS || !/^[A-Za-z0-9 -]+$/.test(name)) continue;
      if (this.#names.has(number) || this.#numbers.has(name)) continue;
      this.#names.set(number, name);
      this.#numbers.set(name, number);
    }
  }

  /** The number of a name; undefined: none has it. */
  numberOf(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** The name of a number; undefined: it has none. */
  nameOf(number: number): string | undefined {
    return this.#names.get(number);
  }
}

/** A host's names as its file has them now; null without the file. */
export function labelMapOf(net: NetNamespace): LabelMap | null {
  const text = net.readFile(LABELS_FILE);
  return text === null ? null : new LabelMap(text);
}
