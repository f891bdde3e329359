/**
 * SYNPROXY: answers SYNs in the server's place until the client has shown that it is there. Models synproxy_tg4(),
 * net/ipv4/netfilter/ipt_SYNPROXY.c, and synproxy_tg6(), net/ipv6/netfilter/ip6t_SYNPROXY.c.
 */
import { type Synproxy, type SynproxyOffer, synproxyOf } from "../../conntrack/synproxy.js";
import { SYNPROXY_IPV4, SYNPROXY_IPV6 } from "../../conntrack/synproxy-family.js";
import type { NfProto } from "../../hooks.js";
import { NF_DROP, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_STOLEN, NFPROTO_IPV4, NFPROTO_IPV6 } from "../../hooks.js";
import { checksumOk6 } from "../../ip6/deliver.js";
import type { NetNamespace } from "../../netns.js";
import { IPPROTO_TCP } from "../../wire/ipv4.js";
import {
  TCP_ACK,
  TCP_FIN,
  TCP_HEADER_LENGTH,
  TCP_RST,
  TCP_SYN,
  tcpFlags,
  tcpHeaderLength,
  tcpSeq,
} from "../../wire/tcp.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { uintOption } from "../options.js";
import { checksumValid } from "./reject.js";

const OPTIONS = ["sack-perm", "timestamp", "wscale", "mss", "ecn"] as const;

function proxyOf(net: NetNamespace, pf: NfProto): Synproxy {
  return synproxyOf(net, pf === NFPROTO_IPV6 ? SYNPROXY_IPV6 : SYNPROXY_IPV4);
}

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
    const offer: SynproxyOffer = {
      mss: values.get<number>("mss") ?? null,
      wscale: values.get<number>("wscale") ?? null,
      sackPermitted: values.has("sack-perm"),
      timestamp: values.has("timestamp"),
      ecn: values.has("ecn"),
    };
    return {
      name: "SYNPROXY",
      target(par) {
        const { net, skb, thoff, family } = par;
        const { data, len } = skb;
        const ipv6 = family === "ipv6";
        const valid = ipv6 ? skb.checksumVerified || checksumOk6(skb, thoff, IPPROTO_TCP) : checksumValid(skb, thoff);
        if (!valid || thoff + TCP_HEADER_LENGTH > len) return NF_DROP;
        const header = tcpHeaderLength(data, thoff);
        if (header < TCP_HEADER_LENGTH || thoff + header > len) return NF_DROP;
        const flags = tcpFlags(data, thoff) & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST);
        const proxy = proxyOf(net, ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
        if (flags === TCP_SYN) proxy.answerSyn(skb, thoff, offer);
        else if (flags !== TCP_ACK) return XT_CONTINUE;
        else if (!proxy.receiveAck(skb, thoff, tcpSeq(data, thoff))) return NF_DROP;
        net.free(skb);
        return NF_STOLEN;
      },
      attach(net: NetNamespace, pf: NfProto) {
        proxyOf(net, pf).attach();
      },
      detach(net: NetNamespace, pf: NfProto) {
        proxyOf(net, pf).detach();
      },
      save: () => (options === "" ? "" : ` ${options}`),
      print: () => ` SYNPROXY ${text("")}${options === "" ? "" : " "}`,
    };
  },
};
