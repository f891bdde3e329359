/**
 * NETMAP: maps a network onto another, each host to the one of the same number. Models netmap_tg4(),
 * net/netfilter/xt_NETMAP.c.
 */

import type { NfProto } from "../../hooks.js";
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { NF_NAT_MANIP_DST, NF_NAT_MANIP_SRC, NF_NAT_RANGE_MAP_IPS } from "../../nat/nat.js";
import type { NetNamespace } from "../../netns.js";
import { get32 } from "../../wire/bytes.js";
import type { TargetExtension } from "../extension.js";
import { type Network, networkText, parseNetwork } from "../network.js";
import { EMPTY_RANGE } from "./nat-range.js";

export const netmapTarget: TargetExtension = {
  kind: "target",
  name: "NETMAP",
  families: ["ipv4"],
  tables: ["nat"],
  hooks: (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_POST_ROUTING) | (1 << NF_INET_LOCAL_OUT) | (1 << NF_INET_LOCAL_IN),
  help: `
NETMAP target options:
  --to address[/mask]
				Network address to map to.

`,
  options: [{ name: "to", mandatory: true, parse: parseNetwork }],
  build(values) {
    const network = values.get<Network>("to") as Network;
    const [address] = network.address;
    const [mask] = network.mask;
    const text = networkText(network);
    return {
      name: "NETMAP",
      target({ net, skb, hook }) {
        const manip = hook === NF_INET_POST_ROUTING || hook === NF_INET_LOCAL_IN ? NF_NAT_MANIP_SRC : NF_NAT_MANIP_DST;
        const host = get32(skb.data, manip === NF_NAT_MANIP_SRC ? 12 : 16) & ~mask;
        const mapped = (host | address) >>> 0;
        const range = { ...EMPTY_RANGE, flags: NF_NAT_RANGE_MAP_IPS, minAddr: mapped, maxAddr: mapped };
        return net.nat.setupInfo(skb.nfct, range, manip);
      },
      attach: (net: NetNamespace, pf: NfProto) => net.ct.netnsGet(pf),
      detach: (net: NetNamespace, pf: NfProto) => net.ct.netnsPut(pf),
      save: () => ` --to ${text}`,
      print: () => ` to:${text}`,
    };
  },
};
