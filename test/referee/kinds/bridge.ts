/**
 * A bridge inside the router: what is routed to v0 crosses br0 from port p0 to the port of whoever has the MAC address,
 * and comes back to the router by v1 or v2, which routes it on. So packets of both families meet iptables as frames.
 * Nobody is asked for MAC addresses, and no device says anything of its own accord.
 */
import type { Scenario } from "../scenario.js";

/** What of the router is one family's own. */
export interface BridgeFamily {
  readonly devices: Scenario["devices"];
  readonly ip: string;
  readonly near: string;
  readonly far: string;
  readonly client: string;
  /** Who a client may be to servers: a neighbour of the client as far as the bridge can tell. */
  readonly alias: string;
  /** The bridge's own address. */
  readonly bridge: string;
  readonly bridgeCidr: string;
  /** Behind v1, behind v2, behind the bridge itself, and behind a MAC address that nobody has. */
  readonly servers: readonly [string, string, string, string];
  readonly forwarding: string;
}

export const BRIDGE_4: BridgeFamily = {
  devices: { lan0: ["192.168.1.1/24"], wan0: ["198.51.100.1/24"] },
  ip: "ip",
  near: "192.168.1.0/24",
  far: "203.0.113.0/24",
  client: "192.168.1.10",
  alias: "192.168.1.50",
  bridge: "10.9.0.254",
  bridgeCidr: "10.9.0.254/24",
  servers: ["203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.10"],
  forwarding: "net.ipv4.ip_forward",
};

export const BRIDGE_6: BridgeFamily = {
  devices: { lan0: ["2001:db8:1::1/64"], wan0: ["2001:db8:2::1/64"] },
  ip: "ip -6",
  near: "2001:db8:1::/64",
  far: "2001:db8:3::/64",
  client: "2001:db8:1::10",
  alias: "2001:db8:1::50",
  bridge: "2001:db8:9::254",
  bridgeCidr: "2001:db8:9::254/64",
  servers: ["2001:db8:3::7", "2001:db8:3::8", "2001:db8:3::9", "2001:db8:3::10"],
  forwarding: "net.ipv6.conf.all.forwarding",
};

const V0 = "02:00:00:00:00:10";
const V1 = "02:00:00:00:00:11";
const V2 = "02:00:00:00:00:12";
const BR0 = "02:00:00:00:00:30";
const NOBODY = "02:00:00:00:00:99";

/**
 * What Linux says to groups of its own accord, and says again at a random moment within an interval; the lab has none,
 * and says nothing.
 */
const QUIET = [
  "net.ipv4.igmp_link_local_mcast_reports=0",
  "net.ipv6.conf.default.mldv1_unsolicited_report_interval=2000000000",
  "net.ipv6.conf.default.mldv2_unsolicited_report_interval=2000000000",
]
  .map((switched) => `sysctl -w ${switched} 2>/dev/null || true`)
  .join("; ");

const DEVICES = ["br0", "v0", "v1", "v2", "p0", "p1", "p2"];

/** How the router is made; `bridged`: of what NAT leads back to the bridge, the bridge itself knows the way. */
export function bridgeSetup({ ip, near, far, ...family }: BridgeFamily, bridged: boolean): string[] {
  const [behind1, behind2, behindBridge, behindNobody] = family.servers;
  const neighbour = (address: string, mac: string, dev: string): string =>
    `${ip} neigh add ${address} lladdr ${mac} dev ${dev}`;
  return [
    QUIET,
    `ip link add br0 address ${BR0} type bridge`,
    ...[V0, V1, V2].flatMap((mac, i) => [
      `ip link add v${i} address ${mac} type veth peer name p${i} address 02:00:00:00:00:2${i}`,
      `ip link set p${i} master br0`,
    ]),
    ...DEVICES.map((dev) => `ip link set ${dev} multicast off`),
    ...DEVICES.map((dev) => `ip link set ${dev} up`),
    `sysctl -w ${family.forwarding}=1`,
    `${ip} addr add ${family.bridgeCidr} dev br0`,
    `${ip} route add ${far} dev v0`,
    ...["v1", "v2", ...(bridged ? [] : ["br0"])].map((dev) => `${ip} rule add pref 10 iif ${dev} to ${far} lookup 100`),
    `${ip} route add ${far} dev wan0 table 100`,
    `${ip} rule add pref 11 iif wan0 lookup 101`,
    `${ip} route add ${near} dev v1 table 101`,
    `${ip} rule add pref 12 iif v0 lookup 102`,
    `${ip} route add ${near} dev lan0 table 102`,
    ...(bridged
      ? [
          `${ip} rule add pref 13 iif br0 lookup 103`,
          ...[near, far].map((to) => `${ip} route add ${to} dev br0 table 103`),
        ]
      : []),
    neighbour(behind1, V1, "v0"),
    neighbour(behind2, V2, "v0"),
    neighbour(behindBridge, BR0, "v0"),
    neighbour(behindNobody, NOBODY, "v0"),
    neighbour(family.client, V0, "v1"),
    neighbour(family.alias, V0, "v1"),
    ...(bridged
      ? [
          neighbour(behind1, V1, "br0"),
          neighbour(behind2, V2, "br0"),
          neighbour(behindBridge, V1, "br0"),
          neighbour(behindNobody, NOBODY, "br0"),
          neighbour(family.client, V0, "br0"),
          neighbour(family.alias, V0, "br0"),
        ]
      : []),
    // What Linux has to say of its addresses it says in the first moments.
    "sleep 0.1",
  ];
}
