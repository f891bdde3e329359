/** What `-m icmp` and `-m icmp6` have in common: a type with a range of codes, by number or by name. */
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { uintPrefix } from "../options.js";

/** A name with its type and code; `null` stands for all codes. */
export type IcmpName = readonly [name: string, type: number, code: number | null];

/** What is one family's own. */
export interface IcmpWords {
  /** The extension's name. */
  readonly name: string;
  readonly family: "ipv4" | "ipv6";
  readonly protocol: number;
  /** The option, without its dashes. */
  readonly option: string;
  /** The protocol in messages, and in listings. */
  readonly title: string;
  readonly listed: string;
  /** The type that stands for all. */
  readonly anyType: number | null;
  /** An alias follows what it stands for. */
  readonly names: readonly IcmpName[];
  /** The help, without the names. */
  readonly help: string;
}

interface IcmpKind {
  readonly type: number;
  readonly minCode: number;
  readonly maxCode: number;
}

function kindOf([, type, code]: IcmpName): IcmpKind {
  return { type, minCode: code ?? 0, maxCode: code ?? 255 };
}

/** A name's beginning will do where only one name begins so. Models ipt_parse_icmp(). */
function parseKind(text: string, { title, names }: IcmpWords): IcmpKind {
  const wanted = text.toLowerCase();
  const found = names.filter(([name]) => name.toLowerCase().startsWith(wanted));
  if (found.length > 1)
    throw new ParameterProblem(`Ambiguous ${title} type \`${text}': \`${found[0][0]}' or \`${found[1][0]}'?`);
  if (found.length === 1) return kindOf(found[0]);
  const range = (part: string, what: string): { readonly first: number; readonly last: number; rest: string } => {
    const first = uintPrefix(part);
    const second = first?.rest[0] === ":" ? uintPrefix(first.rest.slice(1)) : first;
    if (first === undefined || second === undefined || first.value > 255 || second.value > 255)
      throw new ParameterProblem(`Unknown ${title} ${what} \`${text}'`);
    return { first: first.value, last: second.value, rest: second.rest };
  };
  const type = range(text, "type");
  const separator = type.rest[0];
  if (separator !== undefined && separator !== "/") throw new ParameterProblem(`unknown character ${separator}`);
  const code = separator === undefined ? { first: 0, last: 255, rest: "" } : range(type.rest.slice(1), "code");
  if (code.rest !== "") throw new ParameterProblem(`unknown character ${code.rest[0]}`);
  // The kernel keeps one type, whatever is said.
  if (type.first !== type.last) throw new ParameterProblem(`${title} type range not supported`);
  return { type: type.first, minCode: code.first, maxCode: code.last };
}

function codesText({ minCode, maxCode }: IcmpKind): string {
  if (minCode === maxCode) return ` code ${minCode}`;
  return minCode === 0 && maxCode === 255 ? "" : ` codes ${minCode}-${maxCode}`;
}

class IcmpTypeMatch implements Match {
  readonly name: string;
  readonly #words: IcmpWords;
  readonly #kind: IcmpKind;
  readonly #inverted: boolean;

  constructor(words: IcmpWords, kind: IcmpKind, inverted: boolean) {
    this.name = words.name;
    this.#words = words;
    this.#kind = kind;
    this.#inverted = inverted;
  }

  match(par: XtActionParam): boolean {
    if (par.fragoff !== 0) return false;
    const { data, len } = par.skb;
    // The header is 8 bytes; the kernel asks for 4 of them.
    if (par.thoff + 4 > len) {
      par.hotdrop = true;
      return false;
    }
    const { type, minCode, maxCode } = this.#kind;
    const code = data[par.thoff + 1];
    const any = type === this.#words.anyType;
    return (any || (data[par.thoff] === type && code >= minCode && code <= maxCode)) !== this.#inverted;
  }

  save(): string {
    const { option, anyType } = this.#words;
    const { type, minCode, maxCode } = this.#kind;
    const what = type === anyType ? "any" : minCode === 0 && maxCode === 255 ? String(type) : `${type}/${minCode}`;
    return `${this.#inverted ? " !" : ""} --${option} ${what}`;
  }

  /** Of several codes the tool prints the first. */
  compared(): string {
    const { minCode, maxCode } = this.#kind;
    return `${minCode}-${maxCode}`;
  }

  print(numeric: boolean): string {
    const { listed, names } = this.#words;
    const { type, minCode, maxCode } = this.#kind;
    const named = names.find((entry) => {
      const kind = kindOf(entry);
      return kind.type === type && kind.minCode === minCode && kind.maxCode === maxCode;
    });
    if (!numeric && named !== undefined) return ` ${listed} ${this.#inverted ? "!" : ""}${named[0]}`;
    return ` ${listed}${this.#inverted ? " !" : ""}type ${type}${codesText(this.#kind)}`;
  }
}

/** The names as the help lists them: codes below their types, aliases in brackets. */
function typeList(names: readonly IcmpName[]): string {
  const lines: string[] = [];
  names.forEach(([name, type, code], index) => {
    const before = names[index - 1];
    if (before !== undefined && before[1] === type && before[2] === code) lines[lines.length - 1] += ` (${name})`;
    else lines.push(code === null ? name : `   ${name}`);
  });
  return lines.join("\n");
}

/** The extension of one family. */
export function icmpTypeMatch(words: IcmpWords): MatchExtension {
  const { name, family, protocol, option, names, help } = words;
  return {
    kind: "match",
    name,
    families: [family],
    protocols: [protocol],
    help: `${help}${typeList(names)}\n`,
    options: [{ name: option, mandatory: true, invert: true, parse: (text: string) => parseKind(text, words) }],
    build: (values) => new IcmpTypeMatch(words, values.get<IcmpKind>(option) as IcmpKind, values.inverted(option)),
  };
}
