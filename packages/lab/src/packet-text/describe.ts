/**
 * A packet as `tcpdump -n` prints it (version 4.99): IPv4 and IPv6 with TCP, UDP, ICMP and ICMPv6, a file each, and of
 * what they carry the text protocols HTTP, FTP, SMTP and SSH. Payloads of other ports that tcpdump knows (DNS, NTP,
 * DHCP, ...) are not taken apart; undissected.ts names them.
 */
import { printIp } from "./ip.js";
import { type PacketTextOptions, Printout } from "./printout.js";

export type { FlowTable, PacketTextOptions } from "./printout.js";

/** `IP 192.168.2.55.50798 > 217.254.1.76.443: Flags [S], seq 1, win 64240, length 0`. */
export function describePacket(packet: Uint8Array, options: PacketTextOptions = {}): string {
  const printout = new Printout(packet.subarray(0, options.caught ?? packet.length), options);
  printIp(printout, packet.length);
  return printout.text;
}
