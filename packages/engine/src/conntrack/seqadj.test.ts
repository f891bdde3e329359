import { expect, it } from "vitest";
import { IP_CT_ESTABLISHED, IP_CT_ESTABLISHED_REPLY, SkBuff } from "../skb.js";
import { buildIPv4 } from "../wire/ipv4.js";
import { buildTcp, parseTcp, TCP_ACK, tcpChecksumOk } from "../wire/tcp.js";
import { SequenceAdjustment } from "./seqadj.js";

const SRC = 0x0a000001;
const DST = 0x0a000002;

function segment(seq: number, ack: number, sack: readonly { left: number; right: number }[] = []): SkBuff {
  const tcp = buildTcp({ sport: 21, dport: 4000, seq, ack, flags: TCP_ACK, options: { sack } }, SRC, DST);
  return new SkBuff(buildIPv4({ src: SRC, dst: DST, protocol: 6, payload: tcp }));
}

function moved(adjustment: SequenceAdjustment, skb: SkBuff, ctinfo: number): ReturnType<typeof parseTcp> {
  expect(adjustment.adjust(skb, 20, ctinfo)).toBe(true);
  expect(tcpChecksumOk(skb.data, 20, skb.len - 20, SRC, DST)).toBe(true);
  return parseTcp(skb.data, 20, skb.len - 20);
}

it.each([
  // The segment itself, its repetition, and one before it stay; what comes after moves.
  [1000, 1000],
  [990, 990],
  [1001, 1004],
  [1025, 1028],
])("the speaker's number %i becomes %i", (seq, expected) => {
  const adjustment = new SequenceAdjustment();
  adjustment.set(0, 1000, 3);
  expect(moved(adjustment, segment(seq, 7), IP_CT_ESTABLISHED).seq).toBe(expected);
});

it.each([
  [1000, 1000],
  [1028, 1025],
  [990, 990],
])("the listener's acknowledgement %i becomes %i", (ack, expected) => {
  const adjustment = new SequenceAdjustment();
  adjustment.set(0, 1000, 3);
  expect(moved(adjustment, segment(7, ack), IP_CT_ESTABLISHED_REPLY).ack).toBe(expected);
});

it("moves the edges of SACK blocks too", () => {
  const adjustment = new SequenceAdjustment();
  adjustment.set(0, 1000, -2);
  const { options } = moved(
    adjustment,
    segment(7, 999, [
      { left: 1023, right: 1043 },
      { left: 900, right: 950 },
    ]),
    IP_CT_ESTABLISHED_REPLY,
  );
  expect(options.sack).toEqual([
    { left: 1025, right: 1045 },
    { left: 900, right: 950 },
  ]);
});

it("takes a repetition for what it is, and adds the next one up", () => {
  const adjustment = new SequenceAdjustment();
  adjustment.set(0, 1000, 3);
  adjustment.set(0, 1000, 3);
  expect(adjustment.offset(0, 2000)).toBe(3);
  adjustment.set(0, 1100, 4);
  expect(adjustment.offset(0, 1050)).toBe(3);
  expect(adjustment.offset(0, 2000)).toBe(7);
});

it("refuses a segment with a broken option", () => {
  const adjustment = new SequenceAdjustment();
  adjustment.set(0, 1000, 3);
  const skb = segment(7, 1028, [{ left: 1, right: 2 }]);
  skb.data[20 + 20 + 3] = 1;
  expect(adjustment.adjust(skb, 20, IP_CT_ESTABLISHED_REPLY)).toBe(false);
});
