import { describe, expect, it } from "vitest";
import { linked } from "../../test/drawings.js";
import { CLIENT, GATEWAY, SERVER, synAckPassage, synPassage, tcpPacket } from "../../test/passages.js";
import { drawSequence, type LinkedPassage, messagesOf } from "./sequence.js";

const flow = [synPassage(), synAckPassage(), { ...synPassage(true), serial: 3, atMicros: 2_400_000 }].map((passage) =>
  linked(passage),
);

/** The same first packet as seen by all three hosts. */
const everywhere: LinkedPassage[] = [
  {
    ...synPassage(),
    host: "client",
    iif: null,
    oif: "eth0",
    from: null,
    to: { host: "gateway", device: "eth0" },
    before: tcpPacket(CLIENT, 50798, SERVER, 443, 2),
    after: tcpPacket(CLIENT, 50798, SERVER, 443, 2),
    calls: [],
  },
  linked(synPassage()),
  {
    ...synPassage(),
    host: "server",
    iif: "eth0",
    oif: null,
    from: { host: "gateway", device: "eth1" },
    to: null,
    before: tcpPacket(GATEWAY, 50798, SERVER, 443, 2, { ttl: 63 }),
    after: tcpPacket(GATEWAY, 50798, SERVER, 443, 2, { ttl: 63 }),
    calls: [],
  },
];

describe("the sequence of packets", () => {
  it("is text: numbers relative, rewrites and drops marked", () => {
    expect(drawSequence(flow).text).toMatchInlineSnapshot(`
      "   time  link              source               destination          packet
      ───────  ────────────────  ───────────────────  ───────────────────  ──────────────────────────
            0  client → gateway  192.168.2.55:50798   217.254.1.76:443     SYN seq=0 len=0
            0  gateway → server  193.157.56.3:50798*  217.254.1.76:443     SYN seq=0 len=0
      1.04 ms  server → gateway  217.254.1.76:443     193.157.56.3:50798   SYN, ACK seq=0 ack=1 len=0
      1.04 ms  gateway → client  217.254.1.76:443     192.168.2.55:50798*  SYN, ACK seq=0 ack=1 len=0
        2.4 s  client → gateway  192.168.2.55:50798   217.254.1.76:443     SYN seq=0 len=0
                                                                           ✗ dropped in FORWARD

      * rewritten by the sending host"
    `);
  });

  it("is Mermaid", () => {
    expect(drawSequence(flow).mermaid).toMatchInlineSnapshot(`
      "sequenceDiagram
        participant h1 as client
        participant h2 as gateway
        participant h3 as server
        h1->>h2: SYN seq=0 len=0<br/>192.168.2.55:50798 → 217.254.1.76:443
        h2->>h3: SYN seq=0 len=0<br/>193.157.56.3:50798 → 217.254.1.76:443
        h3->>h2: SYN, ACK seq=0 ack=1 len=0<br/>217.254.1.76:443 → 193.157.56.3:50798
        h2->>h1: SYN, ACK seq=0 ack=1 len=0<br/>217.254.1.76:443 → 192.168.2.55:50798
        h1-xh2: SYN seq=0 len=0<br/>192.168.2.55:50798 → 217.254.1.76:443
        Note over h2: dropped in FORWARD
      "
    `);
  });

  it("shows each link once, however many hosts were watched", () => {
    // `linked` names the far devices eth0, as they are in the question.
    const ends = messagesOf(everywhere).map(({ from, to, changed }) => [from, to, changed.src]);
    expect(ends).toEqual([
      ["client", "gateway", false],
      ["gateway", "server", true],
    ]);
  });

  it("shows the beginning of a long walk, and says so", () => {
    const long = Array.from({ length: 100 }, (_value, i) => ({ ...everywhere[0], serial: i }));
    expect(messagesOf(long)).toHaveLength(100);
    expect(drawSequence(long).svg).toContain("The first 60 of 100 packets on links");
    expect(drawSequence(long).mermaid).toContain("Note over h1: 40 more packets");
    expect(drawSequence(long).text.split("\n")).toHaveLength(102);
  });

  it("tells of a packet that its own host dropped", () => {
    const [own] = everywhere;
    const [message] = messagesOf([{ ...own, oif: null, to: null, after: null }]);
    expect(message).toMatchObject({ from: "client", to: "client", dropped: "dropped" });
  });

  it.each([
    [0xffffffff, 0, "SYN seq=0 len=0", "ACK seq=1 ack=1 len=0"],
    [1, 0, "SYN seq=0 len=0", "ACK seq=1 ack=1 len=0"],
  ])("counts sequence numbers from %i modulo 2^32", (seq, _unused, ...expected) => {
    const packets = [
      tcpPacket(CLIENT, 1, SERVER, 2, 0x02, { seq }),
      tcpPacket(CLIENT, 1, SERVER, 2, 0x10, { seq: (seq + 1) >>> 0, ack: 77 }),
    ];
    const passages = packets.map((packet, i) => ({ ...everywhere[0], serial: i, before: packet, after: packet }));
    expect(messagesOf(passages).map(({ head, numbers }) => `${head.kind} ${numbers}`)).toEqual(expected);
  });
});
