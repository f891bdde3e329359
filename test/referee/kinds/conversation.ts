/** A TCP connection whose both ends' sequence numbers are known; kinds steer it, legally or not. */
import type { Choice } from "../choice.js";
import { ACK, FIN, get16, SYN, type TcpFields, tcp, text } from "../packets.js";
import { fromHex, type PacketStep } from "../scenario.js";
import { lan, wan } from "./router.js";

export type Side = "lan" | "wan";

/** Where the two ends are, each as the other side of the router sees it. */
export interface Ends {
  readonly client: string;
  readonly port: number;
  readonly server: string;
  readonly serverPort: number;
  /** The client as servers see it. */
  readonly outside: string;
  /** Its port as they see it; absent: its own. */
  readonly outsidePort?: number;
}

export class Conversation {
  readonly steps: PacketStep[] = [];
  readonly ends: Ends;
  seq: Record<Side, number>;

  constructor(ends: Ends, first: Record<Side, number> = { lan: 1000, wan: 9000 }) {
    this.ends = ends;
    this.seq = first;
  }

  /** A segment at its side's present sequence number, acknowledging all that the other sent, unless told otherwise. */
  segment(
    from: Side,
    flags: number,
    fields: Partial<TcpFields> & { readonly length?: number; ttl?: number } = {},
  ): void {
    const { client, port, server, serverPort, outside, outsidePort = port } = this.ends;
    const { length = 0, ttl, ...rest } = fields;
    const seq = rest.seq ?? this.seq[from];
    const all = {
      seq,
      ack: (flags & ACK) !== 0 ? this.seq[from === "lan" ? "wan" : "lan"] : 0,
      flags,
      ...(length > 0 ? { payload: text(length) } : {}),
      ...rest,
    };
    const ip = { id: this.steps.length + 1, ...(ttl === undefined ? {} : { ttl }) };
    this.steps.push(
      from === "lan"
        ? lan(tcp({ src: client, dst: server, ...ip }, { sport: port, dport: serverPort, ...all }))
        : wan(tcp({ src: server, dst: outside, ...ip }, { sport: serverPort, dport: outsidePort, ...all })),
    );
    if (rest.seq === undefined)
      this.seq[from] = (seq + length + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0)) >>> 0;
  }

  handshake(options?: Uint8Array): void {
    const all = options === undefined ? {} : { options };
    this.segment("lan", SYN, all);
    this.segment("wan", SYN | ACK, all);
    this.segment("lan", ACK);
  }

  /** The last packet again. */
  repeat(): void {
    const last = this.steps.at(-1);
    if (last !== undefined) this.steps.push(last);
  }

  /** How long the last packet is. */
  lastLength(): number {
    const last = this.steps.at(-1);
    return last === undefined ? 0 : get16(fromHex(last.hex), 2);
  }
}

/** Several conversations at once: each in its order, the next step from any of them. */
export function interleaved<T>(choice: Choice, talks: readonly (readonly T[])[]): T[] {
  const steps: T[] = [];
  let rest = talks.filter((talk) => talk.length > 0);
  const at = new Map(rest.map((talk) => [talk, 0]));
  while (rest.length > 0) {
    const talk = choice.pick(rest);
    const next = at.get(talk) ?? 0;
    steps.push(talk[next]);
    at.set(talk, next + 1);
    if (next + 1 === talk.length) rest = rest.filter((each) => each !== talk);
  }
  return steps;
}

/** TCP options as bytes, padded to words. */
export function tcpOptions(...options: readonly (readonly number[])[]): Uint8Array {
  const bytes = options.flat();
  while (bytes.length % 4 !== 0) bytes.push(1);
  return Uint8Array.from(bytes);
}

export const MSS = [2, 4, 5, 180];
export const SACK_PERMITTED = [4, 2];
export const TIMESTAMPS = [8, 10, 0, 0, 0, 1, 0, 0, 0, 0];

export function windowScale(shift: number): number[] {
  return [3, 3, shift];
}

/** A SACK option with these blocks. */
export function sack(...blocks: readonly (readonly [number, number])[]): number[] {
  const word = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
  return [5, 2 + 8 * blocks.length, ...blocks.flatMap(([left, right]) => [...word(left), ...word(right)])];
}
