/**
 * NETMAP: maps a network onto another, each host to the one of the same number. Models netmap_tg4() and
 * netmap_tg6(), net/netfilter/xt_NETMAP.c.
 */

import type { NfProto } from "../../hooks.js";
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { NF_NAT_MANIP_DST, NF_NAT_MANIP_SRC, NF_NAT_RANGE_MAP_IPS } from "../../nat/nat.js";
import type { NetNamespace } from "../../netns.js";
import { getInt32 } from "../../wire/bytes.js";
import { IPV4_DST, IPV4_SRC } from "../../wire/ipv4.js";
import { IPV6_DST, IPV6_SRC } from "../../wire/ipv6.js";
import type { TargetExtension } from "../extension.js";
import { type Network, networkText, parseNetwork } from "../network.js";
import { EMPTY_RANGE } from "./nat-range.js";

export const netmapTarget: TargetExtension = {
  kind: "target",
  name: "NETMAP",
  families: ["ipv4", "ipv6"],
  tables: ["nat"],
  hooks: (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_POST_ROUTING) | (1 << NF_INET_LOCAL_OUT) | (1 << NF_INET_LOCAL_IN),
  help: `
NETMAP target options:
  --to address[/mask]
				Network address to map to.

`,
  options: [{ name: "to", mandatory: true, parse: parseNetwork }],
  build(values) {
    const { address: given, mask } = values.get<Network>("to") as Network;
    const address = given.map((word, i) => word & mask[i]);
    const text = networkText({ address, mask });
    return {
      name: "NETMAP",
      target({ net, skb, hook }) {
        const manip = hook === NF_INET_POST_ROUTING || hook === NF_INET_LOCAL_IN ? NF_NAT_MANIP_SRC : NF_NAT_MANIP_DST;
        const source = manip === NF_NAT_MANIP_SRC;
        const flags = NF_NAT_RANGE_MAP_IPS;
        if (address.length > 1) {
          const at = source ? IPV6_SRC : IPV6_DST;
          const mapped = address.map((word, i) => word | (getInt32(skb.data, at + 4 * i) & ~mask[i]));
          return net.nat.setupInfo(skb.nfct, { ...EMPTY_RANGE, flags, min6: mapped, max6: mapped }, manip);
        }
        const host = getInt32(skb.data, source ? IPV4_SRC : IPV4_DST) & ~mask[0];
        const mapped = (host | address[0]) >>> 0;
        return net.nat.setupInfo(skb.nfct, { ...EMPTY_RANGE, flags, minAddr: mapped, maxAddr: mapped }, manip);
      },
      attach: (net: NetNamespace, pf: NfProto) => net.ct.netnsGet(pf),
      detach: (net: NetNamespace, pf: NfProto) => net.ct.netnsPut(pf),
      save: () => ` --to ${text}`,
      print: () => ` to:${text}`,
    };
  },
};
