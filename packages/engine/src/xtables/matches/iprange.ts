/** `-m iprange`: addresses from one to another. Models iprange_mt4(), net/netfilter/xt_iprange.c. */
import { AddressError, formatIPv4, parseIPv4 } from "../../wire/address.js";
import { get32 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, type OptionCall, type Range } from "../options.js";

function parseRange(text: string, { extension, option, warn }: OptionCall): Range {
  const address = (part: string): number => {
    try {
      return parseIPv4(part);
    } catch (error) {
      if (error instanceof AddressError)
        throw new ParameterProblem(`${extension}: Bad value for "--${option}" option: "${part}"`);
      throw error;
    }
  };
  const dash = text.indexOf("-");
  const min = address(dash < 0 ? text : text.slice(0, dash));
  const max = dash < 0 ? min : address(text.slice(dash + 1));
  if (min > max) warn(`xt_iprange: range ${formatIPv4(min)}-${formatIPv4(max)} is reversed and will never match\n`);
  return { min, max };
}

/** Where the address stands in the header, the option, and how listings call it. */
const SIDES = [
  { at: 12, option: "src-range", listed: "source" },
  { at: 16, option: "dst-range", listed: "destination" },
] as const;

export const iprangeMatch: MatchExtension = {
  kind: "match",
  name: "iprange",
  families: ["ipv4"],
  help: `
iprange match options:
[!] --src-range ip[-ip]    Match source IP in the specified range
[!] --dst-range ip[-ip]    Match destination IP in the specified range
`,
  options: SIDES.map(({ option }) => ({ name: option, invert: true, parse: parseRange })),
  build(values) {
    const sides = SIDES.filter(({ option }) => values.has(option)).map(({ at, option, listed }) => {
      const { min, max } = values.get<Range>(option) as Range;
      return {
        at,
        option,
        listed,
        min,
        max,
        text: `${formatIPv4(min)}-${formatIPv4(max)}`,
        inverted: values.inverted(option),
      };
    });
    if (sides.length === 0)
      throw new ParameterProblem("iprange match: You must specify `--src-range' or `--dst-range'");
    return {
      name: "iprange",
      match({ skb: { data } }) {
        for (let i = 0; i < sides.length; i++) {
          const { at, min, max, inverted } = sides[i];
          const address = get32(data, at);
          if ((address >= min && address <= max) === inverted) return false;
        }
        return true;
      },
      save: () => sides.map(({ option, inverted, text }) => `${bang(inverted)} --${option} ${text}`).join(""),
      print: () => sides.map(({ listed, inverted, text }) => ` ${listed} IP range${bang(inverted)} ${text}`).join(""),
    };
  },
};
