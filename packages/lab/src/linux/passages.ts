/// <reference types="node" />
/**
 * From captures to passages: a packet that came in by one device and left by another is found by what forwarding and
 * NAT leave alone (identification, lengths, sequence numbers, data) and by its TTL, one less. Nothing is known of a
 * packet between the two devices, nor of one that the host itself made and dropped.
 */
import type { CapturedPacket } from "./capture.js";

/** One packet's way through one host. */
export interface Passage {
  readonly atMicros: number;
  readonly in: CapturedPacket | null;
  readonly out: CapturedPacket | null;
}

/** Longest stay of a packet in a host, in microseconds. */
const LONGEST_STAY_MICROS = 5_000_000;

/** Pairs what came in with what went out; ordered by the time at which each passage began. */
export function pairPackets(packets: readonly CapturedPacket[]): Passage[] {
  const arrivals = new Map<string, CapturedPacket[]>();
  const exits = new Map<CapturedPacket, CapturedPacket>();
  const made: CapturedPacket[] = [];
  for (const packet of packets) {
    if (!packet.outgoing) {
      const key = signature(packet.bytes, 1);
      arrivals.set(key, [...(arrivals.get(key) ?? []), packet]);
      continue;
    }
    const waiting = arrivals.get(signature(packet.bytes, 0)) ?? [];
    const index = waiting.findIndex((arrival) => packet.atMicros - arrival.atMicros < LONGEST_STAY_MICROS);
    if (index < 0) made.push(packet);
    else exits.set(waiting.splice(index, 1)[0], packet);
  }
  const passages: Passage[] = made.map((packet) => ({ atMicros: packet.atMicros, in: null, out: packet }));
  for (const packet of packets)
    if (!packet.outgoing) passages.push({ atMicros: packet.atMicros, in: packet, out: exits.get(packet) ?? null });
  return passages.sort((a, b) => a.atMicros - b.atMicros);
}

/** What stays of a packet when it is forwarded: all but addresses, ports, ICMP ids, checksums and options. */
function signature(bytes: Uint8Array, hops: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headerLength = (bytes[0] & 15) * 4;
  const protocol = bytes[9];
  const parts: (number | string)[] = [
    view.getUint16(2),
    view.getUint16(4),
    view.getUint16(6) & 0x3fff,
    bytes[8] - hops,
    protocol,
  ];
  const rest = bytes.subarray(headerLength);
  const first = (view.getUint16(6) & 0x1fff) === 0;
  if (first && protocol === 6) parts.push(hex(rest.subarray(4, 16)), hex(rest.subarray(20)));
  else if (first && protocol === 17) parts.push(hex(rest.subarray(8)));
  // An error's inner packet is rewritten too.
  else if (first && protocol === 1) parts.push(rest[0], [0, 8, 13, 14].includes(rest[0]) ? hex(rest.subarray(6)) : "");
  else parts.push(hex(rest));
  return parts.join(" ");
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
