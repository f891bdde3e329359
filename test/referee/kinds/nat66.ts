/** NAT of IPv6: sources, destinations, errors about what was rewritten, and refusals. */
import type { Choice } from "../choice.js";
import { ACK, RST, SYN, text } from "../packets.js";
import { echo6, icmp6, tcp6, udp6 } from "../packets6.js";
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

const CLIENTS: readonly string[] = [CLIENT, OTHER_CLIENT];
const SERVERS: readonly string[] = [SERVER, FAR_SERVER];
const POOL = "2001:db8:2::20";

/** A rule for sources, and what servers may see of a client then. */
function sources(
  choice: Choice,
  tool: string,
): { readonly rules: readonly string[]; readonly seen: readonly string[] } {
  const nat = `${tool} -t nat -A POSTROUTING -o wan0`;
  return choice.pick([
    () => ({ rules: [`${nat} -j SNAT --to-source ${OUTSIDE}`], seen: [OUTSIDE] }),
    () => ({ rules: [`${nat} -j MASQUERADE`], seen: [OUTSIDE] }),
    () => ({ rules: [`${nat} -j SNAT --to-source ${POOL}-2001:db8:2::2f`], seen: [POOL, "2001:db8:2::21"] }),
    () => ({ rules: [`${nat} -j SNAT --to-source ${POOL}-2001:db8:2:1::3 --persistent`], seen: [POOL] }),
    () => ({ rules: [`${nat} -p udp -j SNAT --to-source [${POOL}]:5000-5010`], seen: [POOL, CLIENTS[0]] }),
    () => ({
      rules: [`${nat} -j NETMAP --to 2001:db8:2:7::/64`],
      seen: ["2001:db8:2:7::10", "2001:db8:2:7::11"],
    }),
    () => ({ rules: [], seen: CLIENTS }),
  ])();
}

/** Rules for destinations. */
function destinations(choice: Choice, tool: string): readonly string[] {
  const nat = `${tool} -t nat -A PREROUTING`;
  return choice.pick<readonly string[]>([
    [],
    [`${nat} -i wan0 -p tcp -d ${OUTSIDE} --dport 80 -j DNAT --to-destination ${CLIENTS[0]}`],
    [`${nat} -i wan0 -p tcp -d ${OUTSIDE} --dport 80 -j DNAT --to-destination [${CLIENTS[0]}]:8080`],
    [`${nat} -i wan0 -p ipv6-icmp -d ${OUTSIDE} -j DNAT --to-destination ${CLIENTS[1]}`],
    [`${nat} -i lan0 -p udp --dport 53 -j REDIRECT`],
    [`${nat} -i lan0 -p udp --dport 53 -j REDIRECT --to-ports 5353`],
    [`${nat} -i lan0 -p udp -d ${SERVERS[0]} -j DNAT --to-destination ${SERVERS[1]}`],
  ]);
}

/** Rules that refuse. */
function refusals(choice: Choice, tool: string): readonly string[] {
  if (!choice.oneIn(2)) return [];
  const kind = choice.pick([
    "icmp6-no-route",
    "icmp6-adm-prohibited",
    "icmp6-addr-unreachable",
    "icmp6-port-unreachable",
    "icmp6-policy-fail",
    "icmp6-reject-route",
  ]);
  return choice.pick<readonly string[]>([
    [`${tool} -A FORWARD -p udp --dport 123 -j REJECT --reject-with ${kind}`],
    [`${tool} -A FORWARD -p tcp --dport 443 -j REJECT --reject-with tcp-reset`],
    [`${tool} -A INPUT -p tcp -j REJECT --reject-with tcp-reset`],
    [`${tool} -A INPUT -j REJECT --reject-with ${kind}`],
    [`${tool} -A FORWARD -p ipv6-icmp --icmpv6-type echo-request -j REJECT --reject-with ${kind}`],
  ]);
}

