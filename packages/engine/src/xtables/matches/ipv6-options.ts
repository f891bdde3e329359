/**
 * What `-m hbh` and `-m dst` have in common: the options that a header of IPv6 carries, in their order. Models
 * hbh_mt6(), net/ipv6/netfilter/ip6t_hbh.c.
 */
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { optionsLength, wholeHeaderAt } from "../extension-header.js";
import { bang, type OptionCall, type OptionValues, uintOption, uintPrefix } from "../options.js";

const MAX_OPTIONS = 16;

/** An option asked for; -1: of any length. */
interface WantedOption {
  readonly type: number;
  readonly length: number;
}

/** A number of which eight bits count, as the tool reads it: the rest of the word must be nothing. */
function octet(text: string, what: string, { extension }: OptionCall): number {
  const found = uintPrefix(text);
  if (found === undefined) throw new ParameterProblem(`${extension}: no valid digits in ${what} \`${text}'`);
  if (found.value > 0xffffffff) throw new ParameterProblem(`${extension}: ${what} \`${text}' too big: would overflow`);
  if (found.rest !== "") throw new ParameterProblem(`${extension}: error parsing ${what} \`${text}'`);
  return found.value & 0xff;
}

/** Models parse_options() of libip6t_hbh.c. */
function parseOptions(text: string, call: OptionCall): WantedOption[] {
  const words = text.split(",");
  if (words.length > MAX_OPTIONS) throw new ParameterProblem("too many addresses specified");
  return words.map((word) => {
    const [type, length] = word.split(":", 2);
    return {
      length: length === undefined ? -1 : octet(length, "length", call),
      type: octet(type, "opt", call),
    };
  });
}

class OptionsMatch implements Match {
  readonly name: string;
  readonly #header: number;
  readonly #length: number | undefined;
  readonly #notLength: boolean;
  readonly #wanted: readonly WantedOption[];

  constructor(name: string, header: number, values: OptionValues) {
    this.name = name;
    this.#header = header;
    this.#length = values.get<number>(`${name}-len`);
    this.#notLength = values.inverted(`${name}-len`);
    this.#wanted = values.get<WantedOption[]>(`${name}-opts`) ?? [];
  }

  match(par: XtActionParam): boolean {
    const start = wholeHeaderAt(par, this.#header, 2);
    if (start < 0) return false;
    const { data, len } = par.skb;
    const length = optionsLength(data, start);
    const holds = this.#length === undefined || (length === this.#length) !== this.#notLength;
    let at = start + 2;
    let left = length - 2;
    for (let i = 0; i < this.#wanted.length; i++) {
      const wanted = this.#wanted[i];
      if (left < 1 || at >= len || data[at] !== wanted.type) return false;
      let size = 1;
      if (wanted.type !== 0) {
        if (left < 2 || at + 1 >= len) return false;
        if (wanted.length >= 0 && wanted.length !== 0xff && wanted.length !== data[at + 1]) return false;
        size = data[at + 1] + 2;
      }
      if ((at > len - size || left < size) && i < this.#wanted.length - 1) return false;
      at += size;
      left -= size;
    }
    return holds;
  }

  #options(): string {
    return this.#wanted.map(({ type, length }) => (length < 0 || length === 0xff ? type : `${type}:${length}`)).join();
  }

  save(): string {
    let text = this.#length === undefined ? "" : `${bang(this.#notLength)} --${this.name}-len ${this.#length}`;
    if (this.#wanted.length > 0) text += ` --${this.name}-opts ${this.#options()}`;
    return text;
  }

  print(): string {
    let text = ` ${this.name}`;
    if (this.#length !== undefined) text += ` length:${this.#notLength ? "!" : ""}${this.#length}`;
    return this.#wanted.length === 0 ? text : `${text} opts ${this.#options()}`;
  }
}

/** The match of the header of a kind. `opts`: the help's line about them. */
export function ipv6OptionsMatch(name: string, header: number, opts: string): MatchExtension {
  return {
    kind: "match",
    name,
    families: ["ipv6"],
    help: `
${name} match options:
[!] --${name}-len length            total length of this header
${opts}
                                Options and its length (list, max: 16)
`,
    options: [
      { name: `${name}-len`, invert: true, parse: uintOption(0, 0xffffffff) },
      { name: `${name}-opts`, parse: parseOptions },
    ],
    build: (values) => new OptionsMatch(name, header, values),
  };
}
