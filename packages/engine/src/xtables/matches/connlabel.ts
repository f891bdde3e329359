/**
 * `-m connlabel`: a connection's labels, by the names that the host's /etc/xtables/connlabel.conf has, or by their
 * numbers. Models connlabel_mt(), net/netfilter/xt_connlabel.c.
 */
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { NO_CT } from "../../skb.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { LABELS_FILE, labelMapOf } from "../label-map.js";
import { bang, parseUint, stringOption } from "../options.js";

/** What the tool says each time that it looks for a name in vain. */
function notice(net: NetNamespace | undefined): string {
  const missing = net !== undefined && labelMapOf(net) === null;
  return missing ? `Warning: cannot open ${LABELS_FILE}: No such file or directory\n` : "";
}

/** Labels that an entry has room for. Models `XT_CONNLABEL_MAXBIT`. */
const MAX_LABEL = 127;

interface Label {
  readonly label: number;
  /** Whose names it is shown by. */
  readonly net: NetNamespace | undefined;
}

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
        const word = stringOption(1, Number.MAX_SAFE_INTEGER)(text, call);
        const { net } = call;
        const names = net === undefined ? null : labelMapOf(net);
        const label = parseUint(word, 0, 0xffffffff) ?? names?.numberOf(word);
        if (label === undefined) throw new ParameterProblem(`label '${text}' not found or invalid value`, notice(net));
        return { label: label & 0xffff, net } satisfies Label;
      },
    },
    { name: "set" },
  ],
  build(values) {
    const { label, net: host } = values.get<Label>("label") as Label;
    const name = (): string | undefined => (host === undefined ? undefined : labelMapOf(host)?.nameOf(label));
    const inverted = values.inverted("label");
    const sets = values.has("set");
    return {
      name: "connlabel",
      notice: () => notice(host),
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
      save: () => `${bang(inverted)} --label "${name() ?? label}"${sets ? " --set" : ""}`,
      print(numeric) {
        const known = numeric ? undefined : name();
        return ` connlabel${bang(inverted)} ${known === undefined ? label : `'${known}'`}${sets ? " set" : ""}`;
      },
    };
  },
};
