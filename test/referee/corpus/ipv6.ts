/**
 * IPv6 where a host or a router has to judge a packet itself: extension headers, paths that take less than their first
 * link, fragments that never become whole, and errors that are held back.
 */
import { lan, wan } from "../kinds/router.js";
import { CLIENT, DEVICES_6, FORWARDING_6, INSIDE, OUTSIDE, ROUTES_6, SERVER } from "../kinds/router6.js";
import { echo, type IpFields, icmp, SYN, tcp, text, udp } from "../packets.js";
import {
  address6,
  type Extension,
  echo6,
  fragmentHeader,
  type Ip6Fields,
  icmp6,
  ipv6,
  options6,
  routingHeader,
  tcp6,
  udp6,
  udplite6,
} from "../packets6.js";
import type { PacketStep, Scenario, Step } from "../scenario.js";
import { type Group, onRouter } from "./group.js";

const ROUTER4: IpFields = { src: "198.51.100.1", dst: "198.51.100.9", id: 1 };
const SERVER4: IpFields = { src: "198.51.100.9", dst: "198.51.100.1", id: 2 };

interface Parts6 {
  readonly name: string;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly setup?: readonly string[];
  readonly steps: readonly Step[];
  readonly finally?: readonly string[];
}

function onRouter6({ name, sysctl = {}, setup = [], steps, finally: last = [] }: Parts6): Scenario {
  return {
    version: 1,
    name,
    devices: DEVICES_6,
    sysctl: { ...FORWARDING_6, ...sysctl },
    setup: [...ROUTES_6, ...setup],
    steps,
    finally: last,
  };
}

/** A datagram with extension headers to the router, or through it. */
function datagram(extensions: readonly Extension[], ip: Partial<Ip6Fields> = {}): PacketStep {
  const fields = { src: CLIENT, dst: INSIDE, extensions, ...ip };
  return lan(udp6(fields, { sport: 4000, dport: 53, payload: text(8) }));
}

/** What stands behind extension headers, of another protocol. */
function behind(protocol: number, ...extensions: readonly Extension[]): PacketStep {
  return lan(ipv6({ src: CLIENT, dst: INSIDE, extensions }, protocol, text(16)));
}

const ADDRESSES = [SERVER, OUTSIDE];
const SEGMENTS_LEFT = [0, 1, 2, 9];

/** Options and what Linux takes them for. */
const OPTIONS: readonly (readonly number[])[] = [
  [0x1e, 2, 0, 0],
  [0x5e, 2, 0, 0],
  [0x9e, 2, 0, 0],
  [0xde, 2, 0, 0],
  // Router alerts, the second one too long.
  [5, 2, 0, 0],
  [5, 4, 0, 0, 0, 0],
  // Lengths of jumbograms: none, beside the header's own, in a wrong place, too short.
  [0xc2, 4, 0, 0, 0, 100],
  [0xc2, 4, 0, 1, 0, 100],
  [0, 0xc2, 4, 0, 1, 0, 100],
  [0xc2, 3, 0, 1, 0],
  // A security label, measurements in a wrong place and in a right one, a home address, a tunnel's limit.
  [7, 8, 0, 0, 0, 1, 0, 0, 0, 0],
  [0x31, 2, 0, 0],
  [1, 0, 0x31, 2, 0, 0],
  [0xc9, 16, ...address6(CLIENT)],
  [4, 1, 5],
  // As many as a header may have, and one more.
  Array.from({ length: 8 }, () => [0x1e, 0]).flat(),
  Array.from({ length: 9 }, () => [0x1e, 0]).flat(),
];

/** An echo request that is answered whole or in fragments. */
const ask = (src = SERVER, dst = OUTSIDE): PacketStep => wan(echo6({ src, dst }, 7, 1, false, text(1400)));
const forwarded = (size = 1400): PacketStep =>
  lan(udp6({ src: CLIENT, dst: SERVER }, { sport: 4000, dport: 53, payload: text(size) }));
const tooBig = (about: Uint8Array, mtu: number, dst = OUTSIDE): PacketStep =>
  wan(icmp6({ src: SERVER, dst }, { type: 2, rest: mtu, payload: about.slice(0, 200) }));
const REPLY = echo6({ src: OUTSIDE, dst: SERVER }, 7, 1, true, text(100));

const ask4: PacketStep = wan(echo(SERVER4, 7, 1, false, text(1400)));
const tooBig4 = (about: Uint8Array, mtu: number): PacketStep =>
  wan(icmp(SERVER4, { type: 3, code: 4, rest: mtu, payload: about.slice(0, 60) }));

