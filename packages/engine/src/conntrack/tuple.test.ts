/** Tuples: inversion undoes itself, the hash tells directions apart, what cannot be answered has no inverse. */
import { assert, constantFrom, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { NFPROTO_IPV4, NFPROTO_IPV6 } from "../hooks.js";
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../wire/ipv4.js";
import {
  hashTuple,
  invertTuple,
  TUPLE_DST,
  TUPLE_PORTS,
  TUPLE_PROTO,
  TUPLE_SRC,
  TUPLE_WORDS,
  tupleEqual,
  tupleText,
} from "./tuple.js";

const u32 = integer({ min: -0x80000000, max: 0x7fffffff });
const u16 = integer({ min: 0, max: 0xffff });

function tuple(src: number, dst: number, ports: number, protonum: number, l3num = NFPROTO_IPV4): Int32Array {
  const words = new Int32Array(TUPLE_WORDS);
  words[TUPLE_SRC] = src;
  words[TUPLE_DST] = dst;
  words[TUPLE_PORTS] = ports;
  words[TUPLE_PROTO] = (l3num << 8) | protonum;
  return words;
}

describe("inversion", () => {
  it("undoes itself", () => {
    assert(
      property(u32, u32, u16, u16, constantFrom(IPPROTO_TCP, IPPROTO_UDP, 50), (src, dst, sport, dport, protonum) => {
        const once = new Int32Array(TUPLE_WORDS);
        const twice = new Int32Array(TUPLE_WORDS);
        const original = tuple(src, dst, (sport << 16) | dport, protonum);
        expect(invertTuple(original, 0, once, 0)).toBe(true);
        expect(invertTuple(once, 0, twice, 0)).toBe(true);
        expect(twice).toEqual(original);
      }),
    );
  });

  it("works on all four words of an IPv6 address", () => {
    const original = tuple(1, 5, 0, IPPROTO_UDP, NFPROTO_IPV6);
    original.set([1, 2, 3, 4, 5, 6, 7, 8]);
    const inverse = new Int32Array(TUPLE_WORDS);
    invertTuple(original, 0, inverse, 0);
    expect([...inverse.subarray(0, 8)]).toEqual([5, 6, 7, 8, 1, 2, 3, 4]);
    const other = original.slice();
    other[TUPLE_DST + 3]++;
    expect(tupleEqual(original, 0, other, 0)).toBe(false);
    expect(hashTuple(original, 0, 0, 1)).not.toBe(hashTuple(other, 0, 0, 1));
  });

  // RFC 792 and 950: who answers whom.
  it.each([
    [8, 0],
    [0, 8],
    [13, 14],
    [14, 13],
    [15, 16],
    [16, 15],
    [17, 18],
    [18, 17],
  ])("of ICMP type %i is type %i with the same id and code", (type, answer) => {
    const inverse = new Int32Array(TUPLE_WORDS);
    expect(invertTuple(tuple(1, 2, (77 << 16) | (type << 8) | 3, IPPROTO_ICMP), 0, inverse, 0)).toBe(true);
    expect(tupleText(inverse, 0)).toMatchObject({ src: "0.0.0.2", dst: "0.0.0.1", id: 77, type: answer, code: 3 });
  });

  it.each([3, 4, 5, 9, 10, 11, 12, 19, 255])("of ICMP type %i does not exist", (type) => {
    expect(invertTuple(tuple(1, 2, type << 8, IPPROTO_ICMP), 0, new Int32Array(TUPLE_WORDS), 0)).toBe(false);
  });
});

describe("hash", () => {
  it("depends on every part of the tuple, on zone and on seed", () => {
    const base = tuple(1, 2, (3 << 16) | 4, IPPROTO_TCP);
    const hashes = new Set([hashTuple(base, 0, 0, 7), hashTuple(base, 0, 1, 7), hashTuple(base, 0, 0, 8)]);
    for (const word of [TUPLE_SRC, TUPLE_DST, TUPLE_PORTS, TUPLE_PROTO]) {
      const changed = base.slice();
      changed[word]++;
      hashes.add(hashTuple(changed, 0, 0, 7));
    }
    expect(hashes.size).toBe(7);
  });
});
