/**
 * Names of IP protocols: those iptables knows itself, then those of a Debian 12 host's /etc/protocols.
 * Models xtables_parse_protocol() and proto_to_name().
 */

/** Known to iptables itself, in its order. */
const BUILTIN: readonly (readonly [string, number])[] = [
  ["tcp", 6],
  ["sctp", 132],
  ["udp", 17],
  ["udplite", 136],
  ["icmp", 1],
  ["icmpv6", 58],
  ["ipv6-icmp", 58],
  ["esp", 50],
  ["ah", 51],
  ["ipv6-mh", 135],
  ["mh", 135],
  ["all", 0],
];

/** One protocol a line: name, number, aliases. */
const PROTOCOLS = `
ip 0 IP
hopopt 0 HOPOPT
icmp 1 ICMP
igmp 2 IGMP
ggp 3 GGP
ipencap 4 IP-ENCAP
st 5 ST
tcp 6 TCP
egp 8 EGP
igp 9 IGP
pup 12 PUP
udp 17 UDP
hmp 20 HMP
xns-idp 22 XNS-IDP
rdp 27 RDP
iso-tp4 29 ISO-TP4
dccp 33 DCCP
xtp 36 XTP
ddp 37 DDP
idpr-cmtp 38 IDPR-CMTP
ipv6 41 IPv6
ipv6-route 43 IPv6-Route
ipv6-frag 44 IPv6-Frag
idrp 45 IDRP
rsvp 46 RSVP
gre 47 GRE
esp 50 IPSEC-ESP
ah 51 IPSEC-AH
skip 57 SKIP
ipv6-icmp 58 IPv6-ICMP
ipv6-nonxt 59 IPv6-NoNxt
ipv6-opts 60 IPv6-Opts
rspf 73 RSPF CPHB
vmtp 81 VMTP
eigrp 88 EIGRP
ospf 89 OSPFIGP
ax.25 93 AX.25
ipip 94 IPIP
etherip 97 ETHERIP
encap 98 ENCAP
pim 103 PIM
ipcomp 108 IPCOMP
vrrp 112 VRRP
l2tp 115 L2TP
isis 124 ISIS
sctp 132 SCTP
fc 133 FC
mobility-header 135 Mobility-Header
udplite 136 UDPLite
mpls-in-ip 137 MPLS-in-IP
manet 138
hip 139 HIP
shim6 140 Shim6
wesp 141 WESP
rohc 142 ROHC
ethernet 143 Ethernet
mptcp 262 MPTCP
`;

const byName = new Map<string, number>();
const byNumber = new Map<number, string>();

for (const line of PROTOCOLS.trim().split("\n")) {
  const [name, number, ...aliases] = line.split(" ");
  if (!byNumber.has(Number(number))) byNumber.set(Number(number), name);
  for (const spelling of [name, ...aliases]) if (!byName.has(spelling)) byName.set(spelling, Number(number));
}

/** The number of a protocol's name (lower case); undefined when nothing bears it. */
export function protocolNumber(name: string): number | undefined {
  return BUILTIN.find(([builtin]) => builtin === name)?.[1] ?? byName.get(name);
}

/** The name a protocol's number is printed as, that of /etc/protocols before iptables' own; undefined: none. */
export function protocolName(number: number): string | undefined {
  const builtin = BUILTIN.find(([, each]) => each === number)?.[0];
  return number === 0 ? builtin : (byNumber.get(number) ?? builtin);
}
