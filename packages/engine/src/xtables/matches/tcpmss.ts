/** `-m tcpmss`: the maximum segment size that a TCP header offers. Models tcpmss_mt(), net/netfilter/xt_tcpmss.c. */
import { get16 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, type Range, rangeText, uintRangeOption } from "../options.js";

const TCPOPT_MSS = 2;

export const tcpmssMatch: MatchExtension = {
  kind: "match",
  name: "tcpmss",
  protocols: [6],
  help: `
tcpmss match options:
[!] --mss value[:value]	Match TCP MSS range.
				(only valid for TCP SYN or SYN/ACK packets)
`,
  options: [
    {
      name: "mss",
      mandatory: true,
      invert: true,
      parse(text, call) {
        const range = uintRangeOption(0xffff)(text, call);
        if (range.max < range.min) throw new ParameterProblem("tcpmss: invalid range given");
        return range;
      },
    },
  ],
  build(values) {
    const range = values.get<Range>("mss") as Range;
    const inverted = values.inverted("mss");
    return {
      name: "tcpmss",
      match(par) {
        if (par.fragoff !== 0) return false;
        const { data, len } = par.skb;
        const at = par.thoff;
        const end = at + (data[at + 12] >> 4) * 4;
        if (at + 20 > len || end < at + 20 || end > len) {
          par.hotdrop = true;
          return false;
        }
        for (let i = at + 20; i < end; ) {
          if (data[i] === TCPOPT_MSS && end - i >= 4 && data[i + 1] === 4) {
            const mss = get16(data, i + 2);
            return (mss >= range.min && mss <= range.max) !== inverted;
          }
          i += data[i] < 2 || i + 1 >= end ? 1 : data[i + 1] || 1;
        }
        return inverted;
      },
      save: () => `${bang(inverted)} --mss ${rangeText(range)}`,
      print: () => ` tcpmss match ${inverted ? "!" : ""}${rangeText(range)}`,
    };
  },
};
