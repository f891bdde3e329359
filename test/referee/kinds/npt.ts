/** Prefixes of IPv6 exchanged without connections (SNPT and DNPT), and the errors that come back about such packets. */
import type { Choice } from "../choice.js";
import { SYN, text } from "../packets.js";
import { echo6, icmp6, tcp6, udp6 } from "../packets6.js";
import type { PacketStep } from "../scenario.js";
import { closing, type Kind, lan, loaded, stateCounters, wan } from "./router.js";
import { CLIENT, DEVICES_6, FAR_SERVER, FORWARDING_6, OTHER_CLIENT, ROUTES_6, SERVER } from "./router6.js";

const SERVERS: readonly string[] = [SERVER, FAR_SERVER];
/** Inside hosts, among them those whose 16 bits behind the prefix are all ones. */
const CLIENTS: readonly string[] = [
  CLIENT,
  OTHER_CLIENT,
  "2001:db8:1:0:ffff::10",
  "2001:db8:1:0:ffff:ffff:ffff:ffff",
  "2001:db8:1:0:ffff:ffff:ffff:1",
];
const INSIDE: readonly string[] = ["2001:db8:1::/64", "2001:db8:1::/48", "2001:db8:1::/56", "2001:db8::/32"];
const OUTSIDE: readonly string[] = ["fd00:7::/64", "2001:db8:3:7::/64", "fd00:7::/48", "fd00:8:1200::/56", "fd00::/8"];
/** Addresses behind the outside prefixes, as what comes back has them. */
const BEHIND: readonly string[] = [
  "fd00:7::d5a9:0:0:10",
  "fd00:7:0:d5a9::10",
  "2001:db8:3:7:fff5::11",
  "fd00:8:1200:1::5",
];

function rules(choice: Choice, tool: string): readonly string[] {
  const inside = choice.pick(INSIDE);
  const outside = choice.pick(OUTSIDE);
  const there = choice.pick([`POSTROUTING -o wan0`, "POSTROUTING", "INPUT"]);
  const back = choice.pick(["PREROUTING -i wan0", "PREROUTING", "OUTPUT"]);
  return [
    `${tool} -t mangle -A ${there} -s ${inside} -j SNPT --src-pfx ${inside} --dst-pfx ${outside}`,
    `${tool} -t mangle -A ${back} -d ${outside} -j DNPT --src-pfx ${outside} --dst-pfx ${inside}`,
    ...(choice.oneIn(3) ? [`${tool} -t raw -A PREROUTING -j CT --notrack`] : stateCounters(tool)),
    ...(choice.oneIn(4) ? [`${tool} -A FORWARD -p udp -j REJECT`] : []),
  ];
}

function anyPacket(choice: Choice): PacketStep {
  const out = { src: choice.pick(CLIENTS), dst: choice.pick([...SERVERS, "2001:db8:5::1", "2001:db8:2::1"]) };
  const back = { src: choice.pick(SERVERS), dst: choice.pick([...BEHIND, ...CLIENTS]) };
  const ports = { sport: choice.pick([1000, 2000]), dport: choice.pick([53, 80]) };
  const quoted = (): Uint8Array => {
    const was = { src: back.dst, dst: back.src };
    return choice.pick([
      () => udp6(was, { ...ports, payload: text(8) }),
      () => tcp6(was, { ...ports, flags: SYN, seq: 1000 }),
      () => echo6(was, 7, 1),
    ])();
  };
  return choice.pick<() => PacketStep>([
    () =>
      lan(udp6({ ...out, hopLimit: choice.pick([64, 1, 2]) }, { ...ports, payload: text(choice.pick([0, 1, 20])) })),
    () => lan(tcp6(out, { ...ports, flags: SYN, seq: 1 })),
    () => lan(echo6(out, 7, choice.between(1, 3))),
    () => wan(udp6({ ...back, hopLimit: choice.pick([64, 1, 2]) }, { ...ports, payload: text(5) })),
    () => wan(echo6(back, 7, 1, true)),
    () => wan(tcp6(back, { ...ports, flags: SYN, seq: 5 })),
    () =>
      wan(
        icmp6(back, {
          type: choice.pick([1, 2, 3, 4, 127, 0]),
          code: choice.pick([0, 3]),
          rest: choice.pick([0, 1280]),
          payload: quoted().slice(0, choice.pick([100, 100, 60, 48, 40, 39])),
        }),
      ),
    () => lan(icmp6(out, { type: choice.pick([1, 3]), rest: 0, payload: quoted() })),
  ])();
}

export const NPT: Kind = {
  name: "npt",
  about: "SNPT and DNPT: prefixes exchanged with the checksum kept, errors' inner packets, NOTRACK",
  make(choice) {
    const tool = choice.pick(["ip6tables-legacy", "ip6tables-legacy", "ip6tables"]);
    return {
      devices: DEVICES_6,
      sysctl: FORWARDING_6,
      setup: [...ROUTES_6, "ip -6 route add fd00::/16 dev wan0", loaded(tool, [...rules(choice, tool)])],
      steps: choice.times(choice.between(3, 60), () => anyPacket(choice)),
      finally: closing(tool),
    };
  },
};