function anyPacket(choice: Choice, seen: readonly string[], ports: readonly number[]): PacketStep {
  const client = choice.pick(CLIENTS);
  const server = choice.pick(SERVERS);
  const port = choice.pick(ports);
  const serverPort = choice.pick([53, 80, 123, 443]);
  const outside = choice.pick(seen);
  const inbound = { src: server, dst: outside };
  const outbound = { src: client, dst: choice.oneIn(12) ? choice.pick([INSIDE, OUTSIDE]) : server };
  const payload = text(choice.pick([0, 1, 20]));
  const quoted = (): Uint8Array => {
    const back = { src: outside, dst: server };
    return choice.pick([
      () => udp6(back, { sport: port, dport: serverPort, payload: text(8) }),
      () => tcp6(back, { sport: port, dport: serverPort, flags: SYN, seq: 1000 }),
      () => echo6(back, port, 1),
    ])();
  };
  return choice.pick<() => PacketStep>([
    () => lan(udp6(outbound, { sport: port, dport: serverPort, payload })),
    () =>
      lan(
        udp6(outbound, { sport: port, dport: serverPort, payload, ...(choice.oneIn(4) ? { checksum: "none" } : {}) }),
      ),
    () => wan(udp6(inbound, { sport: serverPort, dport: port, payload })),
    () => lan(tcp6(outbound, { sport: port, dport: serverPort, flags: SYN, seq: 1000 })),
    () => wan(tcp6(inbound, { sport: serverPort, dport: port, flags: SYN | ACK, seq: 2000, ack: 1001 })),
    () => lan(tcp6(outbound, { sport: port, dport: serverPort, flags: ACK, seq: 1001, ack: 2001, payload })),
    () => wan(tcp6(inbound, { sport: serverPort, dport: port, flags: choice.pick([ACK, RST]), seq: 2001, ack: 1001 })),
    () => lan(echo6(outbound, port, 1)),
    () => wan(echo6(inbound, port, 1, true)),
    () => wan(tcp6({ src: server, dst: OUTSIDE }, { sport: port, dport: 80, flags: SYN, seq: 5000 })),
    () => lan(tcp6({ src: CLIENTS[0], dst: server }, { sport: 80, dport: port, flags: SYN | ACK, seq: 1, ack: 5001 })),
    () =>
      lan(tcp6({ src: CLIENTS[0], dst: server }, { sport: 8080, dport: port, flags: SYN | ACK, seq: 1, ack: 5001 })),
    () => wan(echo6({ src: server, dst: OUTSIDE }, port, 1)),
    () => lan(echo6({ src: CLIENTS[1], dst: server }, port, 1, true)),
    () =>
      wan(
        icmp6(
          { src: choice.pick(SERVERS), dst: outside },
          {
            type: choice.pick([1, 1, 2, 3, 4]),
            code: choice.pick([0, 3, 4]),
            rest: choice.pick([0, 1280]),
            payload: quoted().slice(0, choice.pick([100, 100, 100, 60, 48, 40, 39])),
            ...(choice.oneIn(12) ? { checksumError: 1 } : {}),
          },
        ),
      ),
  ])();
}

export const NAT66: Kind = {
  name: "nat66",
  about: "NAT of IPv6: SNAT, MASQUERADE, DNAT, REDIRECT, errors about what was rewritten, REJECT",
  make(choice) {
    const tool = choice.pick(["ip6tables-legacy", "ip6tables-legacy", "ip6tables"]);
    const { rules, seen } = sources(choice, tool);
    const all = [...rules, ...destinations(choice, tool), ...stateCounters(tool), ...refusals(choice, tool)];
    // Two clients with one port are a clash, whose port Linux draws: with many ports there are few.
    const ports = choice.times(choice.between(2, 40), () => choice.between(1024, 65_535));
    return {
      devices: DEVICES_6,
      sysctl: FORWARDING_6,
      setup: [...ROUTES_6, loaded(tool, all)],
      steps: choice.times(choice.between(3, 200), () => anyPacket(choice, seen, ports)),
      finally: closing(tool),
    };
  },
};
