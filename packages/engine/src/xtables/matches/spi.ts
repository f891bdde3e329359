/**
 * `-m ah`, `-m esp` and `-m ipcomp`: the index (SPI, CPI) of an IPsec header. Models ipt_ah.c, xt_esp.c, xt_ipcomp.c.
 */
import { get16, get32 } from "../../wire/bytes.js";
import type { MatchExtension, XtFamily } from "../extension.js";
import { bang, type Range, rangeText, uintRangeOption } from "../options.js";

const ALL: Range = { min: 0, max: 0xffffffff };

/**
 * `listed` is the name in listings; the index stands `at` bytes into the header of at least `length` bytes, in 16 bits
 * when `short`.
 */
function spiMatch(
  name: string,
  listed: string,
  protocol: number,
  { at, length, short }: { readonly at: number; readonly length: number; readonly short: boolean },
  help: string,
  families: readonly XtFamily[],
): MatchExtension {
  const option = `${name}spi`;
  return {
    kind: "match",
    name,
    families,
    protocols: [protocol],
    help,
    options: [{ name: option, invert: true, parse: uintRangeOption(0xffffffff) }],
    build(values) {
      const range = values.get<Range>(option) ?? ALL;
      const inverted = values.inverted(option);
      const any = range.min === 0 && range.max === 0xffffffff && !inverted;
      return {
        name,
        match(par) {
          if (par.fragoff !== 0) return false;
          const { data, len } = par.skb;
          if (par.thoff + length > len) {
            par.hotdrop = true;
            return false;
          }
          const spi = short ? get16(data, par.thoff + at) : get32(data, par.thoff + at);
          return (spi >= range.min && spi <= range.max) !== inverted;
        },
        save: () => (any ? "" : `${bang(inverted)} --${option} ${rangeText(range)}`),
        print: () =>
          any
            ? ` ${listed}`
            : ` ${listed.trim()} spi${range.min === range.max ? "" : "s"}:${inverted ? "!" : ""}${rangeText(range)}`,
      };
    },
  };
}

export const ahMatch: MatchExtension = spiMatch(
  "ah",
  "ah ",
  51,
  { at: 4, length: 12, short: false },
  `
ah match options:
[!] --ahspi spi[:spi]
				match spi (range)
`,
  ["ipv4"],
);

export const espMatch: MatchExtension = spiMatch(
  "esp",
  "esp",
  50,
  { at: 0, length: 8, short: false },
  `
esp match options:
[!] --espspi spi[:spi]
				match spi (range)
`,
  ["ipv4", "ipv6"],
);

export const ipcompMatch: MatchExtension = spiMatch(
  "ipcomp",
  "comp",
  108,
  { at: 2, length: 4, short: true },
  `
comp match options:
[!] --ipcompspi spi[:spi]
				match spi (range)
`,
  ["ipv4", "ipv6"],
);
