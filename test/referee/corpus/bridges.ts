/**
 * Frames that cross a bridge, of both families alike: what iptables and conntrack see of them, where NAT leads them, in
 * which fragments they leave, and who hears that they do not.
 */
import { BRIDGE_4, BRIDGE_6, type BridgeFamily, bridgeSetup } from "../kinds/bridge.js";
import { lan, wan } from "../kinds/router.js";
import { echo, ipv4, SYN, tcp, text, udp } from "../packets.js";
import { type Extension, echo6, fragmentHeader, ipv6, options6, PAYLOAD_6, tcp6, udp6 } from "../packets6.js";
import type { PacketStep, Scenario, Step } from "../scenario.js";
import type { Group } from "./group.js";

const PORTS = { sport: 1000, dport: 2000 };
const BACK = { sport: 2000, dport: 1000 };

interface Parts {
  readonly name: string;
  readonly bridged?: boolean;
  readonly setup?: readonly string[];
  readonly steps: readonly Step[];
  readonly finally?: readonly string[];
}

/** The same for both families: its packets, and its tool where a text says TOOL. */
class Frames {
  readonly family: BridgeFamily;
  readonly #v6: boolean;

  constructor(family: BridgeFamily) {
    this.family = family;
    this.#v6 = family === BRIDGE_6;
  }

  scenario({
    name,
    bridged = true,
    setup = [],
    steps,
    finally: last = ["conntrack -L", "TOOL-save -c"],
  }: Parts): Scenario {
    const tool = this.#v6 ? "ip6tables-legacy" : "iptables-legacy";
    const named = (line: string): string => line.replaceAll("TOOL", tool);
    return {
      version: 1,
      name: `${name} (${this.#v6 ? "IPv6" : "IPv4"})`,
      devices: this.family.devices,
      setup: [...bridgeSetup(this.family, bridged), ...setup.map(named)],
      steps,
      finally: last.map(named),
    };
  }

