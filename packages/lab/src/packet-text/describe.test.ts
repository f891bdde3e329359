/** The lines of tcpdump, for packets of which the real tool's text was noted. */
import { describe, expect, test } from "vitest";
import { describePacket, type FlowTable } from "./describe.js";

const CLIENT = [192, 168, 2, 55];
const SERVER = [217, 254, 1, 76];

/** A TCP segment without options between client and server; only what the text shows is filled in. */
function segment(fromClient: boolean, flags: number, seq: number, ack: number, length = 0): Uint8Array {
  const bytes = new Uint8Array(40 + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  view.setUint16(2, bytes.length);
  bytes[9] = 6;
  bytes.set(fromClient ? CLIENT : SERVER, 12);
  bytes.set(fromClient ? SERVER : CLIENT, 16);
  view.setUint16(20, fromClient ? 50798 : 443);
  view.setUint16(22, fromClient ? 443 : 50798);
  view.setUint32(24, seq);
  view.setUint32(28, ack);
  bytes[32] = 0x50;
  bytes[33] = flags;
  return bytes;
}

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const PSH = 0x08;
const ACK = 0x10;

/** Flags, sequence and acknowledgement of each line, for packets printed one after another. */
function lines(packets: readonly Uint8Array[]): string[] {
  const flows: FlowTable = new Map();
  return packets.map((packet) => {
    const line = describePacket(packet, { flows });
    return /Flags .*(?=, win)/.exec(line)?.[0] ?? line;
  });
}

describe("sequence numbers, as tcpdump 4.99.3 prints them", () => {
  test("a connection from its SYN: SYN and SYN-ACK are absolute, the rest counts from them", () => {
    expect(
      lines([
        segment(true, SYN, 3206651965, 0),
        segment(false, SYN | ACK, 1276696574, 3206651966),
        segment(true, ACK, 3206651966, 1276696575),
        segment(false, PSH | ACK, 1276696575, 3206651966, 14),
        segment(true, ACK, 3206651966, 1276696589),
        segment(false, FIN | ACK, 1276696589, 3206651966),
      ]),
    ).toEqual([
      "Flags [S], seq 3206651965",
      "Flags [S.], seq 1276696574, ack 3206651966",
      "Flags [.], ack 1",
      "Flags [P.], seq 1:15, ack 1",
      "Flags [.], ack 15",
      "Flags [F.], seq 15, ack 1",
    ]);
  });

  test("a connection met in the middle: data counts from zero, what it acknowledges from one", () => {
    expect(
      lines([
        segment(true, PSH | ACK, 1174482429, 1799994337, 6),
        segment(true, PSH | ACK, 1174482429, 1799994337, 6),
        segment(false, ACK, 1799994337, 1174482435),
      ]),
    ).toEqual([
      "Flags [P.], seq 1174482429:1174482435, ack 1799994337",
      "Flags [P.], seq 0:6, ack 1",
      "Flags [.], ack 6",
    ]);
  });

  test("a refused connection: the reset is the first packet with ACK", () => {
    expect(lines([segment(true, SYN, 3274011848, 0), segment(false, RST | ACK, 0, 3274011849)])).toEqual([
      "Flags [S], seq 3274011848",
      "Flags [R.], seq 0, ack 3274011849",
    ]);
  });
});
