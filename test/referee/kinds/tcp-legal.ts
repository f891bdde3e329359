/** TCP conversations as real ends have them: handshakes, data both ways, losses, repeats, half-closes, resets. */
import type { Choice } from "../choice.js";
import { ACK, FIN, PSH, RST, SYN } from "../packets.js";
import { Conversation, interleaved, MSS, SACK_PERMITTED, TIMESTAMPS, tcpOptions, windowScale } from "./conversation.js";
import { CLIENT, FAR_SERVER, type Kind, ROUTE, routed, SERVER, TOOLS, translation } from "./router.js";

function converse(talk: Conversation, choice: Choice): void {
  const options = tcpOptions(
    ...(choice.oneIn(2) ? [MSS] : []),
    ...(choice.oneIn(2) ? [SACK_PERMITTED] : []),
    ...(choice.oneIn(3) ? [TIMESTAMPS] : []),
    ...(choice.oneIn(2) ? [windowScale(choice.below(15))] : []),
  );
  if (choice.oneIn(20)) {
    // Nobody there: the SYN again, or a reset.
    talk.segment("lan", SYN, { options });
    if (choice.oneIn(2)) talk.repeat();
    else talk.segment("wan", RST | ACK, { window: 0 });
    return;
  }
  if (choice.oneIn(20)) {
    // Both open at once.
    const [lan, wan] = [talk.seq.lan, talk.seq.wan];
    talk.segment("lan", SYN, { options });
    talk.segment("wan", SYN, { options });
    talk.segment("lan", SYN | ACK, { seq: lan, ack: (wan + 1) >>> 0, options });
    talk.segment("wan", SYN | ACK, { seq: wan, ack: (lan + 1) >>> 0, options });
  } else talk.handshake(options);
  for (let turns = choice.below(10); turns > 0; turns--) {
    const from = choice.pick(["lan", "wan"] as const);
    const to = from === "lan" ? "wan" : "lan";
    talk.segment(from, ACK | PSH, { length: choice.pick([1, 10, 100, 536, 1400]) });
    if (choice.oneIn(6)) talk.repeat();
    if (!choice.oneIn(4)) talk.segment(to, ACK, { window: choice.pick([64240, 64240, 1000, 501]) });
    if (choice.oneIn(12)) talk.segment(to, ACK, { seq: (talk.seq[to] - 1) >>> 0 });
  }
  if (choice.oneIn(6)) {
    talk.segment(choice.pick(["lan", "wan"]), choice.pick([RST, RST | ACK]), { window: 0 });
    return;
  }
  const first = choice.pick(["lan", "wan"] as const);
  const second = first === "lan" ? "wan" : "lan";
  talk.segment(first, FIN | ACK);
  if (choice.oneIn(2)) talk.segment(second, ACK);
  if (choice.oneIn(4)) talk.segment(second, ACK | PSH, { length: 20 });
  talk.segment(second, FIN | ACK);
  if (choice.oneIn(8)) talk.repeat();
  talk.segment(first, ACK);
  // The same ports again, while the old connection is remembered.
  if (choice.oneIn(4)) {
    talk.seq = { lan: (talk.seq.lan + 100_000) >>> 0, wan: (talk.seq.wan + 100_000) >>> 0 };
    talk.handshake(options);
  }
}

export const TCP_LEGAL: Kind = {
  name: "tcp-legal",
  about: "TCP conversations as real ends have them",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    const talks = choice.times(choice.between(1, 40), (index) => {
      const server = choice.pick([SERVER, FAR_SERVER]);
      const ends = { client: CLIENT, port: 40_000 + index, server, serverPort: choice.pick([80, 443]), outside };
      const talk = new Conversation(ends, { lan: choice.u32(), wan: choice.u32() });
      converse(talk, choice);
      return talk.steps;
    });
    const steps = choice.oneIn(2) ? talks.flat() : interleaved(choice, talks);
    return routed(tool, setup, steps, { setup: [ROUTE] });
  },
};
