/**
 * UDP-Lite datagrams for this host. No program here opens a UDP-Lite socket, so that a sound datagram meets none and is
 * answered as such; one whose checksum is missing or wrong is dropped. Models __udp4_lib_rcv() for
 * udplite_protocol, net/ipv4/udplite.c.
 */
import { RTN_LOCAL, type Rtable } from "../ip/route.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { get16, getInt32 } from "../wire/bytes.js";
import { checksumPartial, pseudoHeaderSum } from "../wire/checksum.js";
import { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH } from "../wire/icmp.js";
import { IPPROTO_UDPLITE, IPV4_DST, IPV4_SRC } from "../wire/ipv4.js";
import { UDP_HEADER_LENGTH, UDP_LENGTH, udpChecksum, udpDstPort } from "../wire/udp.js";

/** Whether the checksum is there, covers what may be covered, and is right. Models `udplite_checksum_init()`. */
function checksumOk(skb: SkBuff): boolean {
  const { data, transportOffset: at } = skb;
  const length = skb.len - at;
  const field = get16(data, at + UDP_LENGTH);
  const coverage = field === 0 ? length : field;
  if (udpChecksum(data, at) === 0 || coverage < UDP_HEADER_LENGTH || coverage > length) return false;
  const pseudo = pseudoHeaderSum(getInt32(data, IPV4_SRC), getInt32(data, IPV4_DST), IPPROTO_UDPLITE, length);
  return checksumPartial(data, at, coverage, pseudo) === 0xffff;
}

/** Takes a datagram addressed to this host. Models `udplite_rcv()`. */
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
  if ((skb.dst as Rtable).type === RTN_LOCAL) net.ip.icmpSend(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
}
