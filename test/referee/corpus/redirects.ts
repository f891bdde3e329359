/**
 * ICMP redirects of both families, sent by a router and believed by a host, and the limits of errors: what each address
 * and all together may be told. What Linux paces by time stands far apart.
 */

import { DEVICES, FORWARDING, lan, ROUTE, wan } from "../kinds/router.js";
import { DEVICES_6, FORWARDING_6, ROUTES_6 } from "../kinds/router6.js";
import { ACK, echo, icmp, SYN, tcp, text, udp } from "../packets.js";
import { address6, echo6, icmp6, udp6 } from "../packets6.js";
import type { PacketStep, Scenario, Step } from "../scenario.js";
import type { Group } from "./group.js";

const CLIENT = "192.168.1.10";
const ROUTER = "192.168.1.1";
const OTHER_ROUTER = "192.168.1.2";
const BETTER = "192.168.1.3";
const FAR = "203.0.113.7";
const CLIENT_6 = "2001:db8:1::10";
const FAR_6 = "2001:db8:3::7";

interface Parts {
  readonly name: string;
  readonly devices?: Scenario["devices"];
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly setup?: readonly string[];
  readonly steps: readonly Step[];
  readonly finally?: readonly string[];
}

function scenario({ name, devices = DEVICES, sysctl = {}, setup = [], steps, finally: last = [] }: Parts): Scenario {
  return { version: 1, name, devices, sysctl, setup, steps, finally: last };
}

const conf = (names: Readonly<Record<string, number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(names).map(([name, value]) => [`net.ipv4.conf.${name}`, String(value)]));
const SENDS = { ...FORWARDING, ...conf({ "all.send_redirects": 1 }) };
const DETOUR = `ip route add 203.0.113.0/24 via ${OTHER_ROUTER}`;

const ask = (dst = FAR, src = CLIENT): PacketStep => lan(echo({ src, dst, id: 5 }, 7, 1));
const pause = (millis: number): Step => ({ sleep: `${millis}ms` });

/** A redirect about this host's answer to an echo request, or about another packet of its own. */
function redirect(
  gateway: string,
  { from = OTHER_ROUTER, code = 1, about = echo({ src: ROUTER, dst: FAR, id: 9 }, 3, 1, true), at = lan } = {},
): PacketStep {
  const rest = gateway.split(".").reduce((sum, each) => sum * 256 + Number(each), 0);
  return at(icmp({ src: from, dst: ROUTER, id: 77 }, { type: 5, code, rest, payload: about }));
}

const GET: Step = { run: `ip route get ${FAR} | sed 's/expires [0-9]*sec/expires Nsec/'` };
const GETS: readonly Step[] = [{ run: `ip route get ${FAR} from ${CLIENT} iif lan0` }];

const link6 = { lan0: ["2001:db8:1::1/64", "fe80::1/64"], wan0: ["2001:db8:2::1/64"] };
const ask6 = (dst = FAR_6, src = CLIENT_6, size = 8): PacketStep => lan(echo6({ src, dst }, 7, 1, false, text(size)));

/** A redirect of IPv6 with its options' bytes. */
function redirect6(
  target: string,
  { from = "fe80::2", destination = FAR_6, code = 0, hopLimit = 255, options = header6() } = {},
): PacketStep {
  const payload = Uint8Array.from([...address6(target), ...address6(destination), ...options]);
  return lan(icmp6({ src: from, dst: "2001:db8:1::1", hopLimit }, { type: 137, code, rest: 0, payload }));
}

/** The option that has the packet which a redirect is about. */
function header6(about: Uint8Array = echo6({ src: "2001:db8:1::1", dst: FAR_6 }, 3, 1)): number[] {
  const length = Math.floor((about.length + 8) / 8) * 8;
  return [4, length / 8, 0, 0, 0, 0, 0, 0, ...about.slice(0, length - 8)];
}

