/**
 * `-m realm`: the realms of the packet's route, the destination's in the low 16 bits and the source's above them.
 * Models realm_mt(), net/netfilter/xt_realm.c.
 */
import { NF_INET_PRE_ROUTING } from "../../hooks.js";
import type { MatchExtension } from "../extension.js";
import { bang, hex, type MarkMask } from "../options.js";
import { valueMaskOption } from "../value-mask.js";

/** /etc/iproute2/rt_realms. */
const REALMS: ReadonlyMap<string, number> = new Map([["cosmos", 0]]);

export const realmMatch: MatchExtension = {
  kind: "match",
  name: "realm",
  families: ["ipv4"],
  hooks: 0x1f & ~(1 << NF_INET_PRE_ROUTING),
  help: `
realm match options:
[!] --realm value[/mask]
				Match realm
`,
  options: [{ name: "realm", mandatory: true, invert: true, parse: valueMaskOption(REALMS) }],
  build(values) {
    const { mark, mask } = values.get<MarkMask>("realm") as MarkMask;
    const inverted = values.inverted("realm");
    const text = (numeric: boolean): string =>
      mask !== 0xffffffff ? `${hex(mark)}/${hex(mask)}` : mark === 0 && !numeric ? "cosmos" : hex(mark);
    return {
      name: "realm",
      // Only the value of the packet is masked.
      match: ({ skb: { dst } }) => (((dst === null ? 0 : dst.tclassid) & mask) >>> 0 === mark) !== inverted,
      save: () => `${bang(inverted)} --realm ${text(false)}`,
      print: (numeric) => `${bang(inverted)} realm ${text(numeric)}`,
    };
  },
};
