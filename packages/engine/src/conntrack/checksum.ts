/**
 * Verification of a received IPv4 packet's transport checksum, as conntrack does it at PREROUTING. It trusts nothing:
 * there is no hardware here that might have looked already. Models `nf_ip_checksum()`, net/netfilter/utils.c.
 */
import { getInt32 } from "../wire/bytes.js";
import { checksumPartial, pseudoHeaderSum } from "../wire/checksum.js";
import { IPPROTO_ICMP, IPV4_DST, IPV4_SRC } from "../wire/ipv4.js";

/** Whether `length` bytes at `at`, in a packet whose IPv4 header is at the start of `data`, sum up. */
export function l4ChecksumOk(data: Uint8Array, at: number, length: number, protonum: number): boolean {
  const pseudo =
    protonum === IPPROTO_ICMP
      ? 0
      : pseudoHeaderSum(getInt32(data, IPV4_SRC), getInt32(data, IPV4_DST), protonum, length);
  return checksumPartial(data, at, length, pseudo) === 0xffff;
}
