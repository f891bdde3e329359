/**
 * What the SYN proxy does otherwise over IPv4 and over IPv6: addresses, where TCP begins, the segment sizes that a
 * cookie can tell, and how its segments leave. Models the `ipv4` and `ipv6` halves of net/netfilter/nf_synproxy_core.c.
 */
import type { Hooks, NfProto } from "../hooks.js";
import { NFPROTO_IPV4, NFPROTO_IPV6 } from "../hooks.js";
import { tcpPacket } from "../ip/tcp-packet.js";
import { tcpPacket6 } from "../ip6/tcp-packet.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { readIPv6 } from "../wire/address.js";
import { getInt32 } from "../wire/bytes.js";
import { IPPROTO_TCP, IPV4_DST, IPV4_PROTOCOL, IPV4_SRC, ipv4HeaderLength } from "../wire/ipv4.js";
import { found, IPV6_DST, IPV6_HEADER_LENGTH, IPV6_NEXT_HEADER, IPV6_SRC, skipExtensionHeaders } from "../wire/ipv6.js";
import type { TcpSegment } from "../wire/tcp.js";

/** A family's side of the SYN proxy. Addresses are words: one of IPv4, four of IPv6. */
export interface SynproxyFamily {
  readonly pf: NfProto;
  /** Models `msstab` of the family's syncookies.c. */
  readonly segmentSizes: readonly number[];
  readonly hookName: string;
  hooks(net: NetNamespace): Hooks;
  source(data: Uint8Array): Int32Array;
  destination(data: Uint8Array): Int32Array;
  /** Where the segment begins; -1 when there is none. */
  segmentAt(skb: SkBuff): number;
  /** A segment of the proxy's own with its route; null where there is none. `about`: the packet that it answers. */
  packet(net: NetNamespace, about: SkBuff, src: Int32Array, dst: Int32Array, segment: TcpSegment): SkBuff | null;
  send(net: NetNamespace, skb: SkBuff): void;
}

export const SYNPROXY_IPV4: SynproxyFamily = {
  pf: NFPROTO_IPV4,
  segmentSizes: [536, 1300, 1440, 1460],
  hookName: "ipv4_synproxy_hook",
  hooks: (net) => net.hooks,
  source: (data) => Int32Array.of(getInt32(data, IPV4_SRC)),
  destination: (data) => Int32Array.of(getInt32(data, IPV4_DST)),
  segmentAt: ({ data }) => (data[IPV4_PROTOCOL] === IPPROTO_TCP ? ipv4HeaderLength(data, 0) : -1),
  packet(net, about, src, dst, segment) {
    const skb = tcpPacket(net, src[0] >>> 0, dst[0] >>> 0, segment);
    skb.dst = about.dst;
    return net.ip.routeMeHarder(skb) === 0 ? skb : null;
  },
  send(net, skb) {
    net.ip.localOut(skb);
  },
};

export const SYNPROXY_IPV6: SynproxyFamily = {
  pf: NFPROTO_IPV6,
  segmentSizes: [1220, 1420, 1440, 8940],
  hookName: "ipv6_synproxy_hook",
  hooks: (net) => net.hooks6,
  source: (data) => readIPv6(data, IPV6_SRC),
  destination: (data) => readIPv6(data, IPV6_DST),
  segmentAt({ data, len }) {
    const at = skipExtensionHeaders(data, IPV6_HEADER_LENGTH, len, data[IPV6_NEXT_HEADER]);
    return at < 0 || found.nexthdr !== IPPROTO_TCP ? -1 : at;
  },
  packet: (net, _about, src, dst, segment) => tcpPacket6(net, src, dst, segment),
  send(net, skb) {
    net.ip6.localOut(skb);
  },
};
