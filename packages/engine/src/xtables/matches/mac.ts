/**
 * `-m mac`: who sent the frame. Packets of this engine have no link header; where a frame's sender is not known it is
 * the other end of the link the packet came by. Models mac_mt(), net/netfilter/xt_mac.c.
 */
import { linkSender } from "../../dev/device.js";
import { NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang } from "../options.js";

/** Six pairs of digits, spelled in full. Models XTTYPE_ETHERMAC. */
export function parseMac(text: string): string {
  const parts = text.split(":");
  if (parts.length !== 6 || !parts.every((part) => /^[0-9a-fA-F]{1,2}$/.test(part)))
    throw new ParameterProblem("Invalid MAC address specified.");
  return parts.map((part) => part.toLowerCase().padStart(2, "0")).join(":");
}

export const macMatch: MatchExtension = {
  kind: "match",
  name: "mac",
  hooks: (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_IN) | (1 << NF_INET_FORWARD),
  help: `
mac match options:
[!] --mac-source XX:XX:XX:XX:XX:XX
				Match source MAC address
`,
  options: [{ name: "mac-source", mandatory: true, invert: true, parse: parseMac }],
  build(values) {
    const text = values.get<string>("mac-source") as string;
    const wanted = text.split(":").map((part) => Number.parseInt(part, 16));
    const inverted = values.inverted("mac-source");
    return {
      name: "mac",
      match({ skb, state: { indev } }) {
        // Only Ethernet has such addresses: not the loopback, not a TUN device.
        if (indev === null || indev.mac === null || indev.kind === "loopback") return false;
        const source = linkSender(skb, indev);
        if (source === null) return false;
        let same = true;
        for (let i = 0; i < 6; i++) if (source[i] !== wanted[i]) same = false;
        return same !== inverted;
      },
      save: () => `${bang(inverted)} --mac-source ${text}`,
      print: () => ` MAC${bang(inverted)} ${text}`,
    };
  },
};