  /** A datagram of the client's; `size`: of its payload. */
  ask(server = 0, size = 8, dport = PORTS.dport): PacketStep {
    const ip = { src: this.family.client, dst: this.family.servers[server], id: 7 };
    const fields = { ...PORTS, dport, payload: text(size) };
    return lan(this.#v6 ? udp6(ip, fields) : udp(ip, fields));
  }

  answer(server = 0, dst = this.family.client, ports = BACK): PacketStep {
    const ip = { src: this.family.servers[server], dst, id: 9 };
    const fields = { ...ports, payload: text(8) };
    return wan(this.#v6 ? udp6(ip, fields) : udp(ip, fields));
  }

  syn(server = 0): PacketStep {
    const ip = { src: this.family.client, dst: this.family.servers[server], id: 7 };
    const fields = { ...PORTS, flags: SYN, seq: 1000 };
    return lan(this.#v6 ? tcp6(ip, fields) : tcp(ip, fields));
  }

  ping(): PacketStep {
    const ip = { src: this.family.client, dst: this.family.servers[0], id: 7 };
    return lan(this.#v6 ? echo6(ip, 7, 1) : echo(ip, 7, 1));
  }

  /** A datagram of `length` bytes in pieces of `size`. */
  pieces(size: number, length: number, server = 0, df = false): PacketStep[] {
    const [src, dst] = [this.family.client, this.family.servers[server]];
    const ports = { ...PORTS, payload: text(length - 8) };
    const datagram = this.#v6 ? udp6({ src, dst }, ports).slice(PAYLOAD_6) : udp({ src, dst, id: 7 }, ports).slice(20);
    return Array.from({ length: Math.ceil(length / size) }, (_, i) => {
      const piece = datagram.slice(i * size, (i + 1) * size);
      const more = (i + 1) * size < length;
      return lan(
        this.#v6
          ? ipv6({ src, dst, extensions: [fragmentHeader(i * size, more, 7)] }, 17, piece)
          : ipv4({ src, dst, id: 7, protocol: 17, offset: (i * size) >> 3, mf: more, df }, piece),
      );
    });
  }
}

const PHYSDEV = [
  "--physdev-in p0",
  "! --physdev-in p0",
  "--physdev-out p1",
  "! --physdev-out p1",
  "--physdev-is-in",
  "--physdev-is-out",
  "--physdev-is-bridged",
  "! --physdev-is-bridged",
];

const TRACKED = "TOOL -t raw -A PREROUTING ! -i br0 -j CT --notrack";

function scenarios(family: BridgeFamily): Scenario[] {
  const f = new Frames(family);
  const v6 = family === BRIDGE_6;
  const [, second, third] = family.servers;
  const at = (address: string): string => (v6 ? `[${address}]` : address);
  return [
    f.scenario({
      name: "every table sees a frame, as coming and going by the bridge and by its ports",
      setup: [
        ...["raw", "mangle"].flatMap((table) =>
          PHYSDEV.slice(0, 1).map((flag) => `TOOL -t ${table} -A PREROUTING -i br0 -m physdev ${flag}`),
        ),
        ...["mangle", "filter"].flatMap((table) =>
          PHYSDEV.map((flag) => `TOOL -t ${table} -A FORWARD -i br0 -o br0 -m physdev ${flag}`),
        ),
        ...["mangle", "nat"].map((table) => `TOOL -t ${table} -A POSTROUTING -o br0 -m physdev --physdev-is-bridged`),
        ...["02:00:00:00:00:10", "02:00:00:00:00:11"].map((mac) => `TOOL -A FORWARD -i br0 -m mac --mac-source ${mac}`),
      ],
      steps: [f.ask(), f.answer(), f.ask(), f.ask(2), f.ask(3), f.ping()],
    }),
    f.scenario({
      name: "conntrack sees frames, and begins with what a flooded one left",
      setup: [
        TRACKED,
        "TOOL -A FORWARD -i br0 -m conntrack --ctstate NEW",
        "TOOL -A FORWARD -m physdev --physdev-out p2 -j DROP",
      ],
      steps: [f.ask(3), f.ask(), f.answer(), f.ask(1), f.syn(), f.ping()],
    }),
    ...[true, false].flatMap((bridged) => [
      f.scenario({
        name: `DNAT to who is behind another port, when the way there is ${bridged ? "by the bridge" : "not by the bridge"}`,
        bridged,
        setup: [TRACKED, `TOOL -t nat -A PREROUTING -i br0 -p udp -j DNAT --to-destination ${at(second)}:77`],
        steps: [f.ask(), f.answer(1, family.client, { sport: 77, dport: 1000 }), f.ask(), f.ask(2)],
      }),
      f.scenario({
        name: `SNAT and the answers to it, when the way back is ${bridged ? "by the bridge" : "not by the bridge"}`,
        bridged,
        setup: [
          TRACKED,
          `TOOL -t nat -A POSTROUTING -o br0 -m physdev --physdev-is-bridged -j SNAT --to-source ${family.alias}`,
        ],
        steps: [f.ask(), f.answer(0, family.alias), f.ask(), f.syn(), f.ping()],
      }),
    ]),
    f.scenario({
      name: "REDIRECT, MASQUERADE and DNAT to a blackhole",
      setup: [
        TRACKED,
        `${family.ip} route add blackhole ${third}`,
        `${family.ip} route add blackhole ${third} table 103`,
        "TOOL -t nat -A PREROUTING -i br0 -p udp --dport 2000 -j REDIRECT --to-ports 53",
        `TOOL -t nat -A PREROUTING -i br0 -p udp --dport 2001 -j DNAT --to-destination ${third}`,
        "TOOL -t nat -A POSTROUTING -o br0 -m physdev --physdev-is-bridged -j MASQUERADE",
        "TOOL -A INPUT -m physdev --physdev-in p0",
      ],
      steps: [f.ask(), f.ask(0, 8, 2001), f.ask(0, 8, 2002), f.answer(0, family.bridge, { sport: 2002, dport: 1000 })],
    }),
    f.scenario({
      name: "what conntrack put together leaves in fragments again",
      setup: [TRACKED],
      steps: [
        ...f.pieces(1448, 2900),
        ...f.pieces(1232, 2900),
        ...f.pieces(1280, 1400),
        ...f.pieces(496, 1600),
        ...f.pieces(496, 600),
        ...f.pieces(1448, 2900, 0, true),
        ...f.pieces(1448, 1452, 0, true),
      ],
    }),
    f.scenario({
      name: "flooded fragments are cut anew, for all but the last port",
      setup: [TRACKED],
      steps: [
        ...f.pieces(1232, 2900, 1),
        ...f.pieces(496, 1600, 1),
        ...f.pieces(1232, 2900, 3),
        ...f.pieces(496, 1600, 0),
      ],
    }),
    f.scenario({
      name: "fragments for the bridge itself are routed whole, unless they are too large",
      bridged: false,
      setup: [TRACKED],
      steps: [...f.pieces(496, 1300, 2), ...f.pieces(1232, 2900, 2)],
    }),
    f.scenario({
      name: "fragments that nobody puts together cross as they are",
      setup: ["TOOL -A FORWARD -m physdev --physdev-is-bridged"],
      steps: [...f.pieces(1448, 2900), ...f.pieces(496, 600)],
    }),
    ...["p0", "p1"].map((port) =>
      f.scenario({
        name: `a frame that is too large for ${port}`,
        setup: [`ip link set ${port} mtu 1300`, "TOOL -A FORWARD -m physdev --physdev-is-bridged"],
        steps: [...[1250, 1272, 1280, 1400].map((size) => f.ask(0, size)), ...f.pieces(1280, 1400)],
        finally: ["TOOL-save -c", "ip link show br0 | grep -o 'mtu [0-9]*'"],
      }),
    ),
    f.scenario({
      name: "a frame that is too large for a port whose bridge has an MTU of its own",
      setup: ["ip link set br0 mtu 1400", "ip link set p1 mtu 1300", "TOOL -A FORWARD -m physdev --physdev-is-bridged"],
      steps: [...[1250, 1280, 1340, 1400].map((size) => f.ask(0, size)), ...f.pieces(1280, 1400)],
      finally: ["TOOL-save -c", "ip link show br0 | grep -o 'mtu [0-9]*'"],
    }),
    f.scenario({
      name: "REJECT of a frame: a reset goes back by its port, an error by the routes",
      setup: [
        TRACKED,
        "TOOL -A FORWARD -i br0 -o br0 -p tcp -j REJECT --reject-with tcp-reset",
        "TOOL -A FORWARD -i br0 -o br0 -j REJECT",
        "TOOL -A OUTPUT -j ACCEPT",
        "TOOL -t mangle -A POSTROUTING -j ACCEPT",
      ],
      steps: [f.syn(), f.ask(), f.syn(), f.ping()],
    }),
    f.scenario({
      name: "REJECT of what is for the bridge's host, and of what it routes on",
      bridged: false,
      setup: [
        TRACKED,
        "TOOL -A INPUT -p tcp -j REJECT --reject-with tcp-reset",
        "TOOL -A FORWARD -i br0 -o wan0 -p tcp -j REJECT --reject-with tcp-reset",
        "TOOL -t nat -A PREROUTING -i br0 -p tcp --dport 2000 -j REDIRECT --to-ports 53",
      ],
      steps: [f.syn(), f.syn(2)],
    }),
    f.scenario({
      name: "the switches: what is off is seen by nobody, and what came before keeps its way",
      setup: [TRACKED, "TOOL -A FORWARD -i br0"],
      steps: [
        { run: "sysctl -a 2> /dev/null | grep ^net.bridge" },
        f.ask(),
        { run: `sysctl -w net.bridge.bridge-nf-call-${v6 ? "ip6tables" : "iptables"}=0` },
        f.ask(),
        { run: `sysctl -w net.bridge.bridge-nf-call-${v6 ? "ip6tables" : "iptables"}=7; sysctl net.bridge` },
        f.ask(),
        { run: `sysctl -w net.bridge.bridge-nf-call-${v6 ? "iptables" : "ip6tables"}=0` },
        f.ask(),
      ],
    }),
  ];
}

/** Options of every hop, as they stand behind their header's first two bytes. */
const HOP_OPTIONS: readonly (readonly number[])[] = [
  [],
  [1, 2, 0, 0],
  [0x1e, 40],
  [5, 2, 0, 0],
  [0xc2, 4, 0, 1, 0, 100],
  [0xc2, 4, 0, 0, 0, 16],
  [0, 0, 0, 1],
  [0x1e, 200, 0, 0],
];

function hopByHop(): Scenario {
  const f = new Frames(BRIDGE_6);
  const ip = { src: f.family.client, dst: f.family.servers[0] };
  const payload = text(8);
  const step = (extension: Extension, more = {}): PacketStep =>
    lan(udp6({ ...ip, extensions: [extension], ...more }, { ...PORTS, payload }));
  return f.scenario({
    name: "options of every hop, which a bridge reads where iptables sees frames",
    setup: ["ip6tables-legacy -t raw -A PREROUTING -i br0"],
    steps: HOP_OPTIONS.map((options) => step(options6(0, options))),
  });
}

export const BRIDGES: Group = {
  name: "bridges",
  about: "frames of both families that cross a bridge: filtered, rewritten, flooded, refused, in fragments",
  scenarios: () => [...scenarios(BRIDGE_4), ...scenarios(BRIDGE_6), hopByHop()],
};
