/**
 * A TCP segment of the kernel's own making over IPv4, for netfilter's targets that speak in somebody's name. Models
 * nf_reject_iphdr_put() and synproxy_build_ip().
 */
import type { NetNamespace } from "../netns.js";
import { SkBuff } from "../skb.js";
import { buildIPv4, IPPROTO_TCP, IPV4_HEADER_LENGTH } from "../wire/ipv4.js";
import { buildTcp, type TcpSegment } from "../wire/tcp.js";

/** The segment between two addresses, not to be fragmented; without a window unless it says one. */
export function tcpPacket(net: NetNamespace, src: number, dst: number, segment: TcpSegment): SkBuff {
  const payload = buildTcp({ window: 0, ...segment }, src, dst);
  const ttl = net.ip.defaultTtl;
  const skb = new SkBuff(buildIPv4({ src, dst, protocol: IPPROTO_TCP, ttl, dontFragment: true, payload }));
  skb.transportOffset = IPV4_HEADER_LENGTH;
  return skb;
}
