/**
 * `-m connlabel`: a connection's labels, by their numbers: no /etc/xtables/connlabel.conf names any. Models
 * connlabel_mt(), net/netfilter/xt_connlabel.c.
 */
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { NO_CT } from "../../skb.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, parseUint, stringOption } from "../options.js";

/** Labels that an entry has room for. Models `XT_CONNLABEL_MAXBIT`. */
const MAX_LABEL = 127;

export const connlabelMatch: MatchExtension = {
  kind: "match",
  name: "connlabel",
  help: `
connlabel match options:
[!] --label name     Match if label has been set on connection
    --set            Set label on connection
`,
  options: [
    {
      name: "label",
      mandatory: true,
      invert: true,
      parse(text, call) {
        const label = parseUint(stringOption(1, Number.MAX_SAFE_INTEGER)(text, call), 0, 0xffffffff);
        if (label === undefined) throw new ParameterProblem(`label '${text}' not found or invalid value`);
        return label & 0xffff;
      },
    },
    { name: "set" },
  ],
  build(values) {
    const label = values.get<number>("label") as number;
    const inverted = values.inverted("label");
    const sets = values.has("set");
    return {
      name: "connlabel",
      check() {
        if (label > MAX_LABEL) throw new RulesetError("ERANGE", "", "no such label");
      },
      match({ skb: { nfct }, net: { ct } }) {
        const has = nfct !== NO_CT && (ct.hasLabel(nfct, label) || (sets && ct.setLabel(nfct, label)));
        return has !== inverted;
      },
      attach(net: NetNamespace, pf: NfProto) {
        net.ct.netnsGet(pf);
        net.ct.labelsUsed++;
      },
      detach(net: NetNamespace, pf: NfProto) {
        net.ct.netnsPut(pf);
        net.ct.labelsUsed--;
      },
      save: () => `${bang(inverted)} --label "${label}"${sets ? " --set" : ""}`,
      print: () => ` connlabel${bang(inverted)} ${label}${sets ? " set" : ""}`,
    };
  },
};
