/** `-m tos`: the TOS field, or the traffic class. Models tos_mt(), net/netfilter/xt_dscp.c. */
import { type TosValue, tosName, tosOption, tosText } from "../dscp-classes.js";
import type { MatchExtension } from "../extension.js";
import { trafficClass } from "../ip-header.js";
import { bang } from "../options.js";

export const tosMatch: MatchExtension = {
  kind: "match",
  name: "tos",
  help: `
tos match options:
[!] --tos value[/mask]    Match Type of Service/Priority field value
[!] --tos symbol          Match TOS field (IPv4 only) by symbol
                          Accepted symbolic names for value are:
                          (0x10) 16 Minimize-Delay
                          (0x08)  8 Maximize-Throughput
                          (0x04)  4 Maximize-Reliability
                          (0x02)  2 Minimize-Cost
                          (0x00)  0 Normal-Service

`,
  options: [{ name: "tos", mandatory: true, invert: true, parse: tosOption }],
  build(values) {
    const tos = values.get<TosValue>("tos") as TosValue;
    const inverted = values.inverted("tos");
    return {
      name: "tos",
      match: ({ skb: { data }, family }) => ((trafficClass(data, family) & tos.mask) === tos.value) !== inverted,
      save: () => `${bang(inverted)} --tos ${tosText(tos)}`,
      print(numeric) {
        const name = numeric ? undefined : tosName(tos);
        return ` tos match${inverted ? "!" : ""}${name === undefined ? tosText(tos) : ` ${name}`}`;
      },
    };
  },
};
