/**
 * Sending a packet whose IPv6 header the sender wrote (`IPPROTO_RAW` of a socket of IPv6). The kernel fills in nothing
 * and cuts nothing. Models rawv6_send_hdrinc(), net/ipv6/raw.c.
 */
import { EINVAL, EMSGSIZE, ENOBUFS, SystemError } from "../errno.js";
import { ip6SendWritten } from "../ip6/output.js";
import type { NetNamespace } from "../netns.js";
import { SkBuff } from "../skb.js";
import { readIPv6 } from "../wire/address.js";
import { IPPROTO_RAW } from "../wire/ipv4.js";
import { IPV6_DST, IPV6_HEADER_LENGTH } from "../wire/ipv6.js";
import type { Way6 } from "./family.js";

/**
 * Sends `packet`, an IPv6 packet from its header on; the bytes are copied. Throws {@link SystemError}: EINVAL for less
 * than a header, or an address of a link, as nobody said which; EMSGSIZE for more than the way takes; or what routing
 * and the hooks answer.
 */
export function sendRaw6(net: NetNamespace, packet: Uint8Array): void {
  if (packet.length < IPV6_HEADER_LENGTH) throw new SystemError(EINVAL);
  const way = net.sockets.inet6.route({
    dst: readIPv6(packet, IPV6_DST),
    src: new Int32Array(4),
    protocol: IPPROTO_RAW,
    sport: 0,
    dport: 0,
    options: {},
    device: null,
  }) as Way6;
  if (packet.length > way.mtu) throw new SystemError(EMSGSIZE);
  const skb = new SkBuff(packet.slice());
  skb.dst6 = way.route;
  skb.transportOffset = IPV6_HEADER_LENGTH;
  const error = ip6SendWritten(net.ip6, skb);
  // Of a device that does not take it a socket without IP_RECVERR is told nothing.
  if (error !== 0 && error !== -ENOBUFS) throw new SystemError(-error);
}
