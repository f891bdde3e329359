/**
 * A packet of IPv4 cut into fragments, by its host, by a router, or by a bridge that let conntrack put it together.
 * Models ip_do_fragment(), net/ipv4/ip_output.c.
 */
import { NO_CT, SkBuff } from "../skb.js";
import { get16, put16 } from "../wire/bytes.js";
import {
  IP_DF,
  IP_MF,
  IP_OFFSET,
  IPV4_FRAGMENT,
  IPV4_HEADER_LENGTH,
  IPV4_TOTAL_LENGTH,
  ipv4HeaderLength,
  ipv4SetChecksum,
} from "../wire/ipv4.js";
import type { IpStack } from "./stack.js";

/**
 * Sends a packet in pieces by `emit`, up to the first that it answers with anything but 0, which is the answer. One
 * that conntrack put together leaves as it came: in the same pieces where they fit, else in pieces no larger than its
 * largest, with that one's DF. Models `ip_do_fragment()`.
 */
export function sendPieces(ip: IpStack, skb: SkBuff, mtu: number, emit: (piece: SkBuff) => number): number {
  const { ip: mib } = ip.snmp;
  const headerLength = ipv4HeaderLength(skb.data, 0);
  const total = skb.len - headerLength;
  const came = skb.fragments;
  const most = skb.largestFragment === 0 ? mtu : Math.min(mtu, skb.largestFragment);
  const room = (most - headerLength) & ~7;
  // The pieces it came in serve again while they are all its bytes (no hook changed its length) and fit.
  const asItCame = came?.every((size) => size <= most - headerLength) && came.reduce((sum, n) => sum + n, 0) === total;
  const df = asItCame !== true && skb.largestHadDf ? IP_DF : 0;
  let error = 0;
  for (let offset = 0, i = 0; offset < total && error === 0; i++) {
    const size = asItCame === true && came !== null ? came[i] : Math.min(room, total - offset);
    error = emit(piece(skb, offset, size, df));
    if (error === 0) mib.FragCreates++;
    offset += size;
  }
  if (error === 0) mib.FragOKs++;
  else mib.FragFails++;
  if (skb.nfct !== NO_CT) ip.net.free(skb);
  return error;
}

/**
 * `size` bytes at `offset` of a packet's payload as a fragment of it, with DF or 0. Options are repeated in every
 * fragment only when their copied bit is set; in the others they become no-ops. A bridge does not look at options and
 * repeats them all.
 */
function piece(skb: SkBuff, offset: number, size: number, df: number): SkBuff {
  const { data } = skb;
  const word = get16(data, IPV4_FRAGMENT);
  const headerLength = ipv4HeaderLength(data, 0);
  const last = offset + size === skb.len - headerLength;
  const part = new SkBuff(new Uint8Array(headerLength + size));
  part.data.set(data.subarray(0, headerLength), 0);
  part.data.set(data.subarray(headerLength + offset, headerLength + offset + size), headerLength);
  if (offset > 0 && skb.physOut === null) dropUncopiedOptions(part.data, headerLength);
  put16(part.data, IPV4_TOTAL_LENGTH, headerLength + size);
  const place = ((word & IP_OFFSET) + (offset >>> 3)) & IP_OFFSET;
  put16(part.data, IPV4_FRAGMENT, df | place | (last ? word & IP_MF : IP_MF));
  ipv4SetChecksum(part.data, 0);
  part.iif = skb.iif;
  part.dev = skb.dev;
  part.mark = skb.mark;
  part.dst = skb.dst;
  part.forwarded = skb.forwarded;
  part.packetType = skb.packetType;
  part.transportOffset = headerLength;
  part.tstampMicros = skb.tstampMicros;
  return part;
}

function dropUncopiedOptions(data: Uint8Array, headerLength: number): void {
  let at = IPV4_HEADER_LENGTH;
  while (at < headerLength) {
    const kind = data[at];
    if (kind === 0) return;
    if (kind === 1) {
      at++;
      continue;
    }
    const size = data[at + 1];
    if (size < 2 || at + size > headerLength) return;
    if ((kind & 0x80) === 0) data.fill(1, at, at + size);
    at += size;
  }
}
