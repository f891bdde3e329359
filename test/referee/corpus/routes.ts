/**
 * What decides on a packet's way besides its addresses: whose packet it is (`ip rule ... uidrange`), and rules that
 * have fragments put together before they are routed.
 */

import { DEVICES, FORWARDING, lan, wan } from "../kinds/router.js";
import { DEVICES_6, FORWARDING_6 } from "../kinds/router6.js";
import { echo, ipv4, text, udp } from "../packets.js";
import { echo6, fragmentHeader, ipv6, PAYLOAD_6, udp6 } from "../packets6.js";
import type { PacketStep, Scenario } from "../scenario.js";
import type { Group } from "./group.js";

interface Family {
  readonly name: string;
  readonly v6: boolean;
  readonly devices: Scenario["devices"];
  readonly forwarding: Readonly<Record<string, string>>;
  readonly ip: string;
  readonly tool: string;
  readonly client: string;
  readonly own: string;
  readonly far: string;
  readonly net: string;
}

const FAMILIES: readonly Family[] = [
  {
    name: "IPv4",
    v6: false,
    devices: DEVICES,
    forwarding: FORWARDING,
    ip: "ip",
    tool: "iptables-legacy",
    client: "192.168.1.10",
    own: "192.168.1.1",
    far: "203.0.113.7",
    net: "203.0.113.0/24",
  },
  {
    name: "IPv6",
    v6: true,
    devices: DEVICES_6,
    forwarding: FORWARDING_6,
    ip: "ip -6",
    tool: "ip6tables-legacy",
    client: "2001:db8:1::10",
    own: "2001:db8:1::1",
    far: "2001:db8:3::7",
    net: "2001:db8:3::/48",
  },
];

const PORTS = { sport: 1000, dport: 2000 };

/** A datagram in two pieces. */
function pieces({ v6, client: src, far: dst }: Family): PacketStep[] {
  const fields = { ...PORTS, payload: text(900) };
  const datagram = v6 ? udp6({ src, dst }, fields).slice(PAYLOAD_6) : udp({ src, dst, id: 7 }, fields).slice(20);
  return [0, 496].map((from) => {
    const [piece, more] = [datagram.slice(from, from === 0 ? 496 : datagram.length), from === 0];
    return lan(
      v6
        ? ipv6({ src, dst, extensions: [fragmentHeader(from, more, 7)] }, 17, piece)
        : ipv4({ src, dst, id: 7, protocol: 17, offset: from >> 3, mf: more }, piece),
    );
  });
}

function byUser(family: Family, users: string): Scenario {
  const { v6, ip, client, own, far, net } = family;
  const ping = `ping -c 1 -W 1 -s 8 -e 77 ${far} > /dev/null`;
  const request = (src: string, dst: string): Uint8Array =>
    v6 ? echo6({ src, dst }, 7, 1) : echo({ src, dst, id: 5 }, 7, 1);
  const datagram = { src: client, dst: far, id: 5 };
  const fields = { ...PORTS, payload: text(8) };
  return {
    version: 1,
    name: `rules for users ${users}: a user's packets, the kernel's own, and those of others (${family.name})`,
    devices: family.devices,
    sysctl: family.forwarding,
    setup: [
      `${ip} route add ${net} dev wan0`,
      `${ip} route add ${net} dev lan0 table 100`,
      `${ip} rule add pref 5 uidrange ${users} to ${net} lookup 100`,
    ],
    steps: [
      { run: ping },
      wan(request(far, own)),
      lan(v6 ? udp6(datagram, fields) : udp(datagram, fields)),
      ...[0, 1000, 4294967294].map((uid) => ({ run: `${ip} route get ${far} uid ${uid} | grep -o 'dev [a-z0-9]*'` })),
    ],
    finally: [`${ip} rule`],
  };
}

function putTogether(family: Family, rule: string): Scenario {
  const { ip, net, tool } = family;
  const counters = "-A FORWARD -p udp";
  return {
    version: 1,
    name: `${rule} has fragments put together while its rule is there (${family.name})`,
    devices: family.devices,
    sysctl: family.forwarding,
    setup: [`${ip} route add ${net} dev wan0`, `${tool} -t mangle -A PREROUTING ${rule}`, `${tool} ${counters}`],
    steps: [
      ...pieces(family),
      { run: `${tool}-save -c | grep '^\\[.*-A'` },
      { run: `${tool} -t mangle -F` },
      ...pieces(family),
    ],
    finally: [`${tool}-save -c`],
  };
}

export const ROUTES: Group = {
  name: "routes",
  about: "rules by user, and rules that have fragments put together before they are routed",
  scenarios: () =>
    FAMILIES.flatMap((family) => [
      ...["0-0", "1-4294967294", "1000-1000", "0-4294967294"].map((users) => byUser(family, users)),
      ...["-p udp -m socket", "-p udp -m socket --nowildcard", "-p udp -j TPROXY --on-port 53"].map((rule) =>
        putTogether(family, rule),
      ),
    ]),
};
