/**
 * A packet on its way to text: its bytes, how they are to be printed, and what was printed so far. Each protocol's file
 * adds its own part.
 */
import { checksumFold, checksumPartial, pseudoHeaderSum, pseudoHeaderSumIPv6 } from "@netfilter-lab/engine";
import { isIPv6 } from "../ip-family.js";
import { IPPROTO_ICMP } from "./numbers.js";

/**
 * The numbers from which each TCP conversation is counted: of either end, the sequence number that prints as 0. The key
 * is the two ends, the smaller first.
 */
export type FlowTable = Map<string, Map<string, number>>;

export interface PacketTextOptions {
  /** Print sequence numbers relative to the first seen of each conversation. Absent: absolute numbers (`-S`). */
  readonly flows?: FlowTable;
  /** `-v`: the IP header in parentheses, checksums, the packet inside an ICMP error; 2 is `-vv`. Default 0. */
  readonly verbose?: boolean | number;
  /** `-q`: only protocol and length. */
  readonly quiet?: boolean;
  /** `-K`: checksums are not verified. */
  readonly unverified?: boolean;
  /** `-e`: what it is was said with the link level, so no `IP` stands before it. */
  readonly unnamed?: boolean;
  /** How many bytes of the packet were caught (`-s`); the rest is told as missing. Default all. */
  readonly caught?: number;
}

/** Where a transport header is, and what the IP header said of it. */
export interface Transport {
  readonly src: string;
  readonly dst: string;
  readonly at: number;
  /** Bytes behind the IP header by the header's own account. */
  readonly length: number;
  readonly fragmented: boolean;
  /** Whether the addresses were printed already. */
  readonly bare: boolean;
}

/** What was caught ends before what is wanted; `[|tcp]` is printed. */
export class Truncated extends Error {}

/** `0x1a2b`. */
export function hex4(value: number): string {
  return `0x${value.toString(16).padStart(4, "0")}`;
}

/** One packet on its way to text. `text` grows; reading past what was caught throws {@link Truncated}. */
export class Printout {
  text = "";
  readonly data: Uint8Array;
  readonly options: PacketTextOptions;
  readonly verbose: number;

  constructor(data: Uint8Array, options: PacketTextOptions) {
    this.data = data;
    this.options = options;
    this.verbose = Number(options.verbose ?? 0);
  }

  get isIpv6(): boolean {
    return isIPv6(this.data);
  }

  u8(at: number): number {
    const value = this.data[at];
    if (value === undefined) throw new Truncated();
    return value;
  }

  u16(at: number): number {
    return (this.u8(at) << 8) | this.u8(at + 1);
  }

  u32(at: number): number {
    return (this.u16(at) * 65536 + this.u16(at + 2)) >>> 0;
  }

  /** Prints a part; when it ends too early, says so. */
  part(protocol: string, print: () => void): void {
    try {
      print();
    } catch (error) {
      if (!(error instanceof Truncated)) throw error;
      this.text += ` [|${protocol}]`;
    }
  }

  /** The bytes from an offset on, sixteen a line. */
  dump(from: number, end: number = this.data.length, indent = ""): string {
    let text = "";
    for (let at = from; at < end; at += 16) {
      const row = [...this.data.subarray(at, Math.min(at + 16, end))]
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join("");
      text += `\n\t${indent}${hex4(at - from)}:  ${row.replace(/(.{4})(?=.)/g, "$1 ")}`;
    }
    return text;
  }

  /** The right checksum of a part, null when not all of it was caught. */
  checksum({ at, length }: Transport, protocol: number, field: number): number | null {
    if (this.data.length < at + length) return null;
    const copy = this.data.slice(at, at + length);
    copy.set([0, 0], field);
    const pseudo = this.isIpv6
      ? pseudoHeaderSumIPv6(this.data, 0, protocol, copy.length)
      : protocol === IPPROTO_ICMP
        ? 0
        : pseudoHeaderSum(this.u32(12), this.u32(16), protocol, copy.length);
    return checksumFold(checksumPartial(copy, 0, copy.length, pseudo));
  }
}
