/**
 * Which of several next hops a packet takes, of either family, by every hash policy and choice of fields: plain packets
 * and tunnels in tunnels. The seed of the hash is given, so that Linux's choice is the same each time.
 */
import type { Choice } from "../choice.js";
import { ACK, concat, type IpFields, icmp, ipv4, put16, put32, tcp, text, udp } from "../packets.js";
import { echo6, fragmentHeader, type Ip6Fields, ipv6, options6, routingHeader, tcp6, udp6 } from "../packets6.js";
import type { Scenario, Step } from "../scenario.js";
import { arrives, FORWARDING, type Kind } from "./router.js";
import { FORWARDING_6 } from "./router6.js";

const DEVICES: Scenario["devices"] = {
  lan0: ["192.168.1.1/24", "2001:db8:1::1/64"],
  wan0: ["198.51.100.1/24", "2001:db8:2::1/64"],
  wan1: ["198.18.0.1/24", "2001:db8:9::1/64"],
};
const WAYS = ["198.51.100.2", "198.18.0.2 weight 3", "198.18.0.3"].map((way) => `nexthop via ${way}`).join(" ");
const WAYS_6 = ["2001:db8:2::2", "2001:db8:9::2 weight 3", "2001:db8:9::3"]
  .map((way) => `nexthop via ${way}`)
  .join(" ");

