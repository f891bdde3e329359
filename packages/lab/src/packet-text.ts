/**
 * A packet as `tcpdump -n` prints it (version 4.99): IPv4 and IPv6 with TCP, UDP, ICMP and ICMPv6, and of what they carry the text
 * protocols HTTP, FTP, SMTP and SSH. Payloads of other ports that tcpdump knows (DNS, NTP, DHCP, ...) are not taken
 * apart; {@link undissected} names them.
 */
import {
  checksumFold,
  checksumPartial,
  formatIPv4,
  formatIPv6,
  pseudoHeaderSum,
  pseudoHeaderSumIPv6,
  readIPv6,
} from "@netfilter-lab/engine";
import { TEXT_PROTOCOLS, textPayload } from "./packet-payload.js";

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

const IPPROTO_ICMP = 1;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_ICMPV6 = 58;
const NEXTHDR_HOP = 0;
const NEXTHDR_FRAGMENT = 44;
const NEXTHDR_NONE = 59;
const NEXTHDR_DEST = 60;
const IP_HEADER_LENGTH = 20;
const IPV6_HEADER_LENGTH = 40;
const TCP_HEADER_LENGTH = 20;
const UDP_HEADER_LENGTH = 8;
const IP_RF = 0x8000;
const IP_DF = 0x4000;
const IP_MF = 0x2000;
const IP_OFFSET = 0x1fff;

/** `IP 192.168.2.55.50798 > 217.254.1.76.443: Flags [S], seq 1, win 64240, length 0`. */
export function describePacket(packet: Uint8Array, options: PacketTextOptions = {}): string {
  const printer = new Printer(packet.subarray(0, options.caught ?? packet.length), options);
  printer.ip(packet.length);
  return printer.text;
}

/** What was caught ends before what is wanted; `[|tcp]` is printed. */
class Truncated extends Error {}

const hex4 = (value: number): string => `0x${value.toString(16).padStart(4, "0")}`;

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  0: "Options",
  1: "ICMP",
  2: "IGMP",
  4: "IPIP",
  6: "TCP",
  8: "EGP",
  9: "IGRP",
  17: "UDP",
  33: "DCCP",
  41: "IPv6",
  44: "Fragment",
  46: "RSVP",
  47: "GRE",
  50: "ESP",
  51: "AH",
  55: "Mobile IP",
  58: "ICMPv6",
  88: "EIGRP",
  89: "OSPF",
  103: "PIM",
  108: "Compressed IP",
  112: "VRRP",
  113: "PGM",
  132: "SCTP",
};

const OPTION_NAMES: Readonly<Record<number, string>> = {
  0: "EOL",
  1: "NOP",
  7: "RR",
  68: "timestamp",
  130: "security",
  131: "LSRR",
  137: "SSRR",
  148: "RA",
  149: "RFC1393",
};

const TCP_FLAG_TEXT: readonly (readonly [number, string])[] = [
  [0x01, "F"],
  [0x02, "S"],
  [0x04, "R"],
  [0x08, "P"],
  [0x10, "."],
  [0x20, "U"],
  [0x40, "E"],
  [0x80, "W"],
];

const TCP_OPTION_NAMES: Readonly<Record<number, string>> = {
  0: "eol",
  1: "nop",
  2: "mss",
  3: "wscale",
  4: "sackOK",
  5: "sack",
  8: "TS",
};

/** Bytes behind kind and length, where the kind fixes them; a length that says otherwise is told, and not followed. */
const TCP_OPTION_LENGTHS: Readonly<Record<number, number>> = { 2: 2, 3: 1, 4: 0, 8: 8 };

const UNREACHABLE_TEXT: Readonly<Record<number, string>> = {
  0: "net %d unreachable",
  1: "host %d unreachable",
  5: "%d unreachable - source route failed",
  6: "net %d unreachable - unknown",
  7: "host %d unreachable - unknown",
  8: "%d unreachable - source host isolated",
  9: "net %d unreachable - admin prohibited",
  10: "host %d unreachable - admin prohibited",
  11: "net %d unreachable - tos prohibited",
  12: "host %d unreachable - tos prohibited",
  13: "host %d unreachable - admin prohibited filter",
  14: "host %d unreachable - host precedence violation",
  15: "host %d unreachable - precedence cutoff",
};

