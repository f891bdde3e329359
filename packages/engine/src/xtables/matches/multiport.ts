/** `-m multiport`: up to fifteen ports and ranges. Models multiport_mt(), net/netfilter/xt_multiport.c. */
import { get16 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, RuleHeader, XtActionParam } from "../extension.js";
import type { OptionCall, Range } from "../options.js";
import { parsePort, portText } from "../ports.js";

const PROTOCOLS: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp", 132: "sctp", 33: "dccp", 136: "udplite" };
const MAX_PORTS = 15;

type Side = "sports" | "dports" | "ports";

function protocolOf(proto: number, inverted: boolean): string {
  if (proto === 0 || inverted)
    throw new ParameterProblem("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'");
  const name = PROTOCOLS[proto];
  if (name === undefined) throw new ParameterProblem("multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP");
  return name;
}

function parseList(text: string, call: OptionCall): Range[] {
  const protocol = protocolOf(call.proto, false);
  const ranges: Range[] = [];
  let count = 0;
  for (const item of text.split(",")) {
    const colon = item.indexOf(":");
    count += colon < 0 ? 1 : 2;
    if (count > MAX_PORTS) throw new ParameterProblem("too many ports specified");
    const min = parsePort(colon < 0 ? item : item.slice(0, colon), protocol);
    const max = colon < 0 ? min : parsePort(item.slice(colon + 1), protocol);
    if (colon >= 0 && min >= max) throw new ParameterProblem("invalid portrange specified");
    ranges.push({ min, max });
  }
  return ranges;
}

class MultiportMatch implements Match {
  readonly name: string = "multiport";
  readonly #side: Side;
  readonly #ranges: readonly Range[];
  readonly #inverted: boolean;
  readonly #protocol: string;

  constructor(side: Side, ranges: readonly Range[], inverted: boolean, protocol: string) {
    this.#side = side;
    this.#ranges = ranges;
    this.#inverted = inverted;
    this.#protocol = protocol;
  }

  match(par: XtActionParam): boolean {
    if (par.fragoff !== 0) return false;
    const { data, len } = par.skb;
    if (par.thoff + 4 > len) {
      par.hotdrop = true;
      return false;
    }
    const source = get16(data, par.thoff);
    const destination = get16(data, par.thoff + 2);
    const ranges = this.#ranges;
    for (let i = 0; i < ranges.length; i++) {
      const { min, max } = ranges[i];
      if (this.#side !== "dports" && source >= min && source <= max) return !this.#inverted;
      if (this.#side !== "sports" && destination >= min && destination <= max) return !this.#inverted;
    }
    return this.#inverted;
  }

  #list(numeric: boolean): string {
    return this.#ranges
      .map(({ min, max }) => {
        const first = portText(min, this.#protocol, numeric);
        return min === max ? first : `${first}:${portText(max, this.#protocol, numeric)}`;
      })
      .join(",");
  }

  save(): string {
    return `${this.#inverted ? " !" : ""} --${this.#side} ${this.#list(true)}`;
  }

  print(numeric: boolean): string {
    return ` multiport ${this.#side} ${this.#inverted ? " !" : ""}${this.#list(numeric)}`;
  }
}

const SIDES: readonly Side[] = ["sports", "dports", "ports"];

export const multiportMatch: MatchExtension = {
  kind: "match",
  name: "multiport",
  protocols: [6, 17, 132, 33, 136],
  help: `
multiport match options:
[!] --source-ports port[,port:port,port...]
 --sports ...
				match source port(s)
[!] --destination-ports port[,port:port,port...]
 --dports ...
				match destination port(s)
[!] --ports port[,port:port,port]
				match both source and destination port(s)
`,
  options: [
    { name: "source-ports", id: "sports", excludes: ["dports", "ports"], parse: parseList, invert: true },
    { name: "sports", id: "sports", parse: parseList, invert: true },
    { name: "destination-ports", id: "dports", excludes: ["sports", "ports"], parse: parseList, invert: true },
    { name: "dports", id: "dports", parse: parseList, invert: true },
    { name: "ports", excludes: ["sports", "dports"], parse: parseList, invert: true },
  ],
  finalCheck(values) {
    if (!SIDES.some((each) => values.has(each))) throw new ParameterProblem("multiport expection an option");
  },
  build(values, header: RuleHeader) {
    const side = SIDES.find((each) => values.has(each)) ?? "ports";
    const protocol = protocolOf(header.proto, header.invertProto);
    return new MultiportMatch(side, values.get<Range[]>(side) ?? [], values.inverted(side), protocol);
  },
};
