/** TCP segments near what would be legal and far from it: flags, sequence numbers, windows and options at random. */
import type { Choice } from "../choice.js";
import { ACK, FIN, PSH, RST, SYN, URG } from "../packets.js";
import {
  Conversation,
  interleaved,
  MSS,
  SACK_PERMITTED,
  sack,
  TIMESTAMPS,
  tcpOptions,
  windowScale,
} from "./conversation.js";
import { CLIENT, type Kind, routed, SERVER, TOOLS, translation } from "./router.js";

/** Distances that the window checks turn on. */
const JITTER = [
  0,
  0,
  0,
  0,
  1,
  -1,
  5,
  -5,
  100,
  -100,
  1460,
  -1460,
  64240,
  64241,
  -64241,
  66_000,
  -66_001,
  70_000,
  -70_000,
  1 << 20,
  -(1 << 20),
  1 << 30,
  -(1 << 30),
  -(2 ** 31),
];

const FLAGS = [
  SYN,
  SYN | ACK,
  ACK,
  ACK,
  ACK,
  PSH | ACK,
  PSH | ACK,
  FIN | ACK,
  FIN | ACK,
  RST,
  RST | ACK,
  FIN,
  0,
  SYN | FIN,
  SYN | RST,
  ACK | URG,
  PSH,
  FIN | ACK | URG,
  SYN | URG,
  SYN | ACK | RST,
];

function options(choice: Choice, acked: number): Uint8Array {
  return tcpOptions(
    ...choice.times(choice.below(3), () =>
      choice.pick<() => readonly number[]>([
        () => MSS,
        () => SACK_PERMITTED,
        () => TIMESTAMPS,
        () => windowScale(choice.pick([0, 2, 7, 14, 15, 255])),
        () => sack([(acked + 10) >>> 0, (acked + choice.pick([20, 200, 2000, 1 << 24])) >>> 0]),
        () => sack([acked, (acked + 5) >>> 0], [(acked + 100) >>> 0, (acked + 110) >>> 0]),
        // Lengths that lie.
        () => [choice.pick([2, 3, 4, 5, 8, 30]), choice.pick([0, 1, 2, 3, 40, 255])],
        () => [0],
        () => [1, 1, 1],
      ])(),
    ),
  );
}

/** Walks towards a state first, so that each is met often. */
function open(talk: Conversation, choice: Choice): void {
  const stages: (() => void)[] = [
    () => talk.segment("lan", SYN, { options: options(choice, talk.seq.wan) }),
    () => talk.segment("wan", choice.oneIn(8) ? SYN : SYN | ACK, { options: options(choice, talk.seq.lan) }),
    () => talk.segment("lan", ACK),
    () => talk.segment(choice.pick(["lan", "wan"]), FIN | ACK),
    () => talk.segment("wan", ACK),
    () => talk.segment(choice.pick(["lan", "wan"]), FIN | ACK),
    () => talk.segment("lan", ACK),
  ];
  for (const stage of stages.slice(0, choice.pick([0, 1, 2, 3, 3, 3, 4, 5, 6, 7]))) stage();
}

export function adversarial(talk: Conversation, choice: Choice, length: number): void {
  open(talk, choice);
  for (let i = 0; i < length; i++) {
    const from = choice.pick(["lan", "wan"] as const);
    const to = from === "lan" ? "wan" : "lan";
    const flags = choice.oneIn(12) ? choice.below(256) : choice.pick(FLAGS);
    const off = (base: number): number => (choice.oneIn(30) ? choice.u32() : (base + choice.pick(JITTER)) >>> 0);
    talk.segment(from, flags, {
      length: (flags & (SYN | RST)) !== 0 && !choice.oneIn(8) ? 0 : choice.pick([0, 0, 0, 1, 5, 100, 1400]),
      window: choice.pick([64_240, 64_240, 1000, 100, 1, 0, 65_535]),
      ...(choice.oneIn(4) || (flags & SYN) !== 0 ? { options: options(choice, talk.seq[to]) } : {}),
      ...(choice.oneIn(3) ? { seq: off(talk.seq[from]), ack: off(talk.seq[to]) } : {}),
      ...(choice.oneIn(20) ? { urgent: choice.below(65_536) } : {}),
      ...(choice.oneIn(40) ? { reserved: choice.below(16) } : {}),
    });
  }
}

export const TCP_ADVERSARIAL: Kind = {
  name: "tcp-adversarial",
  about: "TCP segments with flags, numbers, windows and options at random",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    const talks = choice.times(choice.between(1, 48), (index) => {
      // Now and then the ports of the one before, whose connection is in some state.
      const port = 40_000 + (choice.oneIn(6) ? Math.max(0, index - 1) : index);
      const talk = new Conversation(
        { client: CLIENT, port, server: SERVER, serverPort: 80, outside },
        choice.oneIn(4) ? { lan: choice.u32(), wan: choice.u32() } : { lan: 1000, wan: 9000 },
      );
      adversarial(talk, choice, choice.between(4, 18));
      return talk.steps;
    });
    return routed(tool, setup, choice.oneIn(2) ? talks.flat() : interleaved(choice, talks));
  },
};
