/** What tcpdump would print more of than the lab does, by name. */
import { IP_OFFSET, IPPROTO_TCP, IPPROTO_UDP, IPV6_HEADER_LENGTH, UDP_HEADER_LENGTH } from "./numbers.js";

/** Ports whose payload tcpdump takes apart and the lab does not, by transport protocol. */
const UNDISSECTED: Readonly<Record<number, ReadonlyMap<number, string>>> = {
  [IPPROTO_TCP]: new Map([
    [23, "telnet"],
    [53, "domain"],
    [139, "netbios-ssn"],
    [179, "bgp"],
    [445, "smb"],
    [554, "rtsp"],
    [639, "msdp"],
    [646, "ldp"],
    [1723, "pptp"],
    [2049, "nfs"],
    [5353, "mdns"],
    [6379, "resp"],
    [6633, "openflow"],
    [6653, "openflow"],
    [8554, "rtsp"],
  ]),
  [IPPROTO_UDP]: new Map([
    [53, "domain"],
    [67, "bootps"],
    [68, "bootpc"],
    [69, "tftp"],
    [88, "kerberos"],
    [123, "ntp"],
    [137, "netbios-ns"],
    [138, "netbios-dgm"],
    [161, "snmp"],
    [162, "snmp-trap"],
    [319, "ptp"],
    [320, "ptp"],
    [500, "isakmp"],
    [514, "syslog"],
    [520, "rip"],
    [521, "ripng"],
    [525, "timed"],
    [623, "rmcp"],
    [646, "ldp"],
    [698, "olsr"],
    [1645, "radius"],
    [1646, "radius"],
    [1701, "l2tp"],
    [1812, "radius"],
    [1813, "radius"],
    [1985, "hsrp"],
    [2049, "nfs"],
    [3784, "bfd"],
    [4500, "isakmp"],
    [4789, "vxlan"],
    [5060, "sip"],
    [5353, "mdns"],
    [5355, "llmnr"],
    [6081, "geneve"],
    [6343, "sflow"],
    [8472, "otv"],
  ]),
};

/** The protocol of a packet's payload when tcpdump would print more of it than the lab does; else null. */
export function undissected(packet: Uint8Array): string | null {
  const six = packet[0] >> 4 === 6;
  const protocol = six ? packet[6] : packet[9];
  const ports = UNDISSECTED[protocol];
  const at = six ? IPV6_HEADER_LENGTH : (packet[0] & 15) * 4;
  const header = protocol === IPPROTO_TCP ? (packet[at + 12] >> 4) * 4 : UDP_HEADER_LENGTH;
  if (ports === undefined || packet.length <= at + header) return null;
  if (!six && (((packet[6] << 8) | packet[7]) & IP_OFFSET) !== 0) return null;
  const port = (offset: number): number => (packet[at + offset] << 8) | packet[at + offset + 1];
  return ports.get(port(0)) ?? ports.get(port(2)) ?? null;
}
