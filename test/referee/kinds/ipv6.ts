/** IPv6 through the router: TCP, UDP, ICMPv6, extension headers, errors of its own and of others, all of it tracked. */

import type { Choice } from "../choice.js";
import { ACK, FIN, PSH, RST, SYN, type TcpFields, text } from "../packets.js";
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
import type { PacketStep } from "../scenario.js";
import { closing, type Kind, lan, loaded, stateCounters, wan } from "./router.js";
import {
  CLIENT,
  DEVICES_6,
  FAR_SERVER,
  FORWARDING_6,
  INSIDE,
  OTHER_CLIENT,
  OUTSIDE,
  ROUTES_6,
  SERVER,
} from "./router6.js";

const TOOLS_6: readonly string[] = ["ip6tables-legacy", "ip6tables-legacy", "ip6tables"];

/** Extension headers that leave a packet what it is, mostly none. */
function extensions(choice: Choice): readonly Extension[] {
  if (!choice.oneIn(8)) return [];
  return choice.pick<readonly Extension[]>([
    [options6(0)],
    [options6(60)],
    [options6(0), options6(60)],
    [options6(0, [5, 2, 0, 0])],
    [options6(0, [0x1e, 2, 0, 0])],
    [options6(0, [0x5e, 2, 0, 0])],
    [options6(0, [0x9e, 2, 0, 0])],
    [options6(0, [0xde, 2, 0, 0])],
    [options6(60, [0x9e, 2, 0, 0])],
    // Options with a meaning: a jumbogram's length, a security label, a measurement, a home address, a tunnel's limit.
    [options6(choice.pick([0, 60]), [...choice.pick([[], [0], [1, 0]]), ...choice.pick(MEANINGFUL)])],
    [routing(choice)],
    [options6(60), routing(choice), options6(60)],
    choice.pick([
      [options6(60), options6(0)],
      [options6(0), options6(0)],
      [routing(choice), options6(0)],
    ]),
    [fragmentHeader(0, false, 7), ...(choice.oneIn(2) ? [options6(60)] : [])],
  ]);
}

const MEANINGFUL: readonly (readonly number[])[] = [
  [0xc2, 4, 0, 0, 0, 100],
  [0xc2, 4, 0, 1, 0, 100],
  [0xc2, 3, 0, 1, 0],
  [7, 8, 0, 0, 0, 1, 0, 0, 0, 0],
  [0x31, 2, 0, 0],
  [0xc9, 16, ...address6(CLIENT)],
  [4, 1, 5],
  [5, 4, 0, 0, 0, 0],
];

function routing(choice: Choice): Extension {
  const addresses = [SERVER, OUTSIDE, OTHER_CLIENT].slice(0, choice.below(4));
  return routingHeader(choice.pick([0, 0, 1, 2, 3, 4, 5, 253]), choice.pick([0, 0, 1, 2, 9]), addresses);
}

function header(choice: Choice, src: string, dst: string): Ip6Fields {
  return {
    src,
    dst,
    trafficClass: choice.pick([0, 0, 0, 0x10, 0xb8, 3]),
    flowLabel: choice.pick([0, 0, 0x12345, 0xfffff]),
    hopLimit: choice.pick([64, 64, 64, 64, 64, 64, 2, 1, 0, 255]),
    extensions: extensions(choice),
  };
}

/** Whom a client talks to, mostly a server. */
function target(choice: Choice): string {
  if (!choice.oneIn(6)) return choice.pick([SERVER, SERVER, FAR_SERVER]);
  return choice.pick([
    INSIDE,
    OUTSIDE,
    "2001:db8:4::1",
    "2001:db8:5::1",
    "2001:db8:6::1",
    "2001:db8:7::1",
    "2001:db8:1::",
    "fe80::1",
    "ff02::1",
    "ff02::2",
    "ff0e::1",
    "::1",
    "::",
  ]);
}

function segment(choice: Choice, sport: number, dport: number): TcpFields {
  return {
    sport,
    dport,
    seq: choice.pick([1000, 1001, 1002, 2000, 2001]),
    ack: choice.pick([1000, 1001, 2000, 2001, 2002]),
    flags: choice.pick([SYN, SYN, SYN | ACK, ACK, ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, 0]),
    ...(choice.oneIn(4) ? { payload: text(choice.pick([1, 10, 1000])) } : {}),
    ...(choice.oneIn(20) ? { checksumError: 1 } : {}),
  };
}

