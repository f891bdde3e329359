/**
 * UDP-Lite datagrams for this host. No program here opens a UDP-Lite socket, so that a sound datagram meets none and is
 * answered as such; one whose checksum is missing or wrong is dropped. Models __udp4_lib_rcv() and __udp6_lib_rcv() for
 * UDP-Lite, net/ipv4/udplite.c and net/ipv6/udplite.c.
 */
import { l4ChecksumOk } from "../conntrack/checksum.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { get16 } from "../wire/bytes.js";
import { IPPROTO_UDPLITE } from "../wire/ipv4.js";
import { UDP_HEADER_LENGTH, UDP_LENGTH, udpChecksum, udpDstPort } from "../wire/udp.js";

/** Whether the checksum is there, covers what may be covered, and is right. Models `udplite_checksum_init()`. */
function checksumOk(skb: SkBuff): boolean {
  const { data, transportOffset: at } = skb;
  const length = skb.len - at;
  const coverage = get16(data, at + UDP_LENGTH) || length;
  if (udpChecksum(data, at) === 0 || coverage < UDP_HEADER_LENGTH || coverage > length) return false;
  return l4ChecksumOk(skb, at, length, IPPROTO_UDPLITE, coverage);
}

/** Takes a datagram addressed to this host. Models `udplite_rcv()` and `udplitev6_rcv()`. */
export function receiveUdpLite(net: NetNamespace, skb: SkBuff): void {
  const { trace } = net;
  const at = skb.transportOffset;
  if (skb.len - at < UDP_HEADER_LENGTH || !checksumOk(skb)) {
    if (trace !== null) trace.note({ kind: "end", reason: "bad udplite checksum" });
    return;
  }
  // What is sent about it is tracked anew.
  net.resetConntrack(skb);
  if (trace !== null) trace.note({ kind: "end", reason: `no socket at udplite:${udpDstPort(skb.data, at)}` });
  const family = net.sockets.familyOfPacket(skb.data, 0);
  if (!family.toMany(skb)) family.portUnreachable(skb);
}
