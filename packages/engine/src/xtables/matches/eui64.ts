/**
 * `-m eui64`: the sender's address ends with what its link address makes of itself. Packets of this engine have no link
 * header; where a frame's sender is not known it is the other end of the link the packet came by. Models eui64_mt6(),
 * net/ipv6/netfilter/ip6t_eui64.c.
 */
import { linkSender } from "../../dev/device.js";
import { NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { IPV6_SRC } from "../../wire/ipv6.js";
import type { MatchExtension } from "../extension.js";

/** Where the lower half of the source address begins. */
const INTERFACE_ID = IPV6_SRC + 8;

export const eui64Match: MatchExtension = {
  kind: "match",
  name: "eui64",
  families: ["ipv6"],
  hooks: (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_IN) | (1 << NF_INET_FORWARD),
  help: `
eui64 does not take any options
`,
  options: [],
  build: (_values, { flavour }) => ({
    name: "eui64",
    match({ skb, state: { indev } }) {
      const { data } = skb;
      // Only Ethernet has such addresses: not a TUN device. The loopback's is all zeros, of both ends.
      if (indev === null || indev.mac === null || indev.kind === "loopback") return false;
      const mac = linkSender(skb, indev);
      if (mac === null || data[INTERFACE_ID] !== (mac[0] ^ 2)) return false;
      if (data[INTERFACE_ID + 3] !== 0xff || data[INTERFACE_ID + 4] !== 0xfe) return false;
      for (let i = 1; i < 3; i++) if (data[INTERFACE_ID + i] !== mac[i]) return false;
      for (let i = 3; i < 6; i++) if (data[INTERFACE_ID + 2 + i] !== mac[i]) return false;
      return true;
    },
    save: () => "",
    // Without words of its own the legacy tool gives the name, and the other nothing.
    print: () => (flavour === "legacy" ? "eui64 " : ""),
  }),
};
