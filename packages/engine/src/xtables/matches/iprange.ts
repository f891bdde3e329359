/** `-m iprange`: addresses from one to another. Models iprange_mt4() and iprange_mt6(), net/netfilter/xt_iprange.c. */
import { AddressError, compareWords, parseIPv4, parseIPv6 } from "../../wire/address.js";
import { getInt32 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { ADDRESS_WORDS, addressOffset } from "../ip-header.js";
import type { AddressWords } from "../ip-spec.js";
import { bang, type OptionCall } from "../options.js";
import { addressText } from "../print.js";

/** Two ends of a range of addresses, both included. */
interface AddressRange {
  readonly min: AddressWords;
  readonly max: AddressWords;
}

function parseRange(text: string, { extension, option, family, warn }: OptionCall): AddressRange {
  const address = (part: string): AddressWords => {
    try {
      return family === "ipv6" ? parseIPv6(part) : Int32Array.of(parseIPv4(part));
    } catch (error) {
      if (error instanceof AddressError)
        throw new ParameterProblem(`${extension}: Bad value for "--${option}" option: "${part}"`);
      throw error;
    }
  };
  const dash = text.indexOf("-");
  const min = address(dash < 0 ? text : text.slice(0, dash));
  const max = dash < 0 ? min : address(text.slice(dash + 1));
  if (compareWords(min, max) > 0)
    warn(`xt_iprange: range ${addressText(min)}-${addressText(max)} is reversed and will never match\n`);
  return { min, max };
}

/** Whether the address at a place of a packet is within a range. */
function isWithin(data: Uint8Array, at: number, { min, max }: AddressRange, scratch: AddressWords): boolean {
  for (let i = 0; i < scratch.length; i++) scratch[i] = getInt32(data, at + 4 * i);
  return compareWords(scratch, min) >= 0 && compareWords(scratch, max) <= 0;
}

/** Whether it is the source, the option, and how listings call it. */
const SIDES = [
  { source: true, option: "src-range", listed: "source" },
  { source: false, option: "dst-range", listed: "destination" },
] as const;

export const iprangeMatch: MatchExtension = {
  kind: "match",
  name: "iprange",
  help: `
iprange match options:
[!] --src-range ip[-ip]    Match source IP in the specified range
[!] --dst-range ip[-ip]    Match destination IP in the specified range
`,
  options: SIDES.map(({ option }) => ({ name: option, invert: true, parse: parseRange })),
  build(values, { family }) {
    const scratch = new Int32Array(ADDRESS_WORDS[family]);
    const sides = SIDES.filter(({ option }) => values.has(option)).map(({ source, option, listed }) => {
      const range = values.get<AddressRange>(option) as AddressRange;
      return {
        at: addressOffset(family, source),
        option,
        listed,
        range,
        text: `${addressText(range.min)}-${addressText(range.max)}`,
        inverted: values.inverted(option),
      };
    });
    if (sides.length === 0)
      throw new ParameterProblem("iprange match: You must specify `--src-range' or `--dst-range'");
    return {
      name: "iprange",
      match({ skb: { data } }) {
        for (let i = 0; i < sides.length; i++) {
          const { at, range, inverted } = sides[i];
          if (isWithin(data, at, range, scratch) === inverted) return false;
        }
        return true;
      },
      save: () => sides.map(({ option, inverted, text }) => `${bang(inverted)} --${option} ${text}`).join(""),
      print: () => sides.map(({ listed, inverted, text }) => ` ${listed} IP range${bang(inverted)} ${text}`).join(""),
    };
  },
};
