/**
 * CONNSECMARK: the security mark of SELinux, from packet to connection or back. Without SELinux no packet has one.
 * Models connsecmark_tg(), net/netfilter/xt_CONNSECMARK.c.
 */
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";

export const connsecmarkTarget: TargetExtension = {
  kind: "target",
  name: "CONNSECMARK",
  tables: ["mangle", "security"],
  help: `
CONNSECMARK target options:
  --save                   Copy security mark from packet to conntrack
  --restore                Copy security mark from connection to packet
`,
  options: [
    { name: "save", excludes: ["restore"] },
    { name: "restore", excludes: ["save"] },
  ],
  build(values) {
    if (values.ids().length === 0) throw new ParameterProblem("CONNSECMARK target: parameter required");
    const what = values.has("save") ? "save" : "restore";
    return {
      name: "CONNSECMARK",
      target: () => XT_CONTINUE,
      attach: (net: NetNamespace, pf: NfProto) => net.ct.netnsGet(pf),
      detach: (net: NetNamespace, pf: NfProto) => net.ct.netnsPut(pf),
      save: () => ` --${what}`,
      print: () => ` CONNSECMARK ${what}`,
    };
  },
};
