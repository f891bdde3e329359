/** `-m icmp6`: type and code of ICMPv6. Models icmp6_match(), net/ipv6/netfilter/ip6_tables.c. */
import { IPPROTO_ICMPV6 } from "../../wire/ipv4.js";
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { uintPrefix } from "../options.js";

/** A type with a range of codes. */
interface Icmp6Kind {
  readonly type: number;
  readonly minCode: number;
  readonly maxCode: number;
}

/** Names with type and code; `null` stands for all codes. An alias follows what it stands for. */
const NAMES: readonly (readonly [string, number, number | null])[] = [
  ["destination-unreachable", 1, null],
  ["no-route", 1, 0],
  ["communication-prohibited", 1, 1],
  ["beyond-scope", 1, 2],
  ["address-unreachable", 1, 3],
  ["port-unreachable", 1, 4],
  ["failed-policy", 1, 5],
  ["reject-route", 1, 6],
  ["packet-too-big", 2, null],
  ["time-exceeded", 3, null],
  ["ttl-exceeded", 3, null],
  ["ttl-zero-during-transit", 3, 0],
  ["ttl-zero-during-reassembly", 3, 1],
  ["parameter-problem", 4, null],
  ["bad-header", 4, 0],
  ["unknown-header-type", 4, 1],
  ["unknown-option", 4, 2],
  ["echo-request", 128, null],
  ["ping", 128, null],
  ["echo-reply", 129, null],
  ["pong", 129, null],
  ["router-solicitation", 133, null],
  ["router-advertisement", 134, null],
  ["neighbour-solicitation", 135, null],
  ["neighbor-solicitation", 135, null],
  ["neighbour-advertisement", 136, null],
  ["neighbor-advertisement", 136, null],
  ["redirect", 137, null],
];

function kindOf([, type, code]: readonly [string, number, number | null]): Icmp6Kind {
  return { type, minCode: code ?? 0, maxCode: code ?? 255 };
}

/** A name's beginning will do where only one name begins so. */
function parseKind(text: string): Icmp6Kind {
  const wanted = text.toLowerCase();
  const found = NAMES.filter(([name]) => name.startsWith(wanted));
  if (found.length > 1)
    throw new ParameterProblem(`Ambiguous ICMPv6 type \`${text}': \`${found[0][0]}' or \`${found[1][0]}'?`);
  if (found.length === 1) return kindOf(found[0]);
  const type = uintPrefix(text);
  if (type === undefined || type.value > 255 || (type.rest !== "" && type.rest[0] !== "/"))
    throw new ParameterProblem(`Unknown ICMPv6 type \`${text}'`);
  if (type.rest === "") return { type: type.value, minCode: 0, maxCode: 255 };
  const code = uintPrefix(type.rest.slice(1));
  if (code === undefined || code.rest !== "" || code.value > 255)
    throw new ParameterProblem(`Unknown ICMPv6 code \`${text}'`);
  return { type: type.value, minCode: code.value, maxCode: code.value };
}

class Icmp6Match implements Match {
  readonly name: string = "icmp6";
  readonly #kind: Icmp6Kind;
  readonly #inverted: boolean;

  constructor(kind: Icmp6Kind, inverted: boolean) {
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
    return (data[par.thoff] === type && code >= minCode && code <= maxCode) !== this.#inverted;
  }

  save(): string {
    const { type, minCode, maxCode } = this.#kind;
    const code = minCode === 0 && maxCode === 255 ? "" : `/${minCode}`;
    return `${this.#inverted ? " !" : ""} --icmpv6-type ${type}${code}`;
  }

  print(numeric: boolean): string {
    const { type, minCode, maxCode } = this.#kind;
    const not = this.#inverted ? "!" : "";
    const named = NAMES.find((entry) => {
      const kind = kindOf(entry);
      return kind.type === type && kind.minCode === minCode && kind.maxCode === maxCode;
    });
    if (!numeric && named !== undefined) return ` ipv6-icmp ${not}${named[0]}`;
    let text = ` ipv6-icmp${this.#inverted ? " !" : ""}type ${type}`;
    if (minCode === maxCode) text += ` code ${minCode}`;
    return text;
  }
}

/** The names as the help lists them: codes below their types, aliases in brackets. */
function typeList(): string {
  let text = "";
  let previous: readonly [string, number, number | null] | null = null;
  for (const entry of NAMES) {
    const [name, type, code] = entry;
    if (previous !== null && previous[1] === type && previous[2] === code) text += ` (${name})`;
    else text += `${previous === null ? "" : "\n"}${code === null ? "" : "   "}${name}`;
    previous = entry;
  }
  return text;
}

export const icmp6Match: MatchExtension = {
  kind: "match",
  name: "icmp6",
  families: ["ipv6"],
  protocols: [IPPROTO_ICMPV6],
  help: `
icmpv6 match options:
[!] --icmpv6-type typename	match icmpv6 type
				(or numeric type or type/code)
Valid ICMPv6 Types:
${typeList()}
`,
  options: [{ name: "icmpv6-type", mandatory: true, invert: true, parse: parseKind }],
  build: (values) => new Icmp6Match(values.get<Icmp6Kind>("icmpv6-type") as Icmp6Kind, values.inverted("icmpv6-type")),
};
