/**
 * Verification of a received packet's transport checksum, as conntrack does it at PREROUTING. It trusts nothing: there
 * is no hardware here that might have looked already. Models `nf_ip_checksum()` and `nf_ip6_checksum()`,
 * net/netfilter/utils.c.
 */
import type { SkBuff } from "../skb.js";
import { getInt32 } from "../wire/bytes.js";
import { checksumPartial, pseudoHeaderSum } from "../wire/checksum.js";
import { IPPROTO_ICMP, IPPROTO_UDP, IPV4_DST, IPV4_SRC } from "../wire/ipv4.js";
import { pseudoHeaderSumIPv6 } from "../wire/ipv6.js";

/**
 * Whether `length` bytes at `at` of a packet sum up, or the first of them that the checksum covers; one that was found
 * right stays so.
 */
export function l4ChecksumOk(skb: SkBuff, at: number, length: number, protonum: number, covered = length): boolean {
  const { data } = skb;
  if (data[0] >> 4 === 6) return l4ChecksumOk6(skb, at, length, protonum, covered);
  const pseudo =
    protonum === IPPROTO_ICMP
      ? 0
      : pseudoHeaderSum(getInt32(data, IPV4_SRC), getInt32(data, IPV4_DST), protonum, length);
  skb.checksumVerified = checksumPartial(data, at, covered, pseudo) === 0xffff;
  return skb.checksumVerified;
}

function l4ChecksumOk6(skb: SkBuff, at: number, length: number, protonum: number, covered: number): boolean {
  const { data } = skb;
  const pseudo = protonum === IPPROTO_ICMP ? 0 : pseudoHeaderSumIPv6(data, 0, protonum, length);
  skb.checksumVerified = checksumPartial(data, at, covered, pseudo) === 0xffff;
  // What IPv4's header adds up to is always the same.
  if (skb.checksumVerified && !skb.checksumPartial) skb.summedHeader = headerShare(data, at, pseudo);
  return skb.checksumVerified;
}

/**
 * What a header adds to the sum of a packet whose transport checksum is right, less the pseudo header's part; 0 and
 * 0xffff are one.
 */
function headerShare(data: Uint8Array, at: number, pseudo: number): number {
  return checksumPartial(data, 0, at, ~pseudo & 0xffff) % 0xffff;
}

/** The most bytes that are summed again where conntrack's sum does not fit. Models CHECKSUM_BREAK. */
const CHECKSUM_BREAK = 76;

/**
 * Whether the transport checksum of an IPv6 packet for this host is right. What conntrack summed up counts: then a
 * changed address makes no difference, as it is in the header and in the pseudo header, and another changed field makes
 * UDP, unless the datagram is short, take it for corrupt. Models `__skb_checksum_validate_complete()` with
 * `skb_postpull_rcsum()` of ip6_input_finish(), and `udp6_csum_init()`.
 */
export function arrivedIntact6(skb: SkBuff, at: number, protonum: number, length: number = skb.len - at): boolean {
  const { data, summedHeader } = skb;
  const pseudo = pseudoHeaderSumIPv6(data, 0, protonum, length);
  if (summedHeader >= 0) {
    if (headerShare(data, at, pseudo) === summedHeader) return true;
    if (protonum === IPPROTO_UDP && length > CHECKSUM_BREAK) return false;
  }
  return checksumPartial(data, at, length, pseudo) === 0xffff;
}
