import { describe, expect, it } from "vitest";
import { synAckPassage, synPassage } from "../../test/passages.js";
import { drawTuples, tuplesOf } from "./tuples.js";

describe("tuples before and after", () => {
  it("of the first packet: the reply tuple as made, as altered, and the header", () => {
    expect(drawTuples(synPassage()).text).toMatchInlineSnapshot(`
      "Packet 1 on gateway: tuples and header

      Tuples of entry 1
                   source                  destination
      ───────────  ───────────────────  ─  ───────────────────  ──────────────────────────────
      ORIGINAL     192.168.2.55:50798   →  217.254.1.76:443     into the hash
      REPLY        217.254.1.76:443     →  192.168.2.55:50798   as made: the ORIGINAL inverted
      REPLY        217.254.1.76:443     →  193.157.56.3:50798*  altered by NAT, into the hash

      The packet's header
                   source                  destination
      ───────────  ───────────────────  ─  ───────────────────  ────────────────
      in by eth0   192.168.2.55:50798   →  217.254.1.76:443     SYN
      out by eth1  193.157.56.3:50798*  →  217.254.1.76:443     rewritten by NAT

      * altered or rewritten by NAT"
    `);
  });

  it("of the answer: found by its own tuple, then rewritten", () => {
    expect(drawTuples(synAckPassage()).text).toMatchInlineSnapshot(`
      "Packet 2 on gateway: tuples and header

      Tuples of entry 1
                   source                 destination
      ───────────  ──────────────────  ─  ───────────────────  ───────────────────────
      ORIGINAL     192.168.2.55:50798  →  217.254.1.76:443
      REPLY        217.254.1.76:443    →  193.157.56.3:50798*  found by the one lookup

      The packet's header
                   source                 destination
      ───────────  ──────────────────  ─  ───────────────────  ────────────────
      in by eth1   217.254.1.76:443    →  193.157.56.3:50798   SYN, ACK
      out by eth0  217.254.1.76:443    →  192.168.2.55:50798*  rewritten by NAT

      * altered or rewritten by NAT"
    `);
  });

  it("of a packet dropped before SNAT: never altered, never in the hash", () => {
    expect(drawTuples(synPassage(true)).text).toMatchInlineSnapshot(`
      "Packet 1 on gateway: tuples and header

      Tuples of entry 1
                  source                 destination
      ──────────  ──────────────────  ─  ──────────────────  ────────────────────────────────
      ORIGINAL    192.168.2.55:50798  →  217.254.1.76:443    never confirmed: not in the hash
      REPLY       217.254.1.76:443    →  192.168.2.55:50798  never confirmed: not in the hash

      The packet's header
                  source                 destination
      ──────────  ──────────────────  ─  ──────────────────  ───
      in by eth0  192.168.2.55:50798  →  217.254.1.76:443    SYN"
    `);
  });

  it("claims nothing of a tuple that a dropped packet did not show", () => {
    const dropped = { ...synAckPassage(), after: null, oif: null };
    expect(tuplesOf(dropped).rows.map(({ label }) => label)).toEqual(["REPLY", "in by eth1"]);
  });

  it("of an untracked packet: only its header", () => {
    const data = tuplesOf({ ...synPassage(), calls: [] });
    expect(data.entry).toBeNull();
    expect(data.rows.map(({ section }) => section)).toEqual(["packet", "packet"]);
  });

  it("is Mermaid", () => {
    expect(drawTuples(synPassage()).mermaid).toMatchInlineSnapshot(`
      "flowchart TB
        subgraph entry["Tuples of entry 1"]
          r0["ORIGINAL<br/>192.168.2.55:50798 → 217.254.1.76:443<br/>into the hash"]
          r1["REPLY<br/>217.254.1.76:443 → 192.168.2.55:50798<br/>as made: the ORIGINAL inverted"]
          r2["REPLY<br/>217.254.1.76:443 → 193.157.56.3:50798<br/>altered by NAT, into the hash"]
          r1 --> r2
        end
        subgraph packet["The packet's header"]
          r3["in by eth0<br/>192.168.2.55:50798 → 217.254.1.76:443<br/>SYN"]
          r4["out by eth1<br/>193.157.56.3:50798 → 217.254.1.76:443<br/>rewritten by NAT"]
          r3 --> r4
        end
        classDef changed stroke-width:3px
        class r2,r4 changed
      "
    `);
  });
});
