/** DSCP: writes the DiffServ code point. Models dscp_tg(), net/netfilter/xt_DSCP.c. */
import { dscpClass, hexByte } from "../dscp-classes.js";
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { trafficClass } from "../ip-header.js";
import { uintOption } from "../options.js";
import { putTrafficClass } from "../packet-edit.js";

export const dscpTarget: TargetExtension = {
  kind: "target",
  name: "DSCP",
  tables: ["mangle"],
  help: `
DSCP target options
  --set-dscp value		Set DSCP field in packet header to value
  		                This value can be in decimal (ex: 32)
               		or in hex (ex: 0x20)
  --set-dscp-class class	Set the DSCP field in packet header to the
				value represented by the DiffServ class value.
				This class may be EF,BE or any of the CSxx
				or AFxx classes.

				These two options are mutually exclusive !
`,
  options: [
    { name: "set-dscp", excludes: ["set-dscp-class"], parse: uintOption(0, 63) },
    { name: "set-dscp-class", excludes: ["set-dscp"], parse: dscpClass },
  ],
  build(values) {
    const dscp = values.get<number>("set-dscp") ?? values.get<number>("set-dscp-class");
    if (dscp === undefined) throw new ParameterProblem("DSCP target: Parameter --set-dscp is required");
    return {
      name: "DSCP",
      target({ skb: { data }, family }) {
        const now = trafficClass(data, family);
        if (now >> 2 !== dscp) putTrafficClass(data, family, (dscp << 2) | (now & 3));
        return XT_CONTINUE;
      },
      save: () => ` --set-dscp ${hexByte(dscp)}`,
      print: () => ` DSCP set ${hexByte(dscp)}`,
    };
  },
};