const PORTS = { sport: 4000, dport: 53 };
const DATAGRAM = udp6({ src: CLIENT, dst: INSIDE }, { ...PORTS, payload: text(100) }).slice(40);

/** A piece of {@link DATAGRAM}; the last one ends with it. */
function piece(id: number, from: number, to: number, dst = INSIDE): PacketStep {
  const more = to < DATAGRAM.length;
  return lan(ipv6({ src: CLIENT, dst, extensions: [fragmentHeader(from, more, id)] }, 17, DATAGRAM.slice(from, to)));
}

const WAIT: Step = { sleep: "2500ms" };

/** Datagrams to a port that nobody has. */
const unwanted = (count: number, src = CLIENT): PacketStep[] =>
  Array.from({ length: count }, () => lan(udp6({ src, dst: INSIDE }, { ...PORTS, payload: text(4) })));

const LIMITED = { "net.ipv6.icmp.ratemask": "0-1,3-127", "net.ipv6.icmp.ratelimit": "1000" };

export const PACKETS_6: Group = {
  name: "ipv6",
  about: "extension headers, path MTUs, fragments that stay incomplete and limited errors of IPv6",
  scenarios: () => [
    ...[0, 1, 2, 3, 4, 253].map((type) =>
      onRouter6({
        name: `routing header of type ${type} to the router, with ${SEGMENTS_LEFT.join(", ")} segments left`,
        steps: [
          ...SEGMENTS_LEFT.map((left) => datagram([routingHeader(type, left, ADDRESSES)])),
          ...SEGMENTS_LEFT.map((left) => datagram([routingHeader(type, left, [])])),
        ],
      }),
    ),
    onRouter6({
      name: "routing headers elsewhere: behind others, twice, cut off, to a group, through the router",
      steps: [
        datagram([options6(0), routingHeader(0, 1, ADDRESSES)]),
        datagram([options6(60), routingHeader(0, 1, ADDRESSES)]),
        datagram([routingHeader(0, 0, ADDRESSES), routingHeader(0, 1, ADDRESSES)]),
        datagram([fragmentHeader(0, false, 7), routingHeader(0, 1, ADDRESSES)]),
        datagram([{ header: 43, bytes: Uint8Array.of(0, 40, 0, 1, 0, 0, 0, 0) }]),
        datagram([routingHeader(0, 1, ADDRESSES)], { dst: "ff02::1" }),
        datagram([routingHeader(0, 1, ADDRESSES)], { dst: SERVER }),
        datagram([routingHeader(4, 1, ADDRESSES)], { dst: SERVER }),
      ],
    }),
    ...([0, 60] as const).flatMap((header) =>
      [INSIDE, SERVER, "ff02::1"].map((dst) =>
        onRouter6({
          name: `options in a header ${header === 0 ? "of every hop" : "of the destination"}, to ${dst}`,
          steps: [
            ...OPTIONS.map((options) => datagram([options6(header, options)], { dst })),
            datagram([options6(header, [0xc2, 4, 0, 1, 0, 100])], { dst, payloadLength: 0 }),
          ],
        }),
      ),
    ),
    onRouter6({
      name: "which header a parameter problem points to",
      steps: [
        behind(253),
        behind(253, options6(0)),
        behind(253, options6(0), options6(60)),
        behind(253, options6(60), routingHeader(0, 0, ADDRESSES), options6(60)),
        behind(253, fragmentHeader(0, false, 7)),
        datagram([options6(60), options6(0)]),
        datagram([options6(0), options6(0)]),
        datagram([routingHeader(0, 0, ADDRESSES), options6(0)]),
        behind(59),
        behind(59, options6(60)),
        ...[4, 41, 47, 50, 51, 103, 132, 135].map((protocol) => behind(protocol)),
      ],
    }),
    onRouter6({
      name: "UDP-Lite to the router: a sound datagram finds no socket, another is dropped",
      steps: [undefined, 0, 7, 8, 12, 1000].flatMap((coverage) =>
        [0, 1].map((checksumError) =>
          lan(
            udplite6(
              { src: CLIENT, dst: INSIDE },
              { ...PORTS, payload: text(20), checksumError, ...(coverage === undefined ? {} : { coverage }) },
            ),
          ),
        ),
      ),
    }),
    onRouter6({
      name: "a path's MTU is learned from errors about this router's own packets",
      steps: [
        ask(),
        tooBig(udp6({ src: OUTSIDE, dst: SERVER }, { ...PORTS, payload: text(100) }), 1300),
        ask(),
        tooBig(tcp6({ src: OUTSIDE, dst: SERVER }, { ...PORTS, flags: SYN }), 1300),
        ask(),
        tooBig(ipv6({ src: OUTSIDE, dst: SERVER }, 253, text(100)), 1300),
        ask(),
        ...[1000, 1279, 1400, 1450, 1320, 1280].flatMap((mtu) => [tooBig(REPLY, mtu), ask()]),
        ask("2001:db8:3::7"),
      ],
    }),
    onRouter6({
      name: "a learned MTU holds for what is forwarded, too: when it leaves, one hop later",
      steps: [forwarded(), tooBig(REPLY, 1400), forwarded(), forwarded(1352), forwarded(1353), forwarded(1460)],
    }),
    onRouter6({
      name: "a learned MTU is forgotten (route.mtu_expires)",
      sysctl: { "net.ipv6.route.mtu_expires": "1" },
      steps: [tooBig(REPLY, 1300), ask(), WAIT, ask()],
    }),
    onRouter({
      name: "over IPv4 a path's MTU is learned from errors about this router's own packets alone",
      steps: [
        ask4,
        tooBig4(udp(ROUTER4, { ...PORTS, payload: text(100) }), 1300),
        ask4,
        tooBig4(tcp(ROUTER4, { ...PORTS, flags: SYN }), 1300),
        ask4,
        tooBig4(echo(ROUTER4, 7, 1, true, text(100)), 1300),
        ask4,
      ],
    }),
    onRouter6({
      name: "fragments for the router that stay incomplete: an error if the first one came (ip6frag_time)",
      sysctl: { "net.ipv6.ip6frag_time": "1" },
      steps: [piece(1, 0, 48), piece(2, 48, 108), WAIT, piece(1, 48, 108), piece(2, 0, 48), WAIT],
    }),
    onRouter6({
      name: "fragments that conntrack waits for in vain (nf_conntrack_frag6_timeout)",
      sysctl: { "net.netfilter.nf_conntrack_frag6_timeout": "1" },
      setup: ["ip6tables-legacy -A FORWARD -m conntrack --ctstate INVALID"],
      steps: [piece(1, 0, 48, SERVER), piece(2, 48, 108, SERVER), WAIT, piece(1, 48, 108, SERVER), WAIT],
    }),
    onRouter6({
      name: "six errors to one host, then one each icmp.ratelimit, whatever the prefix of its route",
      sysctl: LIMITED,
      steps: [
        ...unwanted(8),
        { sleep: "500ms" },
        ...unwanted(2),
        { sleep: "700ms" },
        ...unwanted(2),
        ...unwanted(2, "2001:db8:1::11"),
      ],
    }),
    ...[[], ["ip6tables-legacy -A FORWARD -m conntrack --ctstate NEW"]].map((setup) =>
      onRouter6({
        name: `pieces of a packet through the router, ${setup.length === 0 ? "which has no rule that wants them whole" : "which tracks"}`,
        setup,
        steps: [
          piece(1, 48, 96, SERVER),
          piece(1, 0, 48, SERVER),
          piece(1, 96, DATAGRAM.length, SERVER),
          piece(2, 0, 48, SERVER),
          piece(3, 16, 32, SERVER),
          piece(3, 24, 40, SERVER),
        ],
      }),
    ),
    onRouter6({
      name: "pieces that stay alone are given up together, the last first",
      sysctl: { "net.ipv6.ip6frag_time": "1" },
      steps: [...[1, 2, 3, 4, 5].map((id) => piece(id, 0, 48)), WAIT],
    }),
    onRouter6({
      name: "of several next hops that are to go, those that are there go",
      setup: [
        "ip -6 route add 2001:db8:9::/48 nexthop via 2001:db8:2::2 nexthop via 2001:db8:2::3 nexthop via 2001:db8:2::4",
      ],
      steps: [
        { run: "ip -6 route del 2001:db8:9::/48 nexthop via 2001:db8:2::7 nexthop via 2001:db8:2::3" },
        { run: "ip -6 route show 2001:db8:9::/48" },
        { run: "ip -6 route del 2001:db8:9::/48 nexthop via 2001:db8:2::2 nexthop via 2001:db8:2::8" },
        { run: "ip -6 route show 2001:db8:9::/48" },
      ],
    }),
    onRouter6({
      name: "packet too big is not limited",
      sysctl: LIMITED,
      steps: Array.from({ length: 9 }, () => forwarded(1500)),
    }),
  ],
};
