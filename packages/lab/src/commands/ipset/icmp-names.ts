/** The names that ipset has for types of ICMP and ICMPv6: `name type code`, and others for the same. */
import { IpsetFailure, inTwo, number } from "./failure.js";

type Named = readonly [name: string, value: number];

const table = (lines: string): readonly Named[] =>
  lines
    .trim()
    .split("\n")
    .map((line) => {
      const [name, icmpType, code] = line.split(" ");
      return [name, Number(icmpType) * 256 + Number(code)];
    });

const ICMP = table(`
echo-reply 0 0
pong 0 0
network-unreachable 3 0
host-unreachable 3 1
protocol-unreachable 3 2
port-unreachable 3 3
fragmentation-needed 3 4
source-route-failed 3 5
network-unknown 3 6
host-unknown 3 7
network-prohibited 3 9
host-prohibited 3 10
TOS-network-unreachable 3 11
TOS-host-unreachable 3 12
communication-prohibited 3 13
host-precedence-violation 3 14
precedence-cutoff 3 15
source-quench 4 0
network-redirect 5 0
host-redirect 5 1
TOS-network-redirect 5 2
TOS-host-redirect 5 3
echo-request 8 0
ping 8 0
router-advertisement 9 0
router-solicitation 10 0
ttl-zero-during-transit 11 0
ttl-zero-during-reassembly 11 1
ip-header-bad 12 0
required-option-missing 12 1
timestamp-request 13 0
timestamp-reply 14 0
address-mask-request 17 0
address-mask-reply 18 0
`);

const ICMPV6 = table(`
no-route 1 0
communication-prohibited 1 1
address-unreachable 1 3
port-unreachable 1 4
packet-too-big 2 0
ttl-zero-during-transit 3 0
ttl-zero-during-reassembly 3 1
bad-header 4 0
unknown-header-type 4 1
unknown-option 4 2
echo-request 128 0
ping 128 0
echo-reply 129 0
pong 129 0
router-solicitation 133 0
router-advertisement 134 0
neighbour-solicitation 135 0
neigbour-solicitation 135 0
neighbour-advertisement 136 0
neigbour-advertisement 136 0
redirect 137 0
`);

/** The names, in the order in which `ipset help` tells them. */
export function icmpNames(ipv6: boolean): string[] {
  return (ipv6 ? ICMPV6 : ICMP).map(([name]) => name);
}

/** Type and code in one number: `type/code`, a name, or the beginning of one. */
export function icmpValue(text: string, ipv6: boolean): number {
  const named = (ipv6 ? ICMPV6 : ICMP).find(([name]) => name.toLowerCase().startsWith(text.toLowerCase()));
  if (named !== undefined) return named[1];
  const parts = inTwo(text, "/");
  if (parts === null) throw new IpsetFailure(`Cannot parse ${text} as an ICMP${ipv6 ? "v6" : ""} type/code.`);
  const [icmpType, code] = parts.map((part) => number(part, 0, 255));
  return icmpType * 256 + code;
}

/** How type and code are listed. */
export function icmpText(value: number, ipv6: boolean): string {
  return (ipv6 ? ICMPV6 : ICMP).find((each) => each[1] === value)?.[0] ?? `${value >> 8}/${value & 255}`;
}
