/** `-m length`: the length of the packet, IP header included. Models length_mt(), net/netfilter/xt_length.c. */
import type { MatchExtension } from "../extension.js";
import { bang, type Range, rangeText, uintRangeOption } from "../options.js";

export const lengthMatch: MatchExtension = {
  kind: "match",
  name: "length",
  help: `
length match options:
[!] --length length[:length]    Match packet length against value or range
                                of values (inclusive)
`,
  options: [{ name: "length", mandatory: true, invert: true, parse: uintRangeOption(0xffff) }],
  build(values) {
    const range = values.get<Range>("length") as Range;
    const inverted = values.inverted("length");
    return {
      name: "length",
      match: ({ skb: { len } }) => (len >= range.min && len <= range.max) !== inverted,
      save: () => `${bang(inverted)} --length ${rangeText(range)}`,
      print: () => ` length ${inverted ? "!" : ""}${rangeText(range)}`,
    };
  },
};
