/** `-m addrtype`: what routing says an address is. Models net/netfilter/xt_addrtype.c. */
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { type AddressTypeTest, addressTypeTest } from "../address-type.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { Match, MatchExtension, XtActionParam, XtFamily } from "../extension.js";

/**
 * Types that IPv6 has no such routes of: broadcast, blackhole, prohibit and what follows. Models
 * addrtype_mt_checkentry_v1().
 */
const NOT_IN_IPV6 = (1 << 3) | (1 << 6) | 0xf00;

/** By the number of the routing type (`RTN_*`). */
const TYPES: readonly string[] = [
  "UNSPEC",
  "UNICAST",
  "LOCAL",
  "BROADCAST",
  "ANYCAST",
  "MULTICAST",
  "BLACKHOLE",
  "UNREACHABLE",
  "PROHIBIT",
  "THROW",
  "NAT",
  "XRESOLVE",
];

/** Names, or beginnings of them, the first of which counts. */
function parseTypes(text: string): number {
  let bits = 0;
  const words = text.split(",");
  words.forEach((word, index) => {
    const type = word === "" ? -1 : TYPES.findIndex((name) => name.startsWith(word.toUpperCase()));
    if (type < 0) {
      const rest = words.slice(index).join(",");
      throw new ParameterProblem(`addrtype: bad type ${rest === word ? `"${rest}"` : `\`${rest}'`}`);
    }
    bits |= 1 << type;
  });
  return bits;
}

function typesText(bits: number): string {
  return TYPES.filter((_name, type) => bits & (1 << type)).join(",");
}

type Limit = "in" | "out" | null;

class AddrtypeMatch implements Match {
  readonly name: string = "addrtype";
  readonly #source: number;
  readonly #sourceInverted: boolean;
  readonly #destination: number;
  readonly #destinationInverted: boolean;
  readonly #limit: Limit;
  readonly #family: XtFamily;
  readonly #is: AddressTypeTest;

  constructor(
    family: XtFamily,
    source: number,
    sourceInverted: boolean,
    dest: number,
    destInverted: boolean,
    limit: Limit,
  ) {
    this.#family = family;
    this.#is = addressTypeTest(family);
    this.#source = source;
    this.#sourceInverted = sourceInverted;
    this.#destination = dest;
    this.#destinationInverted = destInverted;
    this.#limit = limit;
  }

  get forbiddenHooks(): number {
    if (this.#limit === "out") return (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_IN);
    return this.#limit === "in" ? (1 << NF_INET_POST_ROUTING) | (1 << NF_INET_LOCAL_OUT) : 0;
  }

  check(): void {
    if (this.#family === "ipv6" && (this.#source | this.#destination) & NOT_IN_IPV6)
      throw new RulesetError("EINVAL", "", "IPv6 has no such routes");
  }

  match({ net, skb, state: { indev, outdev } }: XtActionParam): boolean {
    const device = this.#limit === "in" ? indev : this.#limit === "out" ? outdev : null;
    if (this.#source !== 0 && this.#is(net, skb.data, true, device, this.#source) === this.#sourceInverted)
      return false;
    return (
      this.#destination === 0 || this.#is(net, skb.data, false, device, this.#destination) !== this.#destinationInverted
    );
  }

  save(): string {
    let text = "";
    if (this.#source !== 0) text += `${this.#sourceInverted ? " !" : ""} --src-type ${typesText(this.#source)}`;
    if (this.#destination !== 0)
      text += `${this.#destinationInverted ? " !" : ""} --dst-type ${typesText(this.#destination)}`;
    return this.#limit === null ? text : `${text} --limit-iface-${this.#limit}`;
  }

  print(): string {
    let text = " ADDRTYPE match";
    if (this.#source !== 0) text += ` src-type ${this.#sourceInverted ? "!" : ""}${typesText(this.#source)}`;
    if (this.#destination !== 0)
      text += ` dst-type ${this.#destinationInverted ? "!" : ""}${typesText(this.#destination)}`;
    return this.#limit === null ? text : `${text} limit-${this.#limit}`;
  }
}

export const addrtypeMatch: MatchExtension = {
  kind: "match",
  name: "addrtype",
  help: `
Address type match options:
 [!] --src-type type[,...]      Match source address type
 [!] --dst-type type[,...]      Match destination address type
     --limit-iface-in           Match only on the packet's incoming device
     --limit-iface-out          Match only on the packet's outgoing device

Valid types:           
${TYPES.map((name) => `                                ${name}\n`).join("")}`,
  options: [
    { name: "src-type", invert: true, parse: parseTypes },
    { name: "dst-type", invert: true, parse: parseTypes },
    { name: "limit-iface-in", excludes: ["limit-iface-out"] },
    { name: "limit-iface-out", excludes: ["limit-iface-in"] },
  ],
  build(values, { family }) {
    const source = values.get<number>("src-type") ?? 0;
    const destination = values.get<number>("dst-type") ?? 0;
    if (!values.has("src-type") && !values.has("dst-type"))
      throw new ParameterProblem("addrtype: you must specify --src-type or --dst-type");
    const limit = values.has("limit-iface-in") ? "in" : values.has("limit-iface-out") ? "out" : null;
    return new AddrtypeMatch(
      family,
      source,
      values.inverted("src-type"),
      destination,
      values.inverted("dst-type"),
      limit,
    );
  },
};