/** What a header may carry: its number as IP's protocol and as an Ethernet type (0: none), and its bytes. */
interface Carried {
  readonly protocol: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

const within4 = (choice: Choice): IpFields => ({
  src: choice.pick(["10.0.0.1", "10.0.0.2", "10.9.0.1"]),
  dst: choice.pick(["10.0.1.1", "10.0.1.2"]),
  id: 1,
  ...(choice.oneIn(8) ? { mf: true } : {}),
});
const within6 = (choice: Choice): Ip6Fields => ({
  src: choice.pick(["fd00::1", "fd00::2"]),
  dst: choice.pick(["fd00:1::1", "fd00:1::2"]),
  flowLabel: choice.pick([0, 0, 1, 0xabcde]),
  extensions: choice.pick([
    [],
    [],
    [],
    [options6(0)],
    [options6(60)],
    [routingHeader(4, 0, [])],
    [fragmentHeader(0, true, 3)],
  ]),
});

/** A packet of either family within another. */
function inside(choice: Choice, depth: number): Carried {
  if (choice.oneIn(2)) return { protocol: 4, type: 0x0800, bytes: packet4(choice, within4(choice), depth) };
  return { protocol: 41, type: 0x86dd, bytes: packet6(choice, within6(choice), depth) };
}

/** GRE of either version, with what its flags promise and what it carries. */
function gre(choice: Choice, depth: number): Uint8Array {
  const { type, bytes } = inside(choice, depth);
  const pptp = choice.oneIn(4);
  const flags = choice.pick([0, 0, 0x2000, 0x8000, 0x1000, 0xb000, 0x4000]) | (pptp ? choice.pick([1, 0x81, 2]) : 0);
  const ethernet = !pptp && choice.oneIn(4);
  const header = new Uint8Array(4);
  put16(header, 0, pptp ? flags | choice.pick([0x2000, 0x2000, 0]) : flags);
  put16(header, 2, pptp ? 0x880b : ethernet ? 0x6558 : choice.pick([type, type, type, 0x1234]));
  const words = [0x8000, 0x2000, 0x1000, 0x0080].filter((flag) => (header[0] * 256 + header[1]) & flag).length;
  const more = new Uint8Array(words * 4);
  for (let i = 0; i < words; i++) put32(more, i * 4, 7 + i);
  const link = new Uint8Array(ethernet ? 14 : pptp ? 4 : 0);
  const tagged = ethernet && choice.oneIn(3);
  if (ethernet) put16(link, 12, tagged ? 0x8100 : type);
  else if (pptp) put16(link, 2, type === 0x0800 ? 0x21 : choice.pick([0x57, 0x57, 0xc021]));
  const tag = new Uint8Array(tagged ? 4 : 0);
  if (tagged) put16(tag, 2, type);
  return concat(header, more, link, tag, bytes);
}

const PORTS = [1000, 1001, 53];

function packet4(choice: Choice, ip: IpFields, depth: number): Uint8Array {
  const ports = { sport: choice.pick(PORTS), dport: choice.pick(PORTS) };
  const { protocol, bytes } = depth > 0 ? inside(choice, depth - 1) : { protocol: 0, bytes: new Uint8Array(0) };
  return choice.pick<() => Uint8Array>([
    () => udp(ip, { ...ports, payload: text(8) }),
    () => tcp(ip, { ...ports, flags: ACK, seq: 1 }),
    () => icmp(ip, { type: choice.pick([8, 3, 11]), code: 0, rest: 5, payload: packet4(choice, within4(choice), 0) }),
    () => ipv4({ ...ip, protocol: choice.pick([51, 50, 132, 2, 137]) }, text(16)),
    ...(depth > 0
      ? [
          () => ipv4({ ...ip, protocol }, bytes),
          () => ipv4({ ...ip, protocol }, bytes),
          () => ipv4({ ...ip, protocol: 47 }, gre(choice, depth - 1)),
        ]
      : []),
  ])();
}

function packet6(choice: Choice, ip: Ip6Fields, depth: number): Uint8Array {
  const ports = { sport: choice.pick(PORTS), dport: choice.pick(PORTS) };
  const { protocol, bytes } = depth > 0 ? inside(choice, depth - 1) : { protocol: 0, bytes: new Uint8Array(0) };
  return choice.pick<() => Uint8Array>([
    () => udp6(ip, { ...ports, payload: text(8) }),
    () => tcp6(ip, { ...ports, flags: ACK, seq: 1 }),
    () => echo6(ip, 5, 1),
    () => ipv6(ip, choice.pick([50, 132, 59]), text(16)),
    ...(depth > 0
      ? [() => ipv6(ip, protocol, bytes), () => ipv6(ip, protocol, bytes), () => ipv6(ip, 47, gre(choice, depth - 1))]
      : []),
  ])();
}

function step(choice: Choice): Step {
  const last = choice.between(1, 250);
  if (choice.oneIn(8))
    return {
      run: choice.pick([
        `ip route get 203.0.113.${last}`,
        `ip route get 203.0.113.${last} ipproto udp sport 1000 dport ${last}`,
        `ip route get 203.0.113.${last} from 192.168.1.9 iif lan0 ipproto tcp sport 1000 dport ${last}`,
        `ip -6 route get 2001:db8:3::${last}`,
        `ip -6 route get 2001:db8:3::${last} ipproto udp sport 1000 dport ${last}`,
        `ip -6 route get 2001:db8:3::${last} from 2001:db8:1::9 iif lan0 ipproto udp sport 1000 dport ${last}`,
      ]),
    };
  const depth = choice.pick([0, 1, 1, 2, 3]);
  if (choice.oneIn(2))
    return arrives("lan0", packet4(choice, { src: "192.168.1.9", dst: `203.0.113.${last}`, id: 1 }, depth));
  const flowLabel = choice.pick([0, 0, last]);
  return arrives("lan0", packet6(choice, { src: "2001:db8:1::9", dst: `2001:db8:3::${last}`, flowLabel }, depth));
}

export const MULTIPATH: Kind = {
  name: "multipath",
  about: "the choice among several next hops by every hash policy, through tunnels",
  make(choice) {
    const policy = (family: string): Record<string, string> => ({
      [`net.${family}.fib_multipath_hash_policy`]: choice.pick(["0", "1", "2", "2", "3", "3", "3"]),
      [`net.${family}.fib_multipath_hash_fields`]: String(
        choice.pick([7, 4095, 55, 63, 4032, choice.between(1, 4095), choice.between(1, 4095)]),
      ),
    });
    return {
      devices: DEVICES,
      sysctl: {
        ...FORWARDING,
        ...FORWARDING_6,
        ...policy("ipv4"),
        ...policy("ipv6"),
        "net.ipv4.fib_multipath_hash_seed": String(choice.between(1, 0xffff)),
      },
      setup: [
        `ip route add 203.0.113.0/24 ${WAYS}`,
        `ip -6 route add 2001:db8:3::/48 ${WAYS_6}`,
        // A rule that looks at ports has what arrives taken apart earlier.
        ...(choice.oneIn(4) ? ["ip rule add dport 9999 table 100", "ip -6 rule add dport 9999 table 100"] : []),
      ],
      steps: choice.times(choice.between(10, 60), () => step(choice)),
      finally: [],
    };
  },
};
