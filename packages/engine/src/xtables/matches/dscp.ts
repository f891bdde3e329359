/** `-m dscp`: the six bits of the DiffServ code point. Models dscp_mt(), net/netfilter/xt_dscp.c. */
import { dscpClass, hexByte } from "../dscp-classes.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { trafficClass } from "../ip-header.js";
import { bang, uintOption } from "../options.js";

export const dscpMatch: MatchExtension = {
  kind: "match",
  name: "dscp",
  help: `
dscp match options
[!] --dscp value		Match DSCP codepoint with numerical value
  		                This value can be in decimal (ex: 32)
               		or in hex (ex: 0x20)
[!] --dscp-class name		Match the DiffServ class. This value may
				be any of the BE,EF, AFxx or CSx classes

				These two options are mutually exclusive !
`,
  options: [
    { name: "dscp", excludes: ["dscp-class"], invert: true, parse: uintOption(0, 63) },
    { name: "dscp-class", excludes: ["dscp"], invert: true, parse: dscpClass },
  ],
  build(values) {
    const option = values.has("dscp") ? "dscp" : "dscp-class";
    const value = values.get<number>(option);
    if (value === undefined) throw new ParameterProblem("DSCP match: Parameter --dscp is required");
    const inverted = values.inverted(option);
    return {
      name: "dscp",
      match: ({ skb: { data }, family }) => (trafficClass(data, family) >> 2 === value) !== inverted,
      save: () => `${bang(inverted)} --dscp ${hexByte(value)}`,
      print: () => ` DSCP match ${inverted ? "!" : ""}${hexByte(value)}`,
    };
  },
};
