/** The two versions of IP. */

/** A version of IP, each with its own hooks. */
export type IpFamily = "ipv4" | "ipv6";

/** Whether a packet that somebody wrote is one of IPv6, by the version in its header. */
export function isIPv6(packet: Uint8Array): boolean {
  return packet[0] >> 4 === 6;
}
