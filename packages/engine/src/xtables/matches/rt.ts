/** `-m rt`: the routing header of IPv6. Models rt_mt6(), net/ipv6/netfilter/ip6t_rt.c. */
import { AddressError, formatIPv6, parseIPv6 } from "../../wire/address.js";
import { get32, getInt32 } from "../../wire/bytes.js";
import { NEXTHDR_ROUTING } from "../../wire/ipv6.js";
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { optionsLength, wholeHeaderAt } from "../extension-header.js";
import { bang, type OptionValues, type Range, rangeText, uintOption, uintRangeOption } from "../options.js";

const U32_MAX = 0xffffffff;
const MAX_ADDRESSES = 16;
/** Offset of the reserved word, and of the addresses behind it. */
const RESERVED = 4;
const ADDRESSES = 8;

function parseAddresses(text: string): Int32Array[] {
  const words = text.split(",");
  if (words.length > MAX_ADDRESSES) throw new ParameterProblem("too many addresses specified");
  return words.map((word) => {
    try {
      return parseIPv6(word);
    } catch (error) {
      if (error instanceof AddressError) throw new ParameterProblem(`bad address: ${word}`);
      throw error;
    }
  });
}

class RtMatch implements Match {
  readonly name: string = "rt";
  readonly #type: number | undefined;
  readonly #notType: boolean;
  readonly #left: Range;
  readonly #notLeft: boolean;
  readonly #length: number | undefined;
  readonly #notLength: boolean;
  readonly #reserved: boolean;
  readonly #addresses: readonly Int32Array[] | undefined;
  readonly #strict: boolean;

  constructor(values: OptionValues) {
    this.#type = values.get<number>("rt-type");
    this.#notType = values.inverted("rt-type");
    this.#left = values.get<Range>("rt-segsleft") ?? { min: 0, max: U32_MAX };
    this.#notLeft = values.inverted("rt-segsleft");
    this.#length = values.get<number>("rt-len");
    this.#notLength = values.inverted("rt-len");
    this.#reserved = values.has("rt-0-res");
    this.#addresses = values.get<Int32Array[]>("rt-0-addrs");
    this.#strict = !values.has("rt-0-not-strict");
  }

  match(par: XtActionParam): boolean {
    const at = wholeHeaderAt(par, NEXTHDR_ROUTING, 4);
    if (at < 0) return false;
    const { data } = par.skb;
    const length = optionsLength(data, at);
    const left = data[at + 3];
    if ((left >= this.#left.min && left <= this.#left.max) === this.#notLeft) return false;
    if (this.#length !== undefined && (length === this.#length) === this.#notLength) return false;
    if (this.#type !== undefined && (data[at + 2] === this.#type) === this.#notType) return false;
    if (this.#reserved && get32(data, at + RESERVED) !== 0) return false;
    const addresses = this.#addresses;
    if (addresses === undefined) return true;
    const there = Math.floor((length - ADDRESSES) / 16);
    if (addresses.length > there) return false;
    let found = 0;
    for (let i = 0; i < there && found < addresses.length; i++) {
      if (isAt(data, at + ADDRESSES + 16 * i, addresses[found])) found++;
      else if (this.#strict) return false;
    }
    return found === addresses.length && (!this.#strict || found === there);
  }

  /** The type and the kinds of length, each as an option with a value. */
  #parts(name: (option: string) => string, separator: string): string {
    let text = "";
    const { min, max } = this.#left;
    const not = (inverted: boolean): [string, string] =>
      separator === ":" ? ["", inverted ? "!" : ""] : [bang(inverted), ""];
    const part = (option: string, inverted: boolean, value: string): string => {
      const [before, after] = not(inverted);
      return `${before} ${name(option)}${separator}${after}${value}`;
    };
    if (this.#type !== undefined) text += part("type", this.#notType, String(this.#type));
    const all = min === 0 && max === U32_MAX;
    if (!all || (this.#notLeft && separator === ":"))
      text += part(min === max || separator !== ":" ? "segsleft" : "segslefts", this.#notLeft, rangeText(this.#left));
    if (this.#length !== undefined) text += part("len", this.#notLength, String(this.#length));
    return text;
  }

  save(): string {
    let text = this.#parts((option) => `--rt-${option}`, " ");
    if (this.#reserved) text += " --rt-0-res";
    if (this.#addresses !== undefined)
      text += ` --rt-0-addrs ${this.#addresses.map((each) => formatIPv6(each)).join()}`;
    return this.#strict ? text : `${text} --rt-0-not-strict`;
  }

  print(): string {
    let text = ` rt${this.#parts((option) => (option === "len" ? "length" : option), ":")}`;
    if (this.#reserved) text += " reserved";
    if (this.#addresses !== undefined) text += ` 0-addrs ${this.#addresses.map((each) => formatIPv6(each)).join()}`;
    return this.#strict ? text : `${text} 0-not-strict`;
  }
}

function isAt(data: Uint8Array, at: number, address: Int32Array): boolean {
  for (let i = 0; i < 4; i++) if (getInt32(data, at + 4 * i) !== address[i]) return false;
  return true;
}

/** Options of type 0 want it said before; models the tests of rt_parse(). */
function afterType0(option: string, values: OptionValues): void {
  if (values.has(option) && (values.get<number>("rt-type") !== 0 || values.inverted("rt-type")))
    throw new ParameterProblem(`\`--rt-type 0' required before \`--${option}'`);
}

export const rtMatch: MatchExtension = {
  kind: "match",
  name: "rt",
  families: ["ipv6"],
  help: `
rt match options:
[!] --rt-type type             match the type
[!] --rt-segsleft num[:num]    match the Segments Left field (range)
[!] --rt-len length            total length of this header
 --rt-0-res                    check the reserved field too (type 0)
 --rt-0-addrs ADDR[,ADDR...]   Type=0 addresses (list, max: 16)
 --rt-0-not-strict             List of Type=0 addresses not a strict list
`,
  options: [
    { name: "rt-type", invert: true, parse: uintOption(0, U32_MAX) },
    { name: "rt-segsleft", invert: true, parse: uintRangeOption(U32_MAX) },
    { name: "rt-len", invert: true, parse: uintOption(0, U32_MAX) },
    { name: "rt-0-res" },
    { name: "rt-0-addrs", parse: parseAddresses },
    {
      name: "rt-0-not-strict",
      after: { id: "rt-0-addrs", message: "`--rt-0-addr ...' required before `--rt-0-not-strict'" },
    },
  ],
  finalCheck(values) {
    for (const option of ["rt-0-res", "rt-0-addrs"]) afterType0(option, values);
  },
  build: (values) => new RtMatch(values),
};
