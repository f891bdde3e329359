import { describe, expect, it } from "vitest";
import { synAckPassage, synPassage } from "../../test/passages.js";
import { drawStates, trackedEntries } from "./states.js";

const flow = [synPassage(), synAckPassage()];

describe("TCP states visited", () => {
  it("is text", () => {
    expect(drawStates(flow).text).toMatchInlineSnapshot(`
      "TCP states of entry 1 on gateway

         state        next      caused by           packet as it came in
      ─  ────────  ─  ────────  ──────────────────  ─────────────────────────────────────
      1  NONE      →  SYN_SENT  SYN, packet 1       192.168.2.55:50798 → 217.254.1.76:443
      2  SYN_SENT  →  SYN_RECV  SYN, ACK, packet 2  217.254.1.76:443 → 193.157.56.3:50798

      not visited: SYN_SENT2, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE"
    `);
  });

  it("is Mermaid", () => {
    expect(drawStates(flow).mermaid).toMatchInlineSnapshot(`
      "stateDiagram-v2
        [*] --> NONE
        NONE --> SYN_SENT: 1 SYN #40;packet 1#41;
        SYN_SENT --> SYN_RECV: 2 SYN, ACK #40;packet 2#41;
        SYN_SENT2
        ESTABLISHED
        FIN_WAIT
        CLOSE_WAIT
        LAST_ACK
        TIME_WAIT
        CLOSE
        classDef visited stroke-width:3px
        class NONE,SYN_SENT,SYN_RECV visited
      "
    `);
  });

  it("knows the connections apart by host and entry", () => {
    expect(trackedEntries([...flow, { ...synPassage(), host: "other" }])).toEqual([
      ["gateway", 1],
      ["other", 1],
    ]);
    expect(drawStates(flow, "other").text).toBe("No TCP connection changed its state");
    expect(drawStates(flow, "gateway", 2).text).toBe("No TCP connection changed its state");
    expect(drawStates(flow, "gateway", 1).text).toBe(drawStates(flow).text);
  });
});
