/** Every state of a TCP connection, met by every kind of segment from both sides. */
import { Conversation, type Side } from "../kinds/conversation.js";
import { CLIENT, OUTSIDE, SERVER, stateCounters } from "../kinds/router.js";
import { ACK, FIN, PSH, RST, SYN } from "../packets.js";
import { type Group, onRouter, SNAT } from "./group.js";

/** Kinds of segments, as the transition table has them, by the flags that make them. */
const SEGMENTS: Readonly<Record<string, number>> = {
  SYN,
  "SYN+ACK": SYN | ACK,
  FIN: FIN | ACK,
  ACK,
  RST,
  "none of them": PSH,
};

type Segment = readonly [Side, number];

/** What brings a new connection into each state. */
const OPEN: readonly Segment[] = [
  ["lan", SYN],
  ["wan", SYN | ACK],
  ["lan", ACK],
];
const WAYS: Readonly<Record<string, readonly Segment[]>> = {
  NONE: [],
  SYN_SENT: [["lan", SYN]],
  SYN_RECV: OPEN.slice(0, 2),
  ESTABLISHED: OPEN,
  FIN_WAIT: [...OPEN, ["lan", FIN | ACK]],
  CLOSE_WAIT: [...OPEN, ["lan", FIN | ACK], ["wan", ACK]],
  LAST_ACK: [...OPEN, ["lan", FIN | ACK], ["wan", ACK], ["wan", FIN | ACK]],
  TIME_WAIT: [...OPEN, ["lan", FIN | ACK], ["wan", ACK], ["wan", FIN | ACK], ["lan", ACK]],
  CLOSE: [...OPEN, ["lan", RST]],
  SYN_SENT2: [
    ["lan", SYN],
    ["wan", SYN],
  ],
};

export const TCP_TRANSITIONS: Group = {
  name: "tcp-transitions",
  about: "every state of a TCP connection, met by every kind of segment from both sides",
  scenarios: () =>
    (["lan", "wan"] as const).flatMap((side) =>
      Object.entries(WAYS).flatMap(([state, way]) =>
        Object.entries(SEGMENTS).map(([kind, flags]) => {
          const talk = new Conversation({
            client: CLIENT,
            port: 40_000,
            server: SERVER,
            serverPort: 80,
            outside: OUTSIDE,
          });
          for (const [from, each] of way) talk.segment(from, each);
          talk.segment(side, flags);
          return onRouter({
            name: `${state} + ${kind} from ${side === "lan" ? "the client" : "the server"}`,
            setup: [SNAT, ...stateCounters("iptables-legacy")],
            steps: talk.steps,
          });
        }),
      ),
    ),
};