const GET_6: Step = { run: `ip -6 route get ${FAR_6}; ip -6 route get 2001:db8:3::8` };
const HOST_6 = ["ip -6 route add default via fe80::2 dev lan0"];

const LIMITED = { "net.ipv4.icmp_ratelimit": "1000", "net.ipv4.icmp_ratemask": "6168" };
const LIMITED_6 = { "net.ipv6.icmp.ratemask": "0-1,3-127", "net.ipv6.icmp.ratelimit": "1000" };
const many = (count: number, step: () => PacketStep): PacketStep[] => Array.from({ length: count }, () => step());
const unwanted = (dst = ROUTER, src = CLIENT): PacketStep =>
  lan(udp({ src, dst, id: 1 }, { sport: 4000, dport: 53, payload: text(4) }));
const unwanted6 = (dst = "2001:db8:1::1", src = CLIENT_6): PacketStep =>
  lan(udp6({ src, dst }, { sport: 4000, dport: 53, payload: text(4) }));
const tooBig = (): PacketStep =>
  lan(udp({ src: CLIENT, dst: FAR, id: 1, df: true }, { sport: 4000, dport: 53, payload: text(1400) }));

const SENT: readonly Scenario[] = [
  scenario({
    name: "a better router on the sender's link, less and less often",
    sysctl: SENDS,
    setup: [DETOUR],
    steps: [ask(), ask(), pause(200), ask(), ask(), pause(400), ask(), ask("203.0.113.8"), ask(FAR, "192.168.1.11")],
  }),
  scenario({
    name: "a neighbour that the sender could have reached itself",
    sysctl: SENDS,
    steps: [ask("192.168.1.20"), ...GETS, ask("192.168.1.21", "192.168.1.12")],
  }),
  ...[
    { "all.send_redirects": 0, "lan0.send_redirects": 1 },
    { "all.send_redirects": 0, "lan0.send_redirects": 0 },
    { "all.send_redirects": 1, "all.shared_media": 0, "lan0.shared_media": 0 },
    { "all.send_redirects": 1, "all.shared_media": 0, "lan0.shared_media": 1 },
    { "all.send_redirects": 1, "all.rp_filter": 1 },
    { "all.send_redirects": 1, "all.rp_filter": 2 },
  ].flatMap((switches) =>
    [DETOUR, "ip route add 203.0.113.0/24 via 192.168.7.2 dev lan0 onlink"].map((route, i) =>
      scenario({
        name: `sent with ${JSON.stringify(switches)}, ${i === 0 ? "on one subnet" : "by a router of no subnet"}`,
        sysctl: { ...FORWARDING, ...conf(switches) },
        setup: [route],
        steps: [ask(), ...GETS],
      }),
    ),
  ),
  scenario({
    name: "a sender behind another router is told nothing",
    sysctl: SENDS,
    setup: [DETOUR, "ip route add 192.168.9.0/24 via 192.168.1.9", "ip route add 192.168.10.0/24 dev lan0"],
    steps: [ask(FAR, "192.168.9.1"), ask(FAR, "192.168.10.1"), ask(FAR, "192.168.11.1"), ask(FAR, "198.51.100.8")],
  }),
  scenario({
    name: "not about errors, later fragments, or where nothing is forwarded",
    sysctl: SENDS,
    setup: [DETOUR],
    steps: [
      lan(
        icmp(
          { src: CLIENT, dst: FAR, id: 3 },
          { type: 3, code: 1, payload: echo({ src: FAR, dst: CLIENT, id: 1 }, 1, 1) },
        ),
      ),
      lan(echo({ src: CLIENT, dst: FAR, id: 4, ttl: 1 }, 1, 1)),
      wan(echo({ src: "198.51.100.9", dst: FAR, id: 4 }, 1, 1)),
      lan(tcp({ src: CLIENT, dst: FAR, id: 6 }, { sport: 1000, dport: 80, flags: SYN, seq: 1 })),
    ],
  }),
  scenario({
    name: "NAT keeps back a redirect about what it translates",
    sysctl: SENDS,
    setup: [
      ROUTE,
      "iptables-legacy -t nat -A PREROUTING -d 198.51.100.1 -j DNAT --to-destination 192.168.1.20",
      "iptables-legacy -t nat -A POSTROUTING -s 192.168.1.11 -j SNAT --to-source 192.168.1.1",
    ],
    steps: [ask("198.51.100.1"), pause(100), ask("192.168.1.20"), pause(100), ask("198.51.100.1", "192.168.1.11")],
    finally: ["conntrack -L"],
  }),
  scenario({
    name: "what comes off the loopback was not asked about",
    sysctl: SENDS,
    setup: ["ip route add default dev lo"],
    steps: [ask(FAR)],
  }),
  scenario({
    name: "by a rule's table and to a connection that is tracked",
    sysctl: SENDS,
    setup: [
      DETOUR,
      "ip rule add from 192.168.1.10 table 100",
      "ip route add default via 192.168.1.7 table 100",
      "iptables-legacy -A OUTPUT -p icmp -m conntrack --ctstate RELATED",
    ],
    steps: [
      ask(),
      ask(FAR, "192.168.1.11"),
      lan(tcp({ src: "192.168.1.12", dst: FAR, id: 6 }, { sport: 1, dport: 80, flags: ACK, seq: 1 })),
    ],
    finally: ["iptables-legacy-save -c"],
  }),
];

