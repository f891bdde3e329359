/**
 * Verification of a received packet's transport checksum, as conntrack does it at PREROUTING. It trusts nothing:
 * there is no hardware here that might have looked already. Models `nf_ip_checksum()` and `nf_ip6_checksum()`, net/netfilter/utils.c.
 */
import type { SkBuff } from "../skb.js";
import { getInt32 } from "../wire/bytes.js";
import { checksumPartial, pseudoHeaderSum } from "../wire/checksum.js";
import { IPPROTO_ICMP, IPV4_DST, IPV4_SRC } from "../wire/ipv4.js";
import { pseudoHeaderSumIPv6 } from "../wire/ipv6.js";

/**
 * Whether `length` bytes at `at` of a packet sum up, or the first of them that the checksum covers; one that was found
 * right stays so.
 */
export function l4ChecksumOk(skb: SkBuff, at: number, length: number, protonum: number, covered = length): boolean {
  const { data } = skb;
  const pseudo =
    protonum === IPPROTO_ICMP
      ? 0
      : data[0] >> 4 === 6
        ? pseudoHeaderSumIPv6(data, 0, protonum, length)
        : pseudoHeaderSum(getInt32(data, IPV4_SRC), getInt32(data, IPV4_DST), protonum, length);
  skb.checksumVerified = checksumPartial(data, at, covered, pseudo) === 0xffff;
  return skb.checksumVerified;
}
