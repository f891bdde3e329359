/** A little of everything: packets between the hosts that rules are about, for kinds whose subject is the rules. */
import type { Choice } from "../choice.js";
import { ACK, echo, FIN, fragments, icmp, PSH, RST, SYN, tcp, text, udp, udpDatagram } from "../packets.js";
import { fromHex, type PacketStep } from "../scenario.js";
import { CLIENT, FAR_SERVER, INSIDE, lan, OTHER_CLIENT, OUTSIDE, SERVER, wan } from "./router.js";

const PORTS = [80, 443, 53, 8080, 2000, 40_000, 22];

/** One packet; earlier ones are answered now and then, from where they seem to have come. */
export function anyPacket(choice: Choice, earlier: readonly PacketStep[]): PacketStep {
  if (earlier.length > 0 && choice.oneIn(3)) return answer(choice, choice.pick(earlier));
  if (earlier.length > 0 && choice.oneIn(8)) return choice.pick(earlier);
  const fromLan = !choice.oneIn(4);
  const src = fromLan ? choice.pick([CLIENT, CLIENT, OTHER_CLIENT]) : choice.pick([SERVER, FAR_SERVER]);
  const dst = fromLan
    ? choice.pick([SERVER, SERVER, FAR_SERVER, OUTSIDE, INSIDE, "198.51.100.20", "192.0.2.1"])
    : choice.pick([OUTSIDE, OUTSIDE, "198.51.100.20", CLIENT]);
  const ip = {
    src,
    dst,
    id: choice.below(65_536),
    tos: choice.pick([0, 0, 0x10]),
    ttl: choice.pick([64, 64, 64, 1, 2]),
  };
  const sport = choice.pick([1000, 2000, 40_000, 40_001]);
  const dport = choice.pick(PORTS);
  const arrives = fromLan ? lan : wan;
  return choice.pick<() => PacketStep>([
    () => arrives(udp(ip, { sport, dport, payload: text(choice.pick([0, 20, 300])) })),
    () => arrives(udp(ip, { sport, dport, payload: text(20) })),
    () => arrives(tcp(ip, { sport, dport, flags: SYN, seq: 1000 })),
    () => arrives(tcp(ip, { sport, dport, flags: SYN, seq: 1000 })),
    () =>
      arrives(tcp(ip, { sport, dport, flags: choice.pick([ACK, RST, FIN | ACK, 0, SYN | FIN]), seq: 1001, ack: 9001 })),
    () => arrives(echo(ip, choice.pick([7, 8]), 1)),
    () => arrives(icmp(ip, { type: choice.pick([0, 3, 11, 13]), payload: text(28) })),
    () => arrives(fragments(ip, udpDatagram(ip, { sport, dport, payload: text(40) }), [16])[choice.below(2)]),
    () => arrives(tcp(ip, { sport, dport, flags: PSH | ACK, seq: 1001, ack: 9001, payload: text(10) })),
  ])();
}

/** What the addressee of a packet might answer, to the router's outside address where it hid the sender. */
function answer(choice: Choice, step: PacketStep): PacketStep {
  const packet = fromHex(step.hex);
  const header = (packet[0] & 15) * 4;
  const address = (at: number): string => packet.slice(at, at + 4).join(".");
  const fromLan = step.in === "lan0";
  const src = fromLan ? address(16) : choice.pick([CLIENT, address(16)]);
  const dst = fromLan ? choice.pick([OUTSIDE, OUTSIDE, "198.51.100.20", address(12)]) : address(12);
  const arrives = fromLan ? wan : lan;
  const [sport, dport] = [(packet[header + 2] << 8) | packet[header + 3], (packet[header] << 8) | packet[header + 1]];
  const ip = { src, dst };
  if (packet[9] === 6)
    return arrives(
      tcp(ip, { sport, dport, flags: choice.pick([SYN | ACK, SYN | ACK, ACK, RST | ACK]), seq: 9000, ack: 1001 }),
    );
  if (packet[9] === 17) return arrives(udp(ip, { sport, dport, payload: text(20) }));
  return arrives(
    icmp(ip, { type: 0, rest: (packet[header + 4] << 24) | (packet[header + 5] << 16) | 1, payload: text(8) }),
  );
}

/** So many packets, later ones perhaps about earlier ones. */
export function traffic(choice: Choice, count: number): PacketStep[] {
  const steps: PacketStep[] = [];
  for (let left = count; left > 0; left--) steps.push(anyPacket(choice, steps));
  return steps;
}