const OBEYED: readonly Scenario[] = [
  scenario({
    name: "a host goes by what its router says, and by another's word no more",
    setup: [`ip route add default via ${OTHER_ROUTER}`],
    steps: [
      redirect(BETTER),
      GET,
      { run: "ip route get 203.0.113.8" },
      redirect("192.168.1.4"),
      GET,
      redirect("192.168.1.5", { from: BETTER }),
      GET,
    ],
  }),
  ...[0, 2, 3, 4, 5, 12].map((code) =>
    scenario({
      name: `a redirect of code ${code}`,
      setup: [`ip route add default via ${OTHER_ROUTER}`],
      steps: [redirect(BETTER, { code }), GET],
    }),
  ),
  ...[
    OTHER_ROUTER,
    "224.0.0.5",
    "255.255.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    ROUTER,
    "192.168.1.255",
    "10.1.2.3",
    "198.51.100.9",
  ].map((gateway) =>
    scenario({
      name: `a redirect to ${gateway}`,
      setup: [`ip route add default via ${OTHER_ROUTER}`],
      steps: [redirect(gateway), GET],
    }),
  ),
  ...[
    { "all.accept_redirects": 0, "lan0.accept_redirects": 1 },
    { "all.accept_redirects": 1, "lan0.accept_redirects": 0 },
    { "all.accept_redirects": 0, "lan0.accept_redirects": 0 },
    { "all.forwarding": 1, "all.accept_redirects": 1, "lan0.accept_redirects": 1 },
    { "all.forwarding": 1, "all.accept_redirects": 1, "lan0.accept_redirects": 0 },
    { "all.forwarding": 1, "all.accept_redirects": 0, "lan0.accept_redirects": 1 },
  ].map((switches) =>
    scenario({
      name: `believed with ${JSON.stringify(switches)}`,
      sysctl: conf(switches),
      setup: [`ip route add default via ${OTHER_ROUTER}`],
      steps: [
        redirect(BETTER),
        GET,
        ...(Object.hasOwn(switches, "all.forwarding")
          ? [wan(echo({ src: "198.51.100.9", dst: FAR, id: 1 }, 1, 1))]
          : []),
      ],
    }),
  ),
  ...[0, 1].flatMap((secure) =>
    [BETTER, "192.168.1.4", "10.1.2.3"].map((gateway) =>
      scenario({
        name: `without shared media, secure_redirects ${secure}: to ${gateway}`,
        sysctl: conf({
          "all.shared_media": 0,
          "lan0.shared_media": 0,
          "all.secure_redirects": 0,
          "lan0.secure_redirects": secure,
        }),
        setup: [`ip route add default via ${OTHER_ROUTER}`, `ip route add 10.0.0.0/8 via ${BETTER}`],
        steps: [redirect(gateway), GET],
      }),
    ),
  ),
  scenario({
    name: "about what nobody here sent, by another device, about what is on the link",
    setup: [`ip route add default via ${OTHER_ROUTER}`],
    steps: [
      redirect(BETTER, { about: udp({ src: ROUTER, dst: FAR, id: 9 }, { sport: 1, dport: 2, payload: text(8) }) }),
      GET,
      redirect(BETTER, { about: tcp({ src: ROUTER, dst: FAR, id: 9 }, { sport: 1, dport: 2, flags: ACK, seq: 1 }) }),
      GET,
      redirect(BETTER, { about: echo({ src: ROUTER, dst: "192.168.1.30", id: 9 }, 3, 1, true) }),
      { run: "ip route get 192.168.1.30" },
      redirect(BETTER, { about: echo({ src: ROUTER, dst: FAR, id: 9 }, 3, 1, true).slice(0, 24) }),
      GET,
      redirect(BETTER, { at: wan }),
      GET,
      redirect("192.168.1.4", { about: echo({ src: ROUTER, dst: FAR, id: 9 }, 3, 1) }),
      GET,
    ],
  }),
  scenario({
    name: "a learned MTU and a redirect for one destination",
    setup: [`ip route add default via ${OTHER_ROUTER}`],
    steps: [
      redirect(BETTER),
      lan(
        icmp(
          { src: OTHER_ROUTER, dst: ROUTER, id: 7 },
          { type: 3, code: 4, rest: 1300, payload: echo({ src: ROUTER, dst: FAR, id: 9 }, 3, 1, true) },
        ),
      ),
      GET,
      { run: "ip route flush cache" },
      GET,
    ],
  }),
];

