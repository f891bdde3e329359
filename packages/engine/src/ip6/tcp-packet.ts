/**
 * A TCP segment of the kernel's own making over IPv6, for netfilter's targets that speak in somebody's name. Models
 * synproxy_build_ip_ipv6().
 */
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { put16 } from "../wire/bytes.js";
import { checksumFold, checksumPartial } from "../wire/checksum.js";
import { IPPROTO_TCP } from "../wire/ipv4.js";
import { pseudoHeaderSumIPv6 } from "../wire/ipv6.js";
import { layTcp, TCP_CHECKSUM, type TcpSegment } from "../wire/tcp.js";
import type { Words } from "./address.js";
import { newPacket6 } from "./output.js";

/** The segment between two addresses, on its route; null where there is none. Without a window unless it says one. */
export function tcpPacket6(net: NetNamespace, src: Words, dst: Words, segment: TcpSegment): SkBuff | null {
  const route = net.ip6.route(dst, null);
  if (route.error !== 0) return null;
  const bytes = layTcp({ window: 0, ...segment });
  const header = { src, dst, nextHeader: IPPROTO_TCP, hopLimit: net.ip6.hopLimitOf(route), trafficClass: 0 };
  const skb = newPacket6(header, bytes.length);
  const at = skb.transportOffset;
  skb.data.set(bytes, at);
  const pseudo = pseudoHeaderSumIPv6(skb.data, 0, IPPROTO_TCP, bytes.length);
  put16(skb.data, at + TCP_CHECKSUM, checksumFold(checksumPartial(skb.data, at, bytes.length, pseudo)));
  skb.dst6 = route;
  return skb;
}