const UNREACHABLE6_TEXT: readonly string[] = [
  "unreachable route",
  " unreachable prohibited",
  "beyond scope",
  "unreachable address",
];

const REDIRECT_TEXT: Readonly<Record<number, string>> = {
  0: "redirect %d to net %g",
  1: "redirect %d to host %g",
  2: "redirect-tos %d to net %g",
  3: "redirect-tos %d to host %g",
};

/** ICMP types that hold the packet they are about. */
const ICMP_ERRORS = new Set([3, 4, 5, 11, 12]);

/** One packet on its way to text. `text` grows; reading past what was caught throws {@link Truncated}. */
class Printer {
  text = "";
  readonly #data: Uint8Array;
  readonly #options: PacketTextOptions;
  readonly #verbose: number;

  constructor(data: Uint8Array, options: PacketTextOptions) {
    this.#data = data;
    this.#options = options;
    this.#verbose = Number(options.verbose ?? 0);
  }

  #u8(at: number): number {
    const value = this.#data[at];
    if (value === undefined) throw new Truncated();
    return value;
  }

  #u16(at: number): number {
    return (this.#u8(at) << 8) | this.#u8(at + 1);
  }

  #u32(at: number): number {
    return (this.#u16(at) * 65536 + this.#u16(at + 2)) >>> 0;
  }

  /** Prints a part; when it ends too early, says so. */
  #part(protocol: string, print: () => void): void {
    try {
      print();
    } catch (error) {
      if (!(error instanceof Truncated)) throw error;
      this.text += ` [|${protocol}]`;
    }
  }

  /** `length` is what the link carried, more perhaps than was caught. */
  ip(length: number): void {
    if (this.#isIpv6) {
      this.#ip6(length);
      return;
    }
    if (!(this.#options.unnamed ?? false)) this.text += "IP ";
    if (this.#data.length < IP_HEADER_LENGTH) {
      this.text += " [|ip]";
      return;
    }
    const headerLength = (this.#u8(0) & 15) * 4;
    const total = this.#u16(2);
    if (this.#u8(0) >> 4 !== 4) this.text += "wrong link-layer encapsulation";
    if (headerLength < IP_HEADER_LENGTH) {
      this.text += `bad-hlen ${headerLength}`;
      return;
    }
    if (total < headerLength) {
      this.text += `bad-len ${total}`;
      return;
    }
    if (length < total) this.text += `truncated-ip - ${total - length} bytes missing! `;
    if (this.#verbose > 0) this.#part("ip", () => this.#header(headerLength, total));
    const fragment = this.#u16(6);
    const [src, dst] = [formatIPv4(this.#u32(12)), formatIPv4(this.#u32(16))];
    const protocol = this.#u8(9);
    if ((fragment & IP_OFFSET) !== 0) {
      this.text += `${src} > ${dst}: ip-proto-${protocol}`;
      return;
    }
    const inner = new Printer(this.#data.subarray(0, Math.min(total, this.#data.length)), this.#options);
    const context: Transport = {
      src,
      dst,
      at: headerLength,
      length: total - headerLength,
      fragmented: (fragment & IP_MF) !== 0,
      bare: false,
    };
    if (protocol === IPPROTO_TCP) inner.#part("tcp", () => inner.#tcp(context));
    else if (protocol === IPPROTO_UDP) inner.#part("udp", () => inner.#udp(context));
    else {
      inner.text += `${src} > ${dst}: `;
      if (protocol === IPPROTO_ICMP) inner.#part("icmp", () => inner.#icmp(context));
      else inner.text += ` ip-proto-${protocol} ${context.length}`;
    }
    this.text += inner.text;
  }

  get #isIpv6(): boolean {
    return this.#data[0] >> 4 === 6;
  }

  #ip6(length: number): void {
    if (!(this.#options.unnamed ?? false)) this.text += "IP6 ";
    if (this.#data.length < IPV6_HEADER_LENGTH) {
      this.text += " [|ip6]";
      return;
    }
    const total = IPV6_HEADER_LENGTH + this.#u16(4);
    if (length < total) this.text += `truncated-ip6 - ${total - length} bytes missing!`;
    if (this.#verbose > 0) this.#header6(total);
    const [src, dst] = [8, 24].map((at) => formatIPv6(readIPv6(this.#data, at)));
    const inner = new Printer(this.#data.subarray(0, Math.min(total, this.#data.length)), this.#options);
    inner.#part("ip6", () => inner.#payload6(src, dst, total));
    this.text += inner.text;
  }

  /** `(class 0x10, flowlabel 0x12345, hlim 64, next-header TCP (6) payload length: 20)`. */
  #header6(total: number): void {
    const word = this.#u32(0);
    const [trafficClass, flow] = [(word >>> 20) & 0xff, word & 0xfffff];
    const parts = [
      ...(trafficClass === 0 ? [] : [`class 0x${trafficClass.toString(16).padStart(2, "0")}`]),
      ...(flow === 0 ? [] : [`flowlabel 0x${flow.toString(16).padStart(5, "0")}`]),
      `hlim ${this.#u8(7)}`,
      `next-header ${PROTOCOL_NAMES[this.#u8(6)] ?? "unknown"} (${this.#u8(6)}) payload length: ${total - IPV6_HEADER_LENGTH}`,
    ];
    this.text += `(${parts.join(", ")}) `;
  }

  /** The chain of headers behind IPv6's. */
  #payload6(src: string, dst: string, total: number): void {
    let at = IPV6_HEADER_LENGTH;
    let next = this.#u8(6);
    let bare = false;
    let fragmented = false;
    for (;;) {
      const transport = next === IPPROTO_TCP || next === IPPROTO_UDP;
      if (!bare && !transport) {
        this.text += `${src} > ${dst}: `;
        bare = true;
      }
      const context: Transport = { src, dst, at, length: total - at, fragmented, bare };
      if (next === NEXTHDR_HOP || next === NEXTHDR_DEST) {
        this.text += next === NEXTHDR_HOP ? "HBH " : "DSTOPT ";
        next = this.#u8(at);
        at += (this.#u8(at + 1) + 1) * 8;
      } else if (next === NEXTHDR_FRAGMENT) {
        const offset = this.#u16(at + 2) & 0xfff8;
        const id =
          this.#verbose > 0
            ? `0x${this.#u32(at + 4)
                .toString(16)
                .padStart(8, "0")}:`
            : "";
        this.text += `frag (${id}${offset}|${total - at - 8})`;
        if (offset !== 0) return;
        this.text += " ";
        fragmented = true;
        next = this.#u8(at);
        at += 8;
      } else {
        if (next === IPPROTO_TCP) this.#part("tcp", () => this.#tcp(context));
        else if (next === IPPROTO_UDP) this.#part("udp", () => this.#udp(context));
        else if (next === IPPROTO_ICMPV6) this.#part("icmp6", () => this.#icmp6(context));
        else if (next === NEXTHDR_NONE) this.text += "no next header";
        else this.text += ` ip-proto-${next} ${context.length}`;
        return;
      }
    }
  }

  #icmp6(context: Transport): void {
    const { at, length } = context;
    if (length === 0) {
      this.text += "ICMP6, length 0 (invalid)";
      return;
    }
    const type = this.#u8(at);
    if (this.#verbose > 0 && !(this.#options.unverified ?? false) && !context.fragmented) {
      const given = this.#u16(at + 2);
      const right = this.#checksum(context, IPPROTO_ICMPV6, 2);
      if (right !== null)
        this.text += right === given ? "[icmp6 sum ok] " : `[bad icmp6 cksum ${hex4(given)} -> ${hex4(right)}!] `;
    }
    this.text += "ICMP6, ";
    const known = this.#icmp6Body(type, at);
    if (type === 1 && this.#u8(at + 1) > 4) return;
    if (this.#verbose === 0 || !known) this.text += `, length ${length}`;
    if (!known && this.#verbose < 2) this.text += this.#dump(at);
  }

  /** The bytes from an offset on, sixteen a line. */
  #dump(from: number, end: number = this.#data.length, indent = ""): string {
    let text = "";
    for (let at = from; at < end; at += 16) {
      const row = [...this.#data.subarray(at, Math.min(at + 16, end))]
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join("");
      text += `\n\t${indent}${hex4(at - from)}:  ${row.replace(/(.{4})(?=.)/g, "$1 ")}`;
    }
    return text;
  }

  /** False for a type that is not taken apart: its length is always told. */
  #icmp6Body(type: number, at: number): boolean {
    const code = this.#data[at + 1];
    const inner = at + 8;
    const address = (from: number): string => {
      this.#u8(from + 15);
      return formatIPv6(readIPv6(this.#data, from));
    };
    switch (type) {
      case 1:
        this.text += "destination unreachable, ";
        if (code === 4) {
          this.text += "unreachable port";
          const protocol = this.#u8(inner + 6);
          if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) throw new Truncated();
          const port = this.#u16(inner + IPV6_HEADER_LENGTH + 2);
          this.text += `, ${address(inner + 24)} ${protocol === IPPROTO_TCP ? "tcp" : "udp"} port ${port}`;
        } else if (code > 4) {
          this.text += `unknown unreach code (${code})`;
          if (this.#verbose < 2) this.text += this.#dump(at);
          return true;
        } else {
          this.text += `${UNREACHABLE6_TEXT[code]} ${address(inner + 24)}`;
          if (code === 2) this.text += `, source address ${address(inner + 8)}`;
        }
        return true;
      case 2:
        this.text += `packet too big, mtu ${this.#u32(at + 4)}`;
        return true;
      case 3:
        this.text += "time exceeded in-transit";
        this.text +=
          code === 0 ? ` for ${address(inner + 24)}` : code === 1 ? " (reassembly)" : `, unknown code (${code})`;
        return true;
      case 4: {
        const what = ["erroneous", "next header", "option", "incomplete header chain"][code];
        this.text += `parameter problem, ${what === undefined ? `code-#${code}` : `${what} - octet ${this.#u32(at + 4)}`}`;
        return true;
      }
      case 128:
      case 129:
        this.text += `echo ${type === 128 ? "request" : "reply"}`;
        this.text += `, id ${this.#u16(at + 4)}, seq ${this.#u16(at + 6)}`;
        return true;
      case 137:
        this.text += `redirect, ${this.#verbose > 0 ? `length ${this.#u16(4) - (at - IPV6_HEADER_LENGTH)}, ` : ""}`;
        this.text += `${address(at + 24)} to ${address(at + 8)}`;
        if (this.#verbose > 0) this.#neighbourOptions(at + 40);
        return true;
      default:
        this.text += `unknown icmp6 type (${type})`;
        this.#u8(at + 1);
        return false;
    }
  }

  /** Options of neighbour discovery. The bytes of a redirected header are told from the first option on. */
  #neighbourOptions(first: number): void {
    for (let at = first; at + 2 <= this.#data.length; ) {
      const type = this.#u8(at);
      const units = this.#u8(at + 1);
      const end = at + units * 8;
      if (units === 0 || end > this.#data.length) throw new Truncated();
      const name = NEIGHBOUR_OPTIONS[type];
      this.text += `\n\t  ${name ?? "unknown"} option (${type}), length ${units * 8} (${units}): `;
      if (type === 1 || type === 2)
        this.text += [...this.#data.subarray(at + 2, end)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
      else if (type === 4) this.text += this.#dump(first, first + units * 8, "    ");
      if (this.#verbose > 1 || name === undefined)
        this.text += this.#dump(at + 2, end, name === undefined ? "  " : "    ");
      at = end;
    }
  }

  /** `(tos 0x0, ttl 64, id 4711, offset 0, flags [DF], proto TCP (6), length 60)`. */
  #header(headerLength: number, total: number): void {
    const tos = this.#u8(1);
    const ecn = ["", ",ECT(1)", ",ECT(0)", ",CE"][tos & 3];
    const ttl = this.#u8(8);
    const fragment = this.#u16(6);
    const flags = [
      [IP_MF, "+"],
      [IP_DF, "DF"],
      [IP_RF, "rsvd"],
    ] as const;
    const set = flags.filter(([bit]) => fragment & bit).map(([, name]) => name);
    this.text += `(tos 0x${tos.toString(16)}${ecn}${ttl >= 1 ? `, ttl ${ttl}` : ""}`;
    this.text += `, id ${this.#u16(4)}, offset ${(fragment & IP_OFFSET) * 8}, flags [${set.join(", ") || "none"}]`;
    this.text += `, proto ${PROTOCOL_NAMES[this.#u8(9)] ?? "unknown"} (${this.#u8(9)}), length ${total}`;
    if (headerLength > IP_HEADER_LENGTH) {
      this.text += ", options (";
      this.#ipOptions(headerLength);
      this.text += ")";
    }
    if (!(this.#options.unverified ?? false) && this.#data.length >= headerLength) {
      const given = this.#u16(10);
      const off = checksumFold(checksumPartial(this.#data, 0, headerLength));
      if (off !== 0) {
        const header = this.#data.slice(0, headerLength);
        header.set([0, 0], 10);
        const right = checksumFold(checksumPartial(header, 0, headerLength));
        this.text += `, bad cksum ${given.toString(16)} (->${right.toString(16)})!`;
      }
    }
    this.text += ")\n    ";
  }

  #ipOptions(headerLength: number): void {
    for (let at = IP_HEADER_LENGTH, separator = ""; at < headerLength; ) {
      const kind = this.#u8(at);
      const length = kind <= 1 ? 1 : this.#u8(at + 1);
      this.text += `${separator}${OPTION_NAMES[kind] ?? `unknown ${kind}`}`;
      separator = ",";
      if (kind === 0) return;
      if (kind > 1 && (length < 2 || at + length > headerLength)) return;
      if (kind === 148 && length === 4 && this.#u16(at + 2) !== 0) this.text += ` value ${this.#u16(at + 2)}`;
      if (kind === 7 || kind === 131 || kind === 137)
        for (let hop = 3; hop + 4 <= length; hop += 4) this.text += ` ${formatIPv4(this.#u32(at + hop))}`;
      at += length;
    }
  }

  /** The right checksum of a part, null when not all of it was caught. */
  #checksum({ at, length }: Transport, protocol: number, field: number): number | null {
    if (this.#data.length < at + length) return null;
    const copy = this.#data.slice(at, at + length);
    copy.set([0, 0], field);
    const pseudo = this.#isIpv6
      ? pseudoHeaderSumIPv6(this.#data, 0, protocol, copy.length)
      : protocol === IPPROTO_ICMP
        ? 0
        : pseudoHeaderSum(this.#u32(12), this.#u32(16), protocol, copy.length);
    return checksumFold(checksumPartial(copy, 0, copy.length, pseudo));
  }

  #tcp(context: Transport): void {
    const { src, dst, at } = context;
    if (this.#data.length < at + 4) {
      this.text += `${src} > ${dst}: [|tcp]`;
      return;
    }
    const [sport, dport] = [this.#u16(at), this.#u16(at + 2)];
    this.text += context.bare ? `${sport} > ${dport}: ` : `${src}.${sport} > ${dst}.${dport}: `;
    const headerLength = (this.#u8(at + 12) >> 4) * 4;
    const { quiet = false, unverified = false } = this.#options;
    if (headerLength < TCP_HEADER_LENGTH) {
      this.text += ` tcp ${context.length - headerLength} [bad hdr length ${headerLength} - too short, < 20]`;
      return;
    }
    const tooLong =
      headerLength > context.length ? ` [bad hdr length ${headerLength} - too long, > ${context.length}]` : "";
    let seq = this.#u32(at + 4);
    let ack = this.#u32(at + 8);
    const window = this.#u16(at + 14);
    const checksum = this.#u16(at + 16);
    const urgent = this.#u16(at + 18);
    if (quiet) {
      this.text += `tcp ${(context.length - headerLength) >>> 0}${tooLong}`;
      return;
    }
    const bits = this.#u8(at + 13);
    const flags = TCP_FLAG_TEXT.map(([bit, letter]) => (bits & bit ? letter : "")).join("") || "none";
    this.text += `Flags [${flags}]`;
    let received = 0;
    if (this.#options.flows !== undefined && (bits & 0x10) !== 0) {
      const [mine, theirs] = [`${src}:${sport}`, `${dst}:${dport}`];
      const key = mine < theirs ? `${mine} ${theirs}` : `${theirs} ${mine}`;
      const known = this.#options.flows.get(key);
      if (known === undefined || (bits & 0x02) !== 0) {
        received = (ack - 1) >>> 0;
        this.#options.flows.set(
          key,
          new Map([
            [mine, seq],
            [theirs, received],
          ]),
        );
      } else {
        received = known.get(theirs) ?? 0;
        seq = (seq - (known.get(mine) ?? 0)) >>> 0;
        ack = (ack - received) >>> 0;
      }
    }
    this.text += tooLong;
    if (tooLong !== "") return;
    if (this.#verbose > 0 && !unverified && !context.fragmented) {
      const right = this.#checksum(context, IPPROTO_TCP, 16);
      if (right !== null)
        this.text += `, cksum ${hex4(checksum)} ${right === checksum ? "(correct)" : `(incorrect -> ${hex4(right)})`}`;
    }
    const length = context.length - headerLength;
    if (this.#verbose > 1 || length > 0 || (bits & 0x07) !== 0)
      this.text += `, seq ${seq}${length > 0 ? `:${(seq + length) >>> 0}` : ""}`;
    if ((bits & 0x10) !== 0) this.text += `, ack ${ack}`;
    this.text += `, win ${window}`;
    if ((bits & 0x20) !== 0) this.text += `, urg ${urgent}`;
    if (headerLength > TCP_HEADER_LENGTH) {
      this.text += ", options [";
      if (!this.#tcpOptions(at + TCP_HEADER_LENGTH, at + headerLength, received)) {
        this.text += "[bad opt]";
        return;
      }
      this.text += "]";
    }
    this.text += `, length ${length}`;
    if (length <= 0) return;
    const payload = this.#data.subarray(at + headerLength);
    if ((bits & 0x04) !== 0) {
      if (this.#verbose > 0) this.text += ` [RST${length > 24 ? "+" : ""} ${printable(payload.subarray(0, 24))}]`;
      return;
    }
    const protocol = TEXT_PROTOCOLS.get(sport) ?? TEXT_PROTOCOLS.get(dport);
    if (protocol !== undefined) this.text += textPayload(protocol, payload, length, this.#verbose > 0);
  }

  /** False when they cannot be read. `received` is what the other end's numbers count from. */
  #tcpOptions(from: number, end: number, received: number): boolean {
    for (let at = from, separator = ""; at < end; separator = ",") {
      this.text += separator;
      const kind = this.#u8(at);
      const length = kind <= 1 ? 1 : this.#u8(at + 1);
      if (kind > 1 && (length < 2 || at + length > end)) return false;
      this.text += TCP_OPTION_NAMES[kind] ?? `unknown-${kind}`;
      if (kind === 0) return true;
      const body = at + 2;
      const dataLength = TCP_OPTION_LENGTHS[kind] ?? length - 2;
      if (kind > 1 && body + dataLength > end) return false;
      if (kind === 2) this.text += ` ${this.#u16(body)}`;
      else if (kind === 3) this.text += ` ${this.#u8(body)}`;
      else if (kind === 8) this.text += ` val ${this.#u32(body)} ecr ${this.#u32(body + 4)}`;
      else if (kind === 5) {
        if (dataLength % 8 !== 0) this.text += " malformed sack ";
        else {
          this.text += ` ${dataLength / 8} `;
          for (let i = 0; i < dataLength; i += 8)
            this.text += `{${(this.#u32(body + i) - received) >>> 0}:${(this.#u32(body + i + 4) - received) >>> 0}}`;
        }
      } else if (kind > 8 || kind === 6 || kind === 7)
        for (let i = 0; i < dataLength; i++)
          this.text += `${i === 0 ? " 0x" : ""}${this.#u8(body + i)
            .toString(16)
            .padStart(2, "0")}`;
      if (kind > 1 && dataLength !== length - 2) this.text += `[len ${length}]`;
      at += kind > 1 ? 2 + dataLength : 1;
    }
    return true;
  }

  #udp(context: Transport): void {
    const { src, dst, at } = context;
    if (this.#data.length < at + 4) {
      this.text += `${src} > ${dst}: [|udp]`;
      return;
    }
    const [sport, dport] = [this.#u16(at), this.#u16(at + 2)];
    this.text += context.bare ? `${sport} > ${dport}: ` : `${src}.${sport} > ${dst}.${dport}: `;
    const given = this.#u16(at + 4);
    const checksum = this.#u16(at + 6);
    if (given < UDP_HEADER_LENGTH) {
      this.text += `truncated-udplength ${given}`;
      return;
    }
    const wanted = given - UDP_HEADER_LENGTH;
    const there = context.length - UDP_HEADER_LENGTH;
    const { quiet = false, unverified = false } = this.#options;
    if (!quiet && this.#verbose > (this.#isIpv6 ? 0 : 1) && !unverified && !context.fragmented) {
      const right = this.#checksum({ ...context, length: Math.min(given, context.length) }, IPPROTO_UDP, 6);
      if (checksum === 0) this.text += "[no cksum] ";
      else if (right !== null)
        this.text +=
          right === checksum || (right === 0 && checksum === 0xffff)
            ? "[udp sum ok] "
            : `[bad udp cksum ${hex4(checksum)} -> ${hex4(right)}!] `;
    }
    this.text +=
      wanted > there && !context.fragmented ? `UDP, bad length ${wanted} > ${there}` : `UDP, length ${wanted}`;
  }

  #icmp(context: Transport): void {
    const { at, length } = context;
    const body = this.#icmpBody(this.#u8(at), this.#u8(at + 1), at);
    const checksum = this.#u16(at + 2);
    this.text += `ICMP ${body}, length ${length}`;
    if (this.#verbose === 0) return;
    if (!context.fragmented) {
      const right = this.#checksum(context, IPPROTO_ICMP, 2);
      if (right !== null && right !== checksum)
        this.text += ` (wrong icmp cksum ${checksum.toString(16)} (->${right.toString(16)})!)`;
    }
    if (!ICMP_ERRORS.has(this.#u8(at))) return;
    const inner = new Printer(this.#data.subarray(at + 8), this.#options);
    inner.ip(inner.#data.length < IP_HEADER_LENGTH ? inner.#data.length : inner.#u16(2));
    this.text += `\n\t${inner.text}`;
  }

  #icmpBody(type: number, code: number, at: number): string {
    const ids = (): string => `id ${this.#u16(at + 4)} seq ${this.#u16(at + 6)}`;
    switch (type) {
      case 0:
      case 8:
        return `echo ${type === 8 ? "request" : "reply"}, id ${this.#u16(at + 4)}, seq ${this.#u16(at + 6)}`;
      case 3:
        return this.#unreachable(code, at);
      case 4:
        return "source quench";
      case 5: {
        const destination = formatIPv4(this.#u32(at + 8 + 16));
        const text = REDIRECT_TEXT[code] ?? `redirect-#${code} %d to net %g`;
        return text.replace("%d", destination).replace("%g", formatIPv4(this.#u32(at + 4)));
      }
      case 10:
        return "router solicitation";
      case 11:
        if (code === 0) return "time exceeded in-transit";
        if (code === 1) return "ip reassembly time exceeded";
        return `time exceeded-#${code}`;
      case 12:
        return code === 0 ? `parameter problem - octet ${this.#u8(at + 4)}` : `parameter problem - code ${code}`;
      case 13:
        return `time stamp query ${ids()}`;
      case 14:
        return `time stamp reply ${ids()}: org ${clockText(this.#u32(at + 8))}, recv ${clockText(this.#u32(at + 12))}, xmit ${clockText(this.#u32(at + 16))}`;
      case 15:
        return "information request";
      case 16:
        return "information reply";
      case 17:
        return "address mask request";
      case 18:
        return `address mask is 0x${this.#u32(at + 8)
          .toString(16)
          .padStart(8, "0")}`;
      default:
        return `type-#${type}`;
    }
  }

  #unreachable(code: number, at: number): string {
    const inner = at + 8;
    const destination = formatIPv4(this.#u32(inner + 16));
    if (code === 2) return `${destination} protocol ${this.#u8(inner + 9)} unreachable`;
    if (code === 3) {
      const protocol = this.#u8(inner + 9);
      const port = this.#u16(inner + (this.#u8(inner) & 15) * 4 + 2);
      if (protocol === IPPROTO_TCP) return `${destination} tcp port ${port} unreachable`;
      if (protocol === IPPROTO_UDP) return `${destination} udp port ${port} unreachable`;
      return `${destination} protocol ${protocol} port ${port} unreachable`;
    }
    if (code === 4) {
      const mtu = this.#u16(at + 6);
      return `${destination} unreachable - need to frag${mtu === 0 ? "" : ` (mtu ${mtu})`}`;
    }
    const text = UNREACHABLE_TEXT[code];
    return text === undefined ? `${destination} unreachable - #${code}` : text.replace("%d", destination);
  }
}

const NEIGHBOUR_OPTIONS: Readonly<Record<number, string>> = {
  1: "source link-address",
  2: "destination link-address",
  4: "redirected header",
};

/** Where a transport header is, and what the IP header said of it. */
interface Transport {
  readonly src: string;
  readonly dst: string;
  readonly at: number;
  /** Bytes behind the IP header by the header's own account. */
  readonly length: number;
  readonly fragmented: boolean;
  /** Whether the addresses were printed already. */
  readonly bare: boolean;
}

const printable = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");

/** Milliseconds since midnight as a time of day. */
function clockText(millis: number): string {
  return new Date(millis).toISOString().slice(11, 23);
}

/** Ports whose payload tcpdump takes apart and the lab does not, by transport protocol. */
const UNDISSECTED: Readonly<Record<number, ReadonlyMap<number, string>>> = {
  [IPPROTO_TCP]: new Map([
    [23, "telnet"],
    [53, "domain"],
    [139, "netbios-ssn"],
    [179, "bgp"],
    [445, "smb"],
    [554, "rtsp"],
    [639, "msdp"],
    [646, "ldp"],
    [1723, "pptp"],
    [2049, "nfs"],
    [5353, "mdns"],
    [6379, "resp"],
    [6633, "openflow"],
    [6653, "openflow"],
    [8554, "rtsp"],
  ]),
  [IPPROTO_UDP]: new Map([
    [53, "domain"],
    [67, "bootps"],
    [68, "bootpc"],
    [69, "tftp"],
    [88, "kerberos"],
    [123, "ntp"],
    [137, "netbios-ns"],
    [138, "netbios-dgm"],
    [161, "snmp"],
    [162, "snmp-trap"],
    [319, "ptp"],
    [320, "ptp"],
    [500, "isakmp"],
    [514, "syslog"],
    [520, "rip"],
    [521, "ripng"],
    [525, "timed"],
    [623, "rmcp"],
    [646, "ldp"],
    [698, "olsr"],
    [1645, "radius"],
    [1646, "radius"],
    [1701, "l2tp"],
    [1812, "radius"],
    [1813, "radius"],
    [1985, "hsrp"],
    [2049, "nfs"],
    [3784, "bfd"],
    [4500, "isakmp"],
    [4789, "vxlan"],
    [5060, "sip"],
    [5353, "mdns"],
    [5355, "llmnr"],
    [6081, "geneve"],
    [6343, "sflow"],
    [8472, "otv"],
  ]),
};

/** The protocol of a packet's payload when tcpdump would print more of it than the lab does; else null. */
export function undissected(packet: Uint8Array): string | null {
  const six = packet[0] >> 4 === 6;
  const protocol = six ? packet[6] : packet[9];
  const ports = UNDISSECTED[protocol];
  const at = six ? IPV6_HEADER_LENGTH : (packet[0] & 15) * 4;
  const header = protocol === IPPROTO_TCP ? (packet[at + 12] >> 4) * 4 : UDP_HEADER_LENGTH;
  if (ports === undefined || packet.length <= at + header) return null;
  if (!six && (((packet[6] << 8) | packet[7]) & IP_OFFSET) !== 0) return null;
  const port = (offset: number): number => (packet[at + offset] << 8) | packet[at + offset + 1];
  return ports.get(port(0)) ?? ports.get(port(2)) ?? null;
}
