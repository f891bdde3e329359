/// <reference types="node" />
/**
 * From captures to passages: a packet that came in by one device and left by another is found by what forwarding and
 * NAT leave alone (identification, lengths, sequence numbers, data) and by its TTL, one less. Nothing is known of a
 * packet between the two devices, nor of one that the host itself made and dropped.
 */
import {
  found,
  IP_MF,
  IP_OFFSET,
  IPV4_FRAGMENT,
  IPV4_ID,
  IPV4_PROTOCOL,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
  IPV6_HEADER_LENGTH,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  ipv4HeaderLength,
  skipExtensionHeaders,
} from "@netfilter-lab/engine";
import { isIPv6 } from "../ip-family.js";
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
  return isIPv6(bytes) ? signature6(bytes, hops) : signature4(bytes, hops);
}

/**
 * IPv6's headers have no identification: version, class, label, lengths and what follows the headers tell packets
 * apart.
 */
function signature6(bytes: Uint8Array, hops: number): string {
  const transport = skipExtensionHeaders(bytes, IPV6_HEADER_LENGTH, bytes.length, bytes[IPV6_NEXT_HEADER]);
  const at = transport < 0 ? bytes.length : transport;
  return [
    hex(bytes.subarray(0, IPV6_HOP_LIMIT)),
    bytes[IPV6_HOP_LIMIT] - hops,
    hex(bytes.subarray(IPV6_HEADER_LENGTH, at)),
    ...(transport < 0 || found.fragmentOffset !== 0
      ? [hex(bytes.subarray(at))]
      : payloadSignature(found.nexthdr, bytes.subarray(at))),
  ].join(" ");
}

function signature4(bytes: Uint8Array, hops: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fragment = view.getUint16(IPV4_FRAGMENT);
  const protocol = bytes[IPV4_PROTOCOL];
  const parts: (number | string)[] = [
    view.getUint16(IPV4_TOTAL_LENGTH),
    view.getUint16(IPV4_ID),
    fragment & (IP_MF | IP_OFFSET),
    bytes[IPV4_TTL] - hops,
    protocol,
  ];
  const rest = bytes.subarray(ipv4HeaderLength(bytes, 0));
  const first = (fragment & IP_OFFSET) === 0;
  return [...parts, ...(first ? payloadSignature(protocol, rest) : [hex(rest)])].join(" ");
}

/** Types of ICMP and ICMPv6 that are no errors: all echoes, and ICMP's timestamps. */
const QUESTIONS: Readonly<Record<number, readonly number[]>> = { 1: [0, 8, 13, 14], 58: [128, 129] };

/** What stays of a transport header and of what it carries. */
function payloadSignature(protocol: number, rest: Uint8Array): (number | string)[] {
  if (protocol === 6) return [hex(rest.subarray(4, 16)), hex(rest.subarray(20))];
  if (protocol === 17) return [hex(rest.subarray(8))];
  const questions = QUESTIONS[protocol];
  if (questions === undefined) return [hex(rest)];
  // An error's inner packet is rewritten too.
  return [rest[0], questions.includes(rest[0]) ? hex(rest.subarray(6)) : ""];
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
