/**
 * REJECT of IPv6: drops the packet and tells its sender, by an ICMPv6 error or a TCP RST. Models reject_tg6(),
 * net/ipv6/netfilter/ip6t_REJECT.c, with nf_send_unreach6() and nf_send_reset6() of nf_reject_ipv6.c.
 */
import { isMulticast6, isUnspecified } from "../../ip6/address.js";
import { checksumOk6, resetFor } from "../../ip6/deliver.js";
import type { NetNamespace } from "../../netns.js";
import type { SkBuff } from "../../skb.js";
import { readIPv6 } from "../../wire/address.js";
import { get16 } from "../../wire/bytes.js";
import { ICMPV6_DEST_UNREACH } from "../../wire/icmpv6.js";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../wire/ipv4.js";
import {
  found,
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SRC,
  skipExtensionHeaders,
} from "../../wire/ipv6.js";
import { TCP_FLAGS, TCP_HEADER_LENGTH, TCP_RST } from "../../wire/tcp.js";
import type { TargetExtension } from "../extension.js";
import { type RejectKind, rejectTargetOf, sendByPort } from "./reject-kind.js";

const KINDS: readonly RejectKind[] = [
  { name: "icmp6-no-route", alias: "no-route", code: 0, about: "ICMPv6 no route" },
  { name: "icmp6-adm-prohibited", alias: "adm-prohibited", code: 1, about: "ICMPv6 administratively prohibited" },
  { name: "icmp6-addr-unreachable", alias: "addr-unreach", code: 3, about: "ICMPv6 address unreachable" },
  { name: "icmp6-port-unreachable", alias: "port-unreach", code: 4, about: "ICMPv6 port unreachable" },
  { name: "tcp-reset", alias: "tcp-reset", code: -1, about: "TCP RST packet" },
  { name: "icmp6-policy-fail", alias: "policy-fail", code: 5, about: "ICMPv6 policy fail" },
  { name: "icmp6-reject-route", alias: "reject-route", code: 6, about: "ICMPv6 reject route" },
];

/** Protocols whose integrity is not a sum of all their bytes: UDP-Lite, SCTP, DCCP, GRE, ESP, AH, IPComp. */
const OTHER_CHECKSUMS: readonly number[] = [136, 132, 33, 47, 50, 51, 108];

/** Whether an error may be sent about a packet: a whole one with a right checksum. Models reject6_csum_ok(). */
function checksumValid(skb: SkBuff): boolean {
  if (skb.checksumVerified) return true;
  const at = skipExtensionHeaders(skb.data, IPV6_HEADER_LENGTH, skb.len, skb.data[IPV6_NEXT_HEADER]);
  const protocol = found.nexthdr;
  if (at < 0 || at >= skb.len || found.fragmentOffset !== 0) return false;
  if (OTHER_CHECKSUMS.includes(protocol)) return true;
  if (protocol === IPPROTO_UDP && at + 8 <= skb.len && get16(skb.data, at + 6) === 0) return true;
  return checksumOk6(skb, at, protocol);
}

function sendReset(net: NetNamespace, old: SkBuff): void {
  const src = readIPv6(old.data, IPV6_SRC);
  const dst = readIPv6(old.data, IPV6_DST);
  // No answer to or from what is nobody's own address.
  if ([src, dst].some((each) => isMulticast6(each) || isUnspecified(each))) return;
  const at = skipExtensionHeaders(old.data, IPV6_HEADER_LENGTH, old.len, old.data[IPV6_NEXT_HEADER]);
  if (at < 0 || found.fragmentOffset !== 0 || found.nexthdr !== IPPROTO_TCP) return;
  if (at + TCP_HEADER_LENGTH > old.len || old.data[at + TCP_FLAGS] & TCP_RST) return;
  if (!checksumOk6(old, at, IPPROTO_TCP)) return;
  const mark = net.ip6.replyMark(old);
  const [sport, dport] = [get16(old.data, at + 2), get16(old.data, at)];
  const route = net.ip6.routeOutput({ dst: src, src: dst, mark, protocol: IPPROTO_TCP, sport, dport });
  if (route.error !== 0) return;
  const skb = resetFor(old, at, { src: dst, dst: src, hopLimit: net.ip6.hopLimitOf(route), trafficClass: 0 });
  skb.mark = mark;
  skb.dst6 = route;
  net.ct.attach(skb, old);
  net.ct.setClosing(old);
  if (!sendByPort(net, old, skb)) net.ip6.localOut(skb);
}

export const reject6Target: TargetExtension = rejectTargetOf({
  family: "ipv6",
  kinds: KINDS,
  defaultKind: KINDS[3],
  helpEnd: "",
  notice: () => "",
  resetName: "nf_send_reset6",
  unreachName: "nf_send_unreach6",
  module: "nf_reject_ipv6",
  sendReset,
  sendUnreachable(net, skb, code) {
    if (checksumValid(skb)) net.ip6.icmp.send(skb, ICMPV6_DEST_UNREACH, code, 0);
  },
});