function anyPacket(choice: Choice, ports: readonly number[]): PacketStep {
  const port = choice.pick(ports);
  const serverPort = choice.pick([53, 80, 443]);
  const client = choice.oneIn(20) ? OTHER_CLIENT : CLIENT;
  const out = header(
    choice,
    choice.oneIn(40) ? choice.pick(["::", "ff02::1", "fe80::5", "::1"]) : client,
    target(choice),
  );
  const back = header(choice, choice.pick([SERVER, SERVER, FAR_SERVER]), client);
  const quoted = (): Uint8Array =>
    choice.pick([
      () => udp6({ src: client, dst: SERVER }, { sport: port, dport: serverPort, payload: text(8) }),
      () => tcp6({ src: client, dst: SERVER }, { sport: port, dport: serverPort, flags: SYN, seq: 1000 }),
      () => echo6({ src: client, dst: SERVER }, port, 1),
    ])();
  const udpFields = (sport: number, dport: number) => ({
    sport,
    dport,
    payload: text(choice.pick([0, 1, 18, 1000])),
    ...(choice.oneIn(8) ? { checksum: "none" as const } : {}),
    ...(choice.oneIn(20) ? { checksumError: 1 } : {}),
  });
  return choice.pick<() => PacketStep>([
    () => lan(udp6(out, udpFields(port, serverPort))),
    () => wan(udp6(back, udpFields(serverPort, port))),
    () => lan(tcp6(out, segment(choice, port, serverPort))),
    () => wan(tcp6(back, segment(choice, serverPort, port))),
    () => lan(tcp6({ ...out, dst: SERVER }, { sport: port, dport: serverPort, flags: SYN, seq: 1000 })),
    () =>
      wan(tcp6({ ...back, src: SERVER }, { sport: serverPort, dport: port, flags: SYN | ACK, seq: 2000, ack: 1001 })),
    () => lan(tcp6({ ...out, dst: SERVER }, { sport: port, dport: serverPort, flags: ACK, seq: 1001, ack: 2001 })),
    () => lan(echo6(out, port, 1)),
    () => wan(echo6(back, port, 1, true)),
    () =>
      wan(
        icmp6(choice.oneIn(10) ? { ...back, dst: OTHER_CLIENT } : back, {
          type: choice.pick([1, 1, 2, 3, 4, 5, 127]),
          code: choice.pick([0, 0, 1, 3, 4]),
          rest: choice.pick([0, 1280]),
          payload: quoted().slice(0, choice.pick([100, 100, 60, 48, 40, 20, 0])),
        }),
      ),
    () => lan(icmp6(out, { type: choice.between(130, 145), rest: choice.below(65_536) })),
    () => lan(ipv6(out, choice.pick([59, 89, 253]), text(20))),
    () => lan(udp6(out, { ...udpFields(port, serverPort), length: choice.pick([0, 7, 8, 9, 2000]) })),
    () => lan(udp6(out, udpFields(port, serverPort)).slice(0, choice.between(1, 70))),
    () => lan(udp6({ ...out, payloadLength: choice.below(80) }, udpFields(port, serverPort))),
    () =>
      lan(
        udplite6(out, {
          sport: port,
          dport: serverPort,
          payload: text(20),
          ...(choice.oneIn(2) ? { coverage: choice.pick([0, 7, 8, 12, 1000]) } : {}),
          ...(choice.oneIn(8) ? { checksum: "none" as const } : {}),
          ...(choice.oneIn(8) ? { checksumError: 1 } : {}),
        }),
      ),
    // Too large for the link, or for a path that a router told of: about an answer of this router's, or nobody's
    // packet.
    () => lan(udp6(out, { sport: port, dport: serverPort, payload: text(choice.pick([1352, 1400, 1460])) })),
    () => wan(echo6({ ...back, dst: OUTSIDE }, port, 1, false, text(choice.pick([1280, 1400])))),
    () =>
      wan(
        icmp6(
          { ...back, dst: OUTSIDE },
          {
            type: 2,
            rest: choice.pick([0, 1000, 1279, 1280, 1300, 1400, 1500, 9000]),
            payload: choice.pick([
              () => echo6({ src: OUTSIDE, dst: back.src }, port, 1, true),
              () => udp6({ src: OUTSIDE, dst: back.src }, { sport: port, dport: serverPort, payload: text(8) }),
              () => tcp6({ src: OUTSIDE, dst: back.src }, { sport: port, dport: serverPort, flags: SYN }),
            ])(),
          },
        ),
      ),
  ])();
}

export const IPV6: Kind = {
  name: "ipv6",
  about: "IPv6 through the router: TCP, UDP, ICMPv6, extension headers and errors",
  make(choice) {
    const tool = choice.pick(TOOLS_6);
    const ports = [4000, 4001, ...choice.times(choice.below(10), () => choice.between(1, 65_535))];
    return {
      devices: DEVICES_6,
      sysctl: FORWARDING_6,
      setup: [...ROUTES_6, loaded(tool, stateCounters(tool))],
      steps: choice.times(choice.between(3, 300), () => anyPacket(choice, ports)),
      finally: closing(tool),
    };
  },
};
