/**
 * Connections under MASQUERADE and SNAT when an address, a device or a route goes away and perhaps comes back, with
 * several addresses on several devices, of both families.
 */
import type { Choice } from "../choice.js";
import { ACK, echo, type IpFields, SYN, tcp, text, udp } from "../packets.js";
import { echo6, tcp6, udp6 } from "../packets6.js";
import type { Step } from "../scenario.js";
import { arrives, FORWARDING, type Kind, loaded, stateCounters } from "./router.js";
import { FORWARDING_6 } from "./router6.js";

/** What a family calls the places of this network. */
interface Places {
  readonly tools: readonly string[];
  readonly ip: string;
  readonly clients: readonly string[];
  /** With the devices that lead to them at first. */
  readonly servers: readonly (readonly [address: string, dev: string])[];
  /** The router's addresses outside, with prefix lengths, by device. */
  readonly outside: Readonly<Record<"wan0" | "wan1", readonly string[]>>;
  /** Addresses that come later. */
  readonly later: readonly string[];
  /** A network behind wan0, or behind wan1 at other times. */
  readonly far: string;
  readonly routes: readonly string[];
}

const V4: Places = {
  tools: ["iptables-legacy", "iptables-legacy", "iptables"],
  ip: "ip",
  clients: ["192.168.1.10", "192.168.1.11"],
  servers: [
    ["198.51.100.9", "wan0"],
    ["203.0.113.7", "wan0"],
    ["192.0.2.9", "wan1"],
    ["100.64.0.7", "wan0"],
  ],
  outside: {
    wan0: ["198.51.100.1/24", "198.51.100.2/24", "203.0.113.1/24"],
    wan1: ["192.0.2.1/24", "198.51.100.1/32"],
  },
  later: [
    "198.51.100.3/24",
    "192.0.2.2/24",
    "100.64.0.1/16",
    "198.51.100.1/24",
    "10.9.9.9/32",
    "10.8.8.8 peer 100.64.0.7",
    "198.51.100.5 peer 198.51.100.9/32",
  ],
  far: "100.64.0.0/16",
  routes: ["ip route add 100.64.0.0/16 via 203.0.113.99 dev wan0"],
};

const V6: Places = {
  tools: ["ip6tables-legacy", "ip6tables-legacy", "ip6tables"],
  ip: "ip -6",
  clients: ["2001:db8:1::10", "2001:db8:1::11"],
  servers: [
    ["2001:db8:2::9", "wan0"],
    ["2001:db8:3::7", "wan0"],
    ["2001:db8:4::9", "wan1"],
    ["2001:db8:5::7", "wan0"],
  ],
  outside: {
    wan0: ["2001:db8:2::1/64", "2001:db8:2::2/64", "2001:db8:3::1/64"],
    wan1: ["2001:db8:4::1/64", "2001:db8:2::1/128"],
  },
  later: ["2001:db8:2::3/64", "2001:db8:4::2/64", "2001:db8:5::1/48", "2001:db8:2::1/64", "2001:db8:9::9/128"],
  far: "2001:db8:5::/48",
  routes: ["ip -6 route add 2001:db8:5::/48 dev wan0"],
};

function rules(choice: Choice, { outside }: Places, tool: string): string[] {
  const post = `${tool} -t nat -A POSTROUTING`;
  const own = outside.wan0[choice.below(3)].split("/")[0];
  return choice.times(choice.between(1, 2), () =>
    choice.pick([
      () => `${post} -o wan0 -j MASQUERADE`,
      () => `${post} -o wan+ -j MASQUERADE`,
      () => `${post} -j MASQUERADE`,
      () => `${post} -o wan0 -p udp -j MASQUERADE --to-ports 3000-60000`,
      () => `${post} -o wan0 -j SNAT --to-source ${own}`,
      () => `${post} -o wan1 -j SNAT --to-source ${own}`,
      () => `${post} -p tcp -j SNAT --to-source ${own}`,
    ])(),
  );
}

