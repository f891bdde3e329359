/** `-m ecn`: the bits of Explicit Congestion Notification. Models ecn_mt4() and ecn_mt6(), net/netfilter/xt_ecn.c. */
import { ParameterProblem, RulesetError } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { trafficClass } from "../ip-header.js";
import { bang, uintOption } from "../options.js";

const ECE = 0x40;
const CWR = 0x80;

export const ecnMatch: MatchExtension = {
  kind: "match",
  name: "ecn",
  help: `
ECN match options
[!] --ecn-tcp-cwr 		Match CWR bit of TCP header
[!] --ecn-tcp-ece		Match ECE bit of TCP header
[!] --ecn-ip-ect [0..3]	Match ECN codepoint in IPv4/IPv6 header
`,
  options: [
    { name: "ecn-tcp-cwr", invert: true },
    { name: "ecn-tcp-ece", invert: true },
    { name: "ecn-ip-ect", invert: true, parse: uintOption(0, 3) },
  ],
  build(values, header) {
    if (values.ids().length === 0) throw new ParameterProblem("ECN match: some option required");
    let mask = 0;
    let flags = 0;
    for (const [option, bit] of [
      ["ecn-tcp-ece", ECE],
      ["ecn-tcp-cwr", CWR],
    ] as const) {
      if (values.has(option)) mask |= bit;
      if (values.has(option) && !values.inverted(option)) flags |= bit;
    }
    const ect = values.get<number>("ecn-ip-ect") ?? -1;
    const ectInverted = values.inverted("ecn-ip-ect");
    const not = (bit: number): boolean => (flags & bit) === 0;
    return {
      name: "ecn",
      check() {
        if (mask !== 0 && (header.proto !== 6 || header.invertProto))
          throw new RulesetError("EINVAL", "", "cannot match TCP bits for non-tcp packets");
      },
      match({ skb: { data, len }, thoff, family }) {
        if (ect >= 0 && ((trafficClass(data, family) & 3) === ect) === ectInverted) return false;
        return mask === 0 || (thoff + 20 <= len && (data[thoff + 13] & mask) === flags);
      },
      save() {
        let text = mask & ECE ? `${bang(not(ECE))} --ecn-tcp-ece` : "";
        if (mask & CWR) text += `${bang(not(CWR))} --ecn-tcp-cwr`;
        return ect < 0 ? text : `${text}${bang(ectInverted)} --ecn-ip-ect ${ect}`;
      },
      print() {
        let text = " ECN match";
        if (mask & ECE) text += ` ${not(ECE) ? "!" : ""}ECE`;
        if (mask & CWR) text += ` ${not(CWR) ? "!" : ""}CWR`;
        return ect < 0 ? text : `${text} ${ectInverted ? "!" : ""}ECT=${ect}`;
      },
    };
  },
};