/** What Linux calls the zero network is one address since 5.3. */
const ZERO: readonly Scenario[] = [
  scenario({
    name: "addresses of 0.0.0.0/8 are as others: types, sources, routes, redirects",
    sysctl: { ...FORWARDING, ...conf({ "all.rp_filter": 1 }) },
    setup: [
      "ip addr add 0.5.0.1/16 dev wan0",
      ...["UNICAST", "BROADCAST", "LOCAL"].flatMap((type) => [
        `iptables-legacy -t raw -A PREROUTING -m addrtype --dst-type ${type}`,
        `iptables-legacy -t raw -A PREROUTING -m addrtype --src-type ${type}`,
      ]),
      "iptables-legacy -t raw -A PREROUTING -m rpfilter",
      "iptables-legacy -t raw -A PREROUTING -m rpfilter --loose",
    ],
    steps: [
      { run: "ip route; ip route get 0.5.0.9; ip route get 198.51.100.9 from 0.5.0.1" },
      ask("0.5.0.9"),
      ask("0.6.0.9"),
      ask("198.51.100.9", "0.7.0.1"),
      wan(echo({ src: "0.5.0.9", dst: "0.5.0.1", id: 5 }, 7, 1)),
      wan(echo({ src: "0.5.0.9", dst: CLIENT, id: 5 }, 7, 1)),
    ],
    finally: ["iptables-legacy-save -c -t raw"],
  }),
];

