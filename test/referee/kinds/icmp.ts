/** Echoes, and every ICMP error about flows that exist and flows that do not, inner packets whole, cut and forged. */
import type { Choice } from "../choice.js";
import { ACK, echo, icmp, SYN, tcp, text, udp } from "../packets.js";
import { fromHex, type PacketStep } from "../scenario.js";
import { interleaved } from "./conversation.js";
import {
  CLIENT,
  FAR_SERVER,
  type Kind,
  lan,
  OTHER_CLIENT,
  OUTSIDE,
  ROUTE,
  routed,
  SERVER,
  TOOLS,
  translation,
  wan,
} from "./router.js";

/** Type and codes of the messages that carry a packet. */
const ERRORS: readonly (readonly [number, number])[] = [
  [3, 16],
  [4, 1],
  [5, 4],
  [11, 2],
  [12, 3],
];

/** An error about a packet: with as much of it as this, perhaps with something in it changed. */
function about(choice: Choice, src: string, dst: string, packet: Uint8Array): Uint8Array {
  const [type, codes] = choice.pick(ERRORS);
  const header = (packet[0] & 15) * 4;
  const inner = packet.slice(0, header + choice.pick([0, 1, 4, 7, 8, 8, 8, 8, 12, 20, 28, 1000]));
  if (choice.oneIn(10)) inner[choice.below(inner.length)] ^= 1 << choice.below(8);
  return icmp(
    { src, dst, df: choice.oneIn(2), id: choice.below(65_536) },
    {
      type,
      code: choice.oneIn(16) ? choice.below(256) : choice.below(codes),
      rest: choice.pick([0, 0, 1400, 0x01000000, 0xc0a80101]),
      payload: choice.oneIn(20) ? packet.slice(0, choice.below(20)) : inner,
      ...(choice.oneIn(30) ? { checksumError: 1 } : {}),
    },
  );
}

export const ICMP: Kind = {
  name: "icmp",
  about: "echoes and every ICMP error, with inner packets whole, cut short and forged",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    const flows = choice.times(choice.between(1, 60), (index) => oneFlow(choice, outside, index));
    const steps = choice.oneIn(2) ? flows.flat() : interleaved(choice, flows);
    return routed(tool, setup, steps, { setup: [ROUTE] });
  },
};

/** A flow of any protocol, its answers, and errors about it from both sides. */
function oneFlow(choice: Choice, outside: string, index: number): PacketStep[] {
  const id = choice.pick([7 + index, 7 + index, 0, 65_535]);
  const port = choice.pick([4000 + index, 80]);
  const server = choice.pick([SERVER, FAR_SERVER]);
  const protocol = choice.pick(["udp", "tcp", "icmp"] as const);
  const out = {
    udp: (src: string) => udp({ src, dst: server }, { sport: port, dport: 53, payload: text(20) }),
    tcp: (src: string) => tcp({ src, dst: server }, { sport: port, dport: 80, flags: SYN, seq: 1000 }),
    icmp: (src: string) => echo({ src, dst: server }, id, 1),
  }[protocol];
  const back = {
    udp: (dst: string) => udp({ src: server, dst }, { sport: 53, dport: port, payload: text(20) }),
    tcp: (dst: string) => tcp({ src: server, dst }, { sport: 80, dport: port, flags: SYN | ACK, seq: 9000, ack: 1001 }),
    icmp: (dst: string) => echo({ src: server, dst }, id, 1, true),
  }[protocol];
  const steps: PacketStep[] = choice.oneIn(10) ? [] : [lan(out(CLIENT))];
  for (let left = choice.between(2, 10); left > 0; left--)
    steps.push(
      choice.pick<() => PacketStep>([
        () => lan(out(CLIENT)),
        () => wan(back(outside)),
        () => wan(about(choice, server, outside, out(outside))),
        () => wan(about(choice, FAR_SERVER, outside, out(outside))),
        () => wan(about(choice, "198.51.100.254", outside, out(outside))),
        () => lan(about(choice, CLIENT, server, back(CLIENT))),
        () => lan(about(choice, OTHER_CLIENT, server, back(CLIENT))),
        () => wan(about(choice, server, CLIENT, out(outside))),
        () => wan(about(choice, server, OUTSIDE, back(CLIENT))),
        // About a message that must have no error, and about one that came back.
        () => wan(about(choice, server, outside, about(choice, outside, server, back(outside)))),
        () => lan(echo({ src: CLIENT, dst: server }, id, choice.below(4))),
        () => wan(echo({ src: server, dst: outside }, id, choice.below(4), true)),
        () => wan(echo({ src: server, dst: outside }, id ^ 1, 0, true)),
        () => wan(echo({ src: server, dst: OUTSIDE }, id, 0)),
        () =>
          lan(
            icmp(
              { src: CLIENT, dst: server },
              { type: choice.pick([13, 14, 15, 16, 17, 18, 9, 10, 30, 255]), rest: id << 16, payload: text(12) },
            ),
          ),
        // The last hop of a packet's life is here: the router itself complains.
        () => {
          const packet = out(CLIENT);
          packet[8] = 1;
          packet[10] = packet[11] = 0;
          return lan(packet);
        },
        () => lan(udp({ src: CLIENT, dst: server, ttl: 1 }, { sport: port, dport: 53, payload: text(20) })),
        () => lan(tcp({ src: CLIENT, dst: "192.0.2.1" }, { sport: port, dport: 80, flags: SYN })),
      ])(),
    );
  // An error about exactly what left, as a router on the way sends it.
  if (choice.oneIn(3)) steps.push(wan(about(choice, FAR_SERVER, outside, fromHex(lan(out(outside)).hex))));
  return steps;
}