function change(choice: Choice, places: Places, tool: string): string {
  const { ip, outside, later, far } = places;
  // Of IPv6, Linux leaves it to a worker to see that nobody else has an address.
  const settled = places === V4 ? "" : "; sleep 0.05";
  const dev = choice.pick(["wan0", "wan0", "wan1", "lan0"] as const);
  const wan = choice.pick(["wan0", "wan1"] as const);
  return choice.pick([
    () => `${ip} addr del ${choice.pick(outside[wan])} dev ${wan}`,
    () => `${ip} addr del ${choice.pick([...later, ...outside[wan]])} dev ${wan}`,
    () => `${ip} addr add ${choice.pick([...later, ...outside[wan]])} dev ${wan}${settled}`,
    () => `${ip} addr flush dev ${wan}`,
    () => `ip link set ${dev} down`,
    () => `ip link set ${dev} up${settled}`,
    () => `ip link set ${dev} down; ip link set ${dev} up${settled}`,
    () => `${ip} route ${places === V4 ? "replace" : "add"} ${far} dev ${wan}`,
    () => `${ip} route del ${far}`,
    () => `${tool} -t nat -F`,
    () => `${tool} -t nat -A POSTROUTING -j MASQUERADE`,
    () => (places === V4 ? "conntrack -L" : "conntrack -L -f ipv6"),
    () => `sysctl -w net.ipv4.conf.all.promote_secondaries=${choice.below(2)}`,
  ])();
}

function packet(choice: Choice, places: Places): Step {
  const v4 = places === V4;
  const client = choice.pick(places.clients);
  const [server, usual] = choice.pick(places.servers);
  const sport = choice.between(4000, 4005);
  const outward = !choice.oneIn(3);
  const seen = choice.pick([...places.outside.wan0, ...places.outside.wan1, ...places.later]).split(/[/ ]/)[0];
  const ip: IpFields = outward ? { src: client, dst: server } : { src: server, dst: seen };
  const dev = outward ? "lan0" : choice.oneIn(6) ? "wan1" : usual;
  const [source, target] = outward ? [sport, 80] : [80, sport];
  const segment = outward
    ? { flags: choice.pick([SYN, SYN, ACK]), seq: 1000, ack: 9001 }
    : { flags: choice.pick([SYN | ACK, ACK]), seq: 9000, ack: 1001 };
  return choice.pick([
    () => {
      const fields = { sport: source, dport: target, payload: text(4) };
      return arrives(dev, v4 ? udp(ip, fields) : udp6(ip, fields));
    },
    () => {
      const fields = { sport: source, dport: target, ...segment };
      return arrives(dev, v4 ? tcp(ip, fields) : tcp6(ip, fields));
    },
    () => arrives(dev, v4 ? echo(ip, sport, 1, !outward) : echo6(ip, sport, 1, !outward)),
  ])();
}

export const NAT_AWAY: Kind = {
  name: "nat-away",
  about: "MASQUERADE and SNAT when addresses, devices and routes go away and come back",
  make(choice) {
    const families = choice.pick([[V4], [V4], [V6], [V4, V6]]);
    const chosen = families.map((places) => ({ places, tool: choice.pick(places.tools) }));
    const steps = choice.times(choice.between(4, 70), (): Step => {
      const { places, tool } = choice.pick(chosen);
      return choice.oneIn(7) ? { run: change(choice, places, tool) } : packet(choice, places);
    });
    const addresses = (dev: "wan0" | "wan1"): string[] => chosen.flatMap(({ places }) => places.outside[dev]);
    return {
      devices: { lan0: ["192.168.1.1/24", "2001:db8:1::1/64"], wan0: addresses("wan0"), wan1: addresses("wan1") },
      sysctl: { ...FORWARDING, ...FORWARDING_6 },
      setup: [
        ...chosen.flatMap(({ places }) => places.routes),
        ...chosen.map(({ places, tool }) => loaded(tool, [...rules(choice, places, tool), ...stateCounters(tool)])),
      ],
      steps,
      finally: ["conntrack -L", "conntrack -L -f ipv6", ...chosen.map(({ tool }) => `${tool}-save -c`)],
    };
  },
};