const SENT_6: readonly Scenario[] = [
  scenario({
    name: "IPv6: a better router on the link, once a second",
    devices: link6,
    sysctl: FORWARDING_6,
    setup: ["ip -6 route add 2001:db8:3::/48 via fe80::2 dev lan0"],
    steps: [...many(8, () => ask6()), pause(1100), ask6(), ask6(), ask6("2001:db8:3::8", "2001:db8:1::11")],
  }),
  scenario({
    name: "IPv6: a neighbour, a router that is not told by its link's address, senders elsewhere, long packets",
    devices: link6,
    sysctl: FORWARDING_6,
    setup: [
      "ip -6 route add 2001:db8:3::/48 via fe80::2 dev lan0",
      "ip -6 route add 2001:db8:5::/48 via 2001:db8:1::2",
    ],
    steps: [
      ask6("2001:db8:1::20"),
      ask6("2001:db8:5::1"),
      ask6(FAR_6, "2001:db8:1::12", 1200),
      ask6("2001:db8:3::9", "2001:db8:9::1"),
      ask6("2001:db8:3::a", "2001:db8:3::1"),
      ask6("2001:db8:3::b", "2001:db8:1::13", 3),
      ask6("2001:db8:3::c", "fe80::99"),
    ],
  }),
  scenario({
    name: "IPv6: without an address of the link nothing is said",
    devices: DEVICES_6,
    sysctl: FORWARDING_6,
    setup: ["ip -6 route add 2001:db8:3::/48 via fe80::2 dev lan0"],
    steps: [ask6(), ask6("2001:db8:1::20")],
  }),
  scenario({
    name: "IPv6: a redirect belongs to the connection that it is about",
    devices: link6,
    sysctl: FORWARDING_6,
    setup: [
      "ip -6 route add 2001:db8:3::/48 via fe80::2 dev lan0",
      ...["RELATED", "INVALID", "UNTRACKED"].map(
        (state) => `ip6tables-legacy -A OUTPUT -m conntrack --ctstate ${state}`,
      ),
      ...["RELATED", "INVALID", "UNTRACKED"].map(
        (state) => `ip6tables-legacy -A INPUT -m conntrack --ctstate ${state}`,
      ),
    ],
    steps: [
      ask6(),
      redirect6("fe80::3"),
      redirect6("fe80::3", { options: [] }),
      redirect6("fe80::3", { hopLimit: 64 }),
      redirect6("fe80::3", { code: 1 }),
    ],
    finally: ["ip6tables-legacy-save -c"],
  }),
];

const OBEYED_6: readonly Scenario[] = [
  ...(
    [
      ["by its router's word", [redirect6("fe80::3")]],
      ["straight to a neighbour", [redirect6(FAR_6)]],
      ["twice", [redirect6("fe80::3"), redirect6("fe80::4"), redirect6("fe80::5", { from: "fe80::4" })]],
      ["from elsewhere", [redirect6("fe80::3", { from: "fe80::9" }), redirect6("fe80::3", { from: "2001:db8:1::2" })]],
      ["to an address of no link", [redirect6("2001:db8:1::3")]],
      ["about a group", [redirect6("fe80::3", { destination: "ff02::1" })]],
      [
        "that was forwarded, or has a code",
        [redirect6("fe80::3", { hopLimit: 254 }), redirect6("fe80::3", { code: 1 })],
      ],
      ["that names no packet", [redirect6("fe80::3", { options: [] })]],
      [
        "with options of no length, cut off, and others",
        [
          redirect6("fe80::3", { options: [4, 0, 0, 0, 0, 0, 0, 0] }),
          redirect6("fe80::4", { options: [4, 9, 0, 0, 0, 0, 0, 0] }),
          redirect6("fe80::5", { options: [14, 1, 0, 0, 0, 0, 0, 0, ...header6()] }),
        ],
      ],
      [
        "about what nobody here sent",
        [
          redirect6("fe80::3", {
            options: header6(udp6({ src: "2001:db8:1::1", dst: FAR_6 }, { sport: 1, dport: 2, payload: text(8) })),
          }),
        ],
      ],
    ] as const
  ).map(([name, steps]) =>
    scenario({ name: `IPv6: redirected ${name}`, devices: link6, setup: HOST_6, steps: [...steps, GET_6] }),
  ),
  ...[
    { "net.ipv6.conf.lan0.accept_redirects": "0" },
    { "net.ipv6.conf.all.accept_redirects": "0" },
    { "net.ipv6.conf.all.forwarding": "1" },
  ].map((sysctl) =>
    scenario({
      name: `IPv6: redirected with ${JSON.stringify(sysctl)}`,
      devices: link6,
      sysctl,
      setup: HOST_6,
      steps: [redirect6("fe80::3"), GET_6],
    }),
  ),
];

