/**
 * SYNPROXY: answers SYNs in the server's place until the client has shown that it is there. Rules are kept, but the
 * handshake is not simulated: the packet goes on. Models the checks of synproxy_tg4_check(),
 * net/ipv4/netfilter/ipt_SYNPROXY.c.
 */

import type { NfProto } from "../../hooks.js";
import { NF_INET_FORWARD, NF_INET_LOCAL_IN } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { uintOption } from "../options.js";

const OPTIONS = ["sack-perm", "timestamp", "wscale", "mss", "ecn"] as const;

export const synproxyTarget: TargetExtension = {
  kind: "target",
  name: "SYNPROXY",
  protocols: [6],
  hooks: (1 << NF_INET_LOCAL_IN) | (1 << NF_INET_FORWARD),
  help: `
SYNPROXY target options:
  --sack-perm                        Set SACK_PERM
  --timestamp                        Set TIMESTAMP
  --wscale value                     Set window scaling factor
  --mss value                        Set MSS value
  --ecn                              Set ECN
`,
  options: [
    { name: "sack-perm" },
    { name: "timestamp" },
    { name: "wscale", parse: uintOption(0, 255) },
    { name: "mss", parse: uintOption(0, 65_535) },
    { name: "ecn" },
  ],
  build(values) {
    const text = (before: string): string =>
      OPTIONS.filter((name) => values.has(name))
        .map((name) => {
          const value = values.get<number | true>(name);
          return `${before}${name}${value === true ? "" : ` ${value}`}`;
        })
        .join(" ");
    const options = text("--");
    return {
      name: "SYNPROXY",
      target: () => XT_CONTINUE,
      attach: (net: NetNamespace, pf: NfProto) => net.ct.netnsGet(pf),
      detach: (net: NetNamespace, pf: NfProto) => net.ct.netnsPut(pf),
      save: () => (options === "" ? "" : ` ${options}`),
      print: () => ` SYNPROXY ${text("")}${options === "" ? "" : " "}`,
    };
  },
};
