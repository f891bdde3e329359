/**
 * Sending a packet whose IP header the sender wrote (`IPPROTO_RAW`, `IP_HDRINCL`). The kernel fills in what raw(7)
 * says: the total length and the checksum always, the source address and the identification when they are 0. Models
 * raw_send_hdrinc(), net/ipv4/raw.c.
 */
import { EINVAL, EMSGSIZE, ENOBUFS, SystemError } from "../errno.js";
import type { NetNamespace } from "../netns.js";
import { SkBuff } from "../skb.js";
import { get32, put32 } from "../wire/bytes.js";
import { IPV4_DST, IPV4_HEADER_LENGTH, IPV4_SRC, IPV4_TOS, ipv4HeaderLength } from "../wire/ipv4.js";

/**
 * Sends `packet`, an IPv4 packet from its header on; the bytes are copied. Throws {@link SystemError}: EINVAL for a
 * header that is too short or says more than there is, EMSGSIZE for more than the device's MTU, or what routing and
 * the hooks answer.
 */
export function sendRaw(net: NetNamespace, packet: Uint8Array): void {
  if (packet.length < IPV4_HEADER_LENGTH) throw new SystemError(EINVAL);
  const skb = new SkBuff(packet.slice());
  const { data } = skb;
  const headerLength = ipv4HeaderLength(data, 0);
  if (data[0] >>> 4 !== 4 || headerLength < IPV4_HEADER_LENGTH || headerLength > skb.len) throw new SystemError(EINVAL);
  const src = get32(data, IPV4_SRC);
  // With a header of one's own, any source address is allowed.
  const route = net.ip.routing.outputAnySource(get32(data, IPV4_DST), src, 0, data[IPV4_TOS], null);
  if (route === null) throw new SystemError(net.ip.routing.error);
  if (skb.len > route.mtu) throw new SystemError(EMSGSIZE);
  if (src === 0) put32(data, IPV4_SRC, route.prefsrc);
  skb.dst = route;
  const error = net.ip.localOut(skb);
  // Of a device that does not take it a socket without IP_RECVERR is told nothing.
  if (error !== 0 && error !== -ENOBUFS) throw new SystemError(-error);
}
