/** `-m icmp`: type and code. Models icmp_match(), net/ipv4/netfilter/ip_tables.c. */
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { uintPrefix } from "../options.js";

/** A type with a range of codes; type 255 is any. */
interface IcmpKind {
  readonly type: number;
  readonly minCode: number;
  readonly maxCode: number;
}

const ANY_TYPE = 255;

/** Names, each with the code of a kind of its own; `null` stands for all codes. An alias follows what it stands for. */
const NAMES: readonly (readonly [string, number, number | null])[] = [
  ["any", 255, null],
  ["echo-reply", 0, null],
  ["pong", 0, null],
  ["destination-unreachable", 3, null],
  ["network-unreachable", 3, 0],
  ["host-unreachable", 3, 1],
  ["protocol-unreachable", 3, 2],
  ["port-unreachable", 3, 3],
  ["fragmentation-needed", 3, 4],
  ["source-route-failed", 3, 5],
  ["network-unknown", 3, 6],
  ["host-unknown", 3, 7],
  ["network-prohibited", 3, 9],
  ["host-prohibited", 3, 10],
  ["TOS-network-unreachable", 3, 11],
  ["TOS-host-unreachable", 3, 12],
  ["communication-prohibited", 3, 13],
  ["host-precedence-violation", 3, 14],
  ["precedence-cutoff", 3, 15],
  ["source-quench", 4, null],
  ["redirect", 5, null],
  ["network-redirect", 5, 0],
  ["host-redirect", 5, 1],
  ["TOS-network-redirect", 5, 2],
  ["TOS-host-redirect", 5, 3],
  ["echo-request", 8, null],
  ["ping", 8, null],
  ["router-advertisement", 9, null],
  ["router-solicitation", 10, null],
  ["time-exceeded", 11, null],
  ["ttl-exceeded", 11, null],
  ["ttl-zero-during-transit", 11, 0],
  ["ttl-zero-during-reassembly", 11, 1],
  ["parameter-problem", 12, null],
  ["ip-header-bad", 12, 0],
  ["required-option-missing", 12, 1],
  ["timestamp-request", 13, null],
  ["timestamp-reply", 14, null],
  ["address-mask-request", 17, null],
  ["address-mask-reply", 18, null],
];

function kindOf([, type, code]: readonly [string, number, number | null]): IcmpKind {
  return { type, minCode: code ?? 0, maxCode: code ?? 255 };
}

/** Models ipt_parse_icmp(): a name's beginning will do where only one name begins so. */
function parseKind(text: string): IcmpKind {
  const wanted = text.toLowerCase();
  const found = NAMES.filter(([name]) => name.toLowerCase().startsWith(wanted));
  if (found.length > 1)
    throw new ParameterProblem(`Ambiguous ICMP type \`${text}': \`${found[0][0]}' or \`${found[1][0]}'?`);
  if (found.length === 1) return kindOf(found[0]);
  const type = uintPrefix(text);
  if (type === undefined || type.value > 255 || (type.rest !== "" && type.rest[0] !== "/"))
    throw new ParameterProblem(`Unknown ICMP type \`${text}'`);
  if (type.rest === "") return { type: type.value, minCode: 0, maxCode: 255 };
  const code = uintPrefix(type.rest.slice(1));
  if (code === undefined || code.rest !== "" || code.value > 255)
    throw new ParameterProblem(`Unknown ICMP code \`${text}'`);
  return { type: type.value, minCode: code.value, maxCode: code.value };
}

class IcmpMatch implements Match {
  readonly name: string = "icmp";
  readonly #kind: IcmpKind;
  readonly #inverted: boolean;

  constructor(kind: IcmpKind, inverted: boolean) {
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
    const matched = type === ANY_TYPE || (data[par.thoff] === type && code >= minCode && code <= maxCode);
    return matched !== this.#inverted;
  }

  save(): string {
    const { type, minCode, maxCode } = this.#kind;
    const what = type === ANY_TYPE ? "any" : minCode === 0 && maxCode === 255 ? String(type) : `${type}/${minCode}`;
    return `${this.#inverted ? " !" : ""} --icmp-type ${what}`;
  }

  print(numeric: boolean): string {
    const { type, minCode, maxCode } = this.#kind;
    const not = this.#inverted ? " !" : "";
    const named = NAMES.find((entry) => {
      const kind = kindOf(entry);
      return kind.type === type && kind.minCode === minCode && kind.maxCode === maxCode;
    });
    if (!numeric && named !== undefined) return ` icmp ${this.#inverted ? "!" : ""}${named[0]}`;
    return ` icmp${not}type ${type}${minCode === maxCode ? ` code ${minCode}` : ""}`;
  }
}

function typeList(): string {
  const lines: string[] = [];
  NAMES.forEach((entry, index) => {
    const [name] = entry;
    const before = NAMES[index - 1];
    if (before !== undefined && before[1] === entry[1] && before[2] === entry[2])
      lines[lines.length - 1] += ` (${name})`;
    else lines.push(entry[2] === null ? name : `   ${name}`);
  });
  return lines.join("\n");
}

export const icmpMatch: MatchExtension = {
  kind: "match",
  name: "icmp",
  families: ["ipv4"],
  protocols: [1],
  help: `
icmp match options:
[!] --icmp-type typename	match icmp type
[!] --icmp-type type[/code]	(or numeric type or type/code)
Valid ICMP Types:
${typeList()}
`,
  options: [{ name: "icmp-type", mandatory: true, invert: true, parse: parseKind }],
  build: (values) => new IcmpMatch(values.get<IcmpKind>("icmp-type") as IcmpKind, values.inverted("icmp-type")),
};