const LIMITS: readonly Scenario[] = [
  scenario({
    name: "six errors to one host, two of those for which there is no route: they cost twice",
    sysctl: { ...FORWARDING, ...LIMITED },
    steps: [
      ...many(8, unwanted),
      ...many(8, () => unwanted("192.0.2.1", "192.168.1.11")),
      pause(2100),
      ...many(4, () => unwanted("192.0.2.1", "192.168.1.11")),
    ],
  }),
  ...[
    { "net.ipv4.icmp_msgs_per_sec": "0" },
    { "net.ipv4.icmp_ratelimit": "0" },
    { "net.ipv4.icmp_ratemask": "16" },
    { "net.ipv4.icmp_ratemask": "-1" },
    { "net.ipv4.icmp_msgs_per_sec": "0", "net.ipv4.icmp_ratemask": "0" },
  ].map((sysctl) =>
    scenario({
      name: `errors with ${JSON.stringify(sysctl)}`,
      devices: { lan0: [...DEVICES.lan0, ...link6.lan0], wan0: [...DEVICES.wan0] },
      sysctl: { ...FORWARDING, ...FORWARDING_6, ...LIMITED, ...LIMITED_6, ...sysctl },
      setup: [ROUTE, "ip link set wan0 mtu 1280"],
      steps: [
        ...many(8, unwanted),
        ...many(2, tooBig),
        ...many(8, unwanted6),
        lan(echo({ src: CLIENT, dst: ROUTER, id: 1 }, 1, 1)),
      ],
    }),
  ),
  scenario({
    name: "the limits' values as they are written and read",
    devices: DEVICES_6,
    steps: [
      ...["net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"].flatMap((name) =>
        ["-1", "1", "5", "1000"].map((value) => ({ run: `sysctl -w ${name}=${value}; sysctl ${name}` })),
      ),
      ...["1,2,3", "5-3", "1-300", "x", "0-255", "7,9-11,10-20"].map((value) => ({
        run: `sysctl -w net.ipv6.icmp.ratemask=${value}; sysctl net.ipv6.icmp.ratemask`,
      })),
      ...["icmp_msgs_per_sec", "icmp_msgs_burst", "icmp_ratemask"].flatMap((name) =>
        ["-1", "0", "70000"].map((value) => ({ run: `sysctl -w net.ipv4.${name}=${value}; sysctl net.ipv4.${name}` })),
      ),
      ...["error_anycast_as_unicast", "echo_ignore_anycast", "echo_ignore_all"].flatMap((name) =>
        ["-1", "2", "1"].map((value) => ({
          run: `sysctl -w net.ipv6.icmp.${name}=${value}; sysctl net.ipv6.icmp.${name}`,
        })),
      ),
    ],
  }),
  ...["0", "1"].map((value) =>
    scenario({
      name: `error_anycast_as_unicast and echo_ignore_anycast ${value}`,
      devices: DEVICES_6,
      sysctl: {
        ...FORWARDING_6,
        "net.ipv6.icmp.error_anycast_as_unicast": value,
        "net.ipv6.icmp.echo_ignore_anycast": value,
      },
      setup: ROUTES_6,
      steps: [
        unwanted6("2001:db8:5::1", "2001:db8:1::"),
        unwanted6("2001:db8:5::1", "2001:db8:3::"),
        unwanted6("2001:db8:5::1"),
        ask6("2001:db8:1::"),
        ask6("2001:db8:2::"),
        ask6("2001:db8:1::1"),
      ],
    }),
  ),
];

export const REDIRECTS: Group = {
  name: "redirects",
  about: "ICMP redirects of both families, and the limits of errors",
  scenarios: () => [...SENT, ...OBEYED, ...ZERO, ...SENT_6, ...OBEYED_6, ...LIMITS],
};
