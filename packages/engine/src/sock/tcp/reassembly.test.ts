import { describe, expect, it } from "vitest";
import { ReassemblyQueue } from "./reassembly.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

/** What comes out from `next` on, and what is left to report. */
function drain(queue: ReassemblyQueue, next: number): [string[], number] {
  const out: string[] = [];
  for (let piece = queue.take(next); piece !== null; piece = queue.take(next))
    out.push(`${piece.seq >>> 0} ${text(piece.data)}${piece.fin ? " fin" : ""}`);
  return [out, queue.blocks(4).length];
}

describe("early data", () => {
  it.each<[string, [number, string, boolean?][], number, [string[], number]]>([
    ["a gap keeps it", [[10, "ab"]], 9, [[], 1]],
    ["the gap closed", [[10, "ab"]], 10, [["10 ab"], 0]],
    [
      "neighbours join",
      [
        [10, "ab"],
        [12, "cd"],
      ],
      10,
      [["10 abcd"], 0],
    ],
    [
      "the piece between two joins all",
      [
        [10, "ab"],
        [14, "ef"],
        [11, "bcd"],
      ],
      10,
      [["10 abcdef"], 0],
    ],
    [
      "the end goes with its piece",
      [
        [14, "ef", true],
        [12, "cd"],
      ],
      12,
      [["12 cdef fin"], 0],
    ],
    [
      "around the end of the numbers",
      [
        [1, "cd"],
        [0xffffffff, "ab"],
      ],
      0xffffffff,
      [["4294967295 abcd"], 0],
    ],
  ])("%s", (_, pieces, next, expected) => {
    const queue = new ReassemblyQueue();
    for (const [seq, data, fin = false] of pieces) queue.keep(seq, bytes(data), fin);
    expect(drain(queue, next)).toEqual(expected);
    expect(queue.empty).toBe(expected[1] === 0);
  });

  it("reports the piece that came last first, an end counted, as many as there is room for", () => {
    const queue = new ReassemblyQueue();
    queue.keep(30, bytes("x"), true);
    queue.keep(10, bytes("ab"), false);
    queue.keep(20, bytes("abc"), false);
    const lines = (most: number): string[] => queue.blocks(most).map(({ left, right }) => `${left}-${right}`);
    expect([lines(4), lines(2)]).toEqual([
      ["20-23", "10-12", "30-32"],
      ["20-23", "10-12"],
    ]);
  });
});
