/** What the reader of walks lets in: its own documents whole, and of anything else a reason, never a crash. */
import fc from "fast-check";
import { expect, it, test } from "vitest";
import { CLIENT, SERVER, synAckPassage, synPassage, tcpPacket } from "../../../test/passages.js";
import type { PassageData } from "../passage.js";
import {
  type Json,
  readWalkDocument,
  type ViewedPacket,
  type ViewedWalk,
  WalkDocumentError,
  walkDocument,
} from "./document.js";
import { framesOf } from "./frames.js";

const viewed = ({ host, serial, atMicros, iif, oif, before, after, calls, hooks }: PassageData): ViewedPacket => ({
  host,
  serial,
  atMicros,
  from: "server.eth0",
  to: null,
  iif,
  oif,
  before,
  through: after !== null,
  calls,
  hooks,
});

const walk: ViewedWalk = { packets: [viewed(synPassage()), viewed(synAckPassage())], omitted: 3 };

it("reads what it wrote", () => {
  const written = [{ kind: "bytes", length: 40, runs: [{ at: 8, bytes: Uint8Array.of(63) }] }] as const;
  const before = tcpPacket(CLIENT, 1, SERVER, 2, 2);
  const made = { ...viewed(synPassage()), before, calls: [{ fn: "ip_forward", module: null, children: [...written] }] };
  for (const one of [walk, { packets: [made], omitted: 0 }, { packets: [], omitted: 0 }])
    expect(readWalkDocument(JSON.parse(JSON.stringify(walkDocument(one))))).toEqual(one);
});

type Packet = Record<string, Json>;
const document = walkDocument(walk) as { version: number; functions: Json; registries: Json; packets: Packet[] };
const withPacket = (more: Packet): unknown => ({ ...document, packets: [{ ...document.packets[0], ...more }] });
const withNote = (note: Json): unknown => withPacket({ calls: JSON.stringify([[0, note]]) });
const deep = `${"[0,".repeat(5000)}[0]${"]".repeat(5000)}`;

test.each<[what: string, value: unknown, message: string]>([
  ["nothing", undefined, "the walk is not an object"],
  ["a text", "<script>alert(1)</script>", "the walk is not an object"],
  ["a list", [], "the walk is not an object"],
  ["no version", {}, "the walk.version is not one of 1"],
  ["a newer version", { version: 2 }, "the walk is of version 2; this view reads version 1"],
  ["no packets", { ...document, packets: null }, "the walk.packets is not a list"],
  ["a host that is no text", withPacket({ host: { toString: 1 } as never }), "the walk.packets[0].host is not a text"],
  ["bytes that are none", withPacket({ before: "4500zz" }), "the walk.packets[0].before is not bytes in hexadecimal"],
  ["calls that are no JSON", withPacket({ calls: "[[0" }), "the walk.packets[0].calls is not JSON"],
  [
    "a call of nothing",
    withPacket({ calls: "[[99999]]" }),
    "the walk.packets[0].calls[0] is not a call of a known function",
  ],
  ["calls without end", withPacket({ calls: `[${deep}]` }), `${"[1]".repeat(100)} is not a call`],
  [
    "too many steps",
    withPacket({ calls: JSON.stringify(Array.from({ length: 30_001 }, () => [0])) }),
    "the walk is too long: more than 30000 steps",
  ],
  ["hooks that are not there", withPacket({ hooks: 7 }), "the walk.packets[0].hooks is not a known registry"],
  [
    "a note of no kind",
    withNote({ kind: "__proto__" }),
    "the walk.packets[0].calls[0][1].kind is not a note of a trace",
  ],
  [
    "a note that lacks something",
    withNote({ kind: "event", type: "NEW" }),
    "the walk.packets[0].calls[0][1].entry is not a whole number",
  ],
  [
    "a write outside",
    withNote({ kind: "bytes", length: 20, runs: [[70000, "00"]] }),
    "the walk.packets[0].calls[0][1].runs[0] is not an offset in a packet",
  ],
])("%s is refused with its place", (_what, value, message) => {
  expect(() => readWalkDocument(value)).toThrow(WalkDocumentError);
  expect(() => readWalkDocument(value)).toThrow(message);
});

it("takes nothing over that it does not know", () => {
  const { packets } = readWalkDocument(withPacket({ onclick: "alert(1)", ["__proto__"]: { polluted: true } }));
  expect(Object.keys(packets[0]).sort()).toEqual(Object.keys(walk.packets[0]).sort());
  expect("polluted" in packets[0]).toBe(false);
});

it("reads or refuses any change of a document, and what it reads has frames", () => {
  const text = JSON.stringify(document);
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.nat(12), fc.string({ maxLength: 6 }), (at, cut, put) => {
      let value: unknown;
      try {
        value = JSON.parse(text.slice(0, at) + put + text.slice(at + cut));
      } catch {
        return;
      }
      let read: ViewedWalk;
      try {
        read = readWalkDocument(value);
      } catch (error) {
        expect(error).toBeInstanceOf(WalkDocumentError);
        return;
      }
      expect(framesOf(read)).toHaveLength(read.packets.length);
    }),
    { numRuns: 2000, seed: 4 },
  );
});
