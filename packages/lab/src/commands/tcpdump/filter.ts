/**
 * libpcap's filter language over IP packets: protocols; `host`, `net`, `port`, `portrange` with `src` and `dst`;
 * `less`, `greater`; byte expressions such as `tcp[tcpflags] & tcp-syn != 0` with arithmetic; `and`, `or`, `not`,
 * parentheses. Link-layer primitives (`ether`, `vlan`, `broadcast`, ...) are refused by name.
 */
import {
  type Cidr6,
  parseIPv4,
  parseIPv6,
  prefixMask,
  prefixMaskIPv6,
  samePrefixIPv6,
  servicePort,
} from "@netfilter-lab/engine";

/** A filter that cannot be read; the message is libpcap's. */
export class FilterError extends Error {
  override readonly name = "FilterError";
}

/** Whether a packet, from its IP header on, is wanted. */
export type PacketTest = (packet: Uint8Array) => boolean;

/** A number taken from a packet; null where the packet has no such bytes, and the whole filter fails. */
type PacketValue = (packet: Uint8Array) => number | null;

const SYNTAX = "can't parse filter expression: syntax error";
const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  igrp: 9,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  icmp6: 58,
  pim: 103,
  vrrp: 112,
  carp: 112,
  sctp: 132,
};
/** Link-layer protocols that none of the lab's packets has. */
const ABSENT = new Set(["arp", "rarp"]);
/** Protocols of the one family or the other; the rest are of both. */
const OF_IPV4 = new Set([1, 2, 9]);
const OF_IPV6 = new Set([58]);
const UNSUPPORTED = new Set([
  "ether",
  "vlan",
  "mpls",
  "pppoed",
  "pppoes",
  "gateway",
  "broadcast",
  "multicast",
  "inbound",
  "outbound",
  "link",
  "wlan",
  "iso",
  "decnet",
  "atalk",
  "stp",
  "ipx",
  "netbeui",
  "protochain",
]);
const WITH_PORTS = new Set([6, 17, 132]);
const FRAGMENT_OFFSET = 0x1fff;
const NEXTHDR_FRAGMENT = 44;

/** Offsets and values that have names. */
const CONSTANTS: Readonly<Record<string, number>> = {
  icmptype: 0,
  icmpcode: 1,
  "icmp-echoreply": 0,
  "icmp-unreach": 3,
  "icmp-sourcequench": 4,
  "icmp-redirect": 5,
  "icmp-echo": 8,
  "icmp-routeradvert": 9,
  "icmp-routersolicit": 10,
  "icmp-timxceed": 11,
  "icmp-paramprob": 12,
  "icmp-tstamp": 13,
  "icmp-tstampreply": 14,
  "icmp-ireq": 15,
  "icmp-ireqreply": 16,
  "icmp-maskreq": 17,
  "icmp-maskreply": 18,
  tcpflags: 13,
  "tcp-fin": 1,
  "tcp-syn": 2,
  "tcp-rst": 4,
  "tcp-push": 8,
  "tcp-ack": 16,
  "tcp-urg": 32,
  "tcp-ece": 64,
  "tcp-cwr": 128,
};

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
};

/** Arithmetic on 32 bits; operators of one line bind alike, a later line binds more. */
const OPERATORS: readonly Readonly<Record<string, (a: number, b: number) => number | null>>[] = [
  { "|": (a, b) => (a | b) >>> 0, "^": (a, b) => (a ^ b) >>> 0 },
  { "&": (a, b) => (a & b) >>> 0 },
  { "<<": (a, b) => (b > 31 ? 0 : (a << b) >>> 0), ">>": (a, b) => (b > 31 ? 0 : a >>> b) },
  { "+": (a, b) => (a + b) >>> 0, "-": (a, b) => (a - b) >>> 0 },
  {
    "*": (a, b) => Math.imul(a, b) >>> 0,
    "/": (a, b) => (b === 0 ? null : Math.floor(a / b)),
    "%": (a, b) => (b === 0 ? null : a % b),
  },
];

type Direction = "src" | "dst" | "either" | "both";

interface Qualifiers {
  readonly protocol: string | null;
  readonly direction: Direction;
  readonly kind: "host" | "net" | "port" | "portrange";
}

/** Bytes that a packet does not have: it is not wanted, whatever else the filter says. */
class OutOfPacket extends Error {}

/** Reads an expression; an empty one matches everything. Throws {@link FilterError}. */
export function parseFilter(text: string): PacketTest {
  // An address of IPv6 is one word, wherever its first colon would end another.
  const tokens =
    text.match(
      /(?<![\w.])[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*(?:\/\d+)?|\s+|<<|>>|[<>=!]=|&&|\|\||[()[\]!&|^+*/%<>=:]|-|\\?[A-Za-z0-9][\w.\-/]*|\S/gi,
    ) ?? [];
  const words = tokens.filter((token) => token.trim() !== "");
  if (words.length === 0) return () => true;
  const parser = new FilterParser(words.flatMap(divided));
  const test = parser.expression();
  if (!parser.done) throw new FilterError(SYNTAX);
  return (packet) => {
    try {
      return test(packet);
    } catch (error) {
      if (error instanceof OutOfPacket) return false;
      throw error;
    }
  };
}

/** `0xf0>>2` and `40-20` are several words; `tcp-syn`, `5000-6000` and `10.0.0.0/8` are one. */
function divided(token: string): string[] {
  const parts = /^(0x[0-9a-f]+|\d+)([/-])(0x[0-9a-f]+)$/i.exec(token);
  return parts === null ? [token] : parts.slice(1);
}

class FilterParser {
  readonly #tokens: readonly string[];
  #at = 0;
  /** `host 1.2.3.4 or 1.2.3.5`: the qualifiers of the primitive before. */
  #last: Qualifiers | null = null;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  get #peek(): string {
    return this.#tokens[this.#at] ?? "";
  }

  #take(...words: readonly string[]): boolean {
    if (this.done || !words.includes(this.#peek)) return false;
    this.#at++;
    return true;
  }

  #next(): string {
    if (this.done) throw new FilterError(SYNTAX);
    return this.#tokens[this.#at++];
  }

  #expect(word: string): void {
    if (!this.#take(word)) throw new FilterError(SYNTAX);
  }

  /** `and` and `or` have the same precedence in pcap's language and go from left to right. */
  expression(): PacketTest {
    let left = this.#term();
    for (;;) {
      const before = left;
      if (this.#take("or", "||")) {
        const right = this.#term();
        left = (packet) => before(packet) || right(packet);
      } else if (this.#take("and", "&&")) {
        const right = this.#term();
        left = (packet) => before(packet) && right(packet);
      } else return left;
    }
  }

  #term(): PacketTest {
    if (this.#take("not", "!")) {
      const test = this.#term();
      return (packet) => !test(packet);
    }
    const relation = this.#relation();
    if (relation !== null) return relation;
    if (this.#take("(")) {
      const test = this.expression();
      this.#expect(")");
      return test;
    }
    return this.#primitive();
  }

  /** `tcp[13] & 2 != 0`; null when what stands here is no comparison of numbers. */
  #relation(): PacketTest | null {
    const begin = this.#at;
    const isNumber = /^(0x[0-9a-f]+|\d+)$/i.test(this.#peek);
    const isBytes = this.#tokens[this.#at + 1] === "[";
    if (!isNumber && !isBytes && !["(", "len", "-"].includes(this.#peek) && !(this.#peek in CONSTANTS)) return null;
    let left: PacketValue;
    try {
      left = this.#value(0);
    } catch (error) {
      // A parenthesis may hold primitives instead of numbers.
      if (!(error instanceof FilterError) || this.#tokens[begin] !== "(" || error.message !== SYNTAX) throw error;
      this.#at = begin;
      return null;
    }
    const compare = COMPARISONS[this.#peek];
    if (compare === undefined) {
      // A number may also be a value that takes over the qualifiers before it: `port 80 or 8080`.
      if (this.#tokens[begin] !== "(" && !isNumber) throw new FilterError(SYNTAX);
      this.#at = begin;
      return null;
    }
    this.#at++;
    const right = this.#value(0);
    return (packet) => {
      const [a, b] = [left(packet), right(packet)];
      return a !== null && b !== null && compare(a, b);
    };
  }

  #value(level: number): PacketValue {
    if (level === OPERATORS.length) return this.#operand();
    let left = this.#value(level + 1);
    for (;;) {
      const apply = OPERATORS[level][this.#peek];
      if (apply === undefined) return left;
      this.#at++;
      const before = left;
      const right = this.#value(level + 1);
      left = (packet) => {
        const [a, b] = [before(packet), right(packet)];
        return a === null || b === null ? null : apply(a, b);
      };
    }
  }

  #operand(): PacketValue {
    const word = this.#next();
    if (word === "(") {
      const inner = this.#value(0);
      this.#expect(")");
      return inner;
    }
    if (word === "-") {
      const inner = this.#operand();
      return (packet) => {
        const value = inner(packet);
        return value === null ? null : -value >>> 0;
      };
    }
    if (/^(0x[0-9a-f]+|\d+)$/i.test(word)) {
      const number = Number(word);
      return () => number;
    }
    // The length of the frame on the wire, with its Ethernet header.
    if (word === "len") return (packet) => packet.length + 14;
    if (word in CONSTANTS) return () => CONSTANTS[word];
    if (this.#peek === "[") return this.#bytes(word);
    throw new FilterError(SYNTAX);
  }

  #bytes(protocol: string): PacketValue {
    if (protocol === "ether") throw new FilterError("ether[...]: not supported by the lab");
    const network = protocol === "ip" || protocol === "ip6";
    if (!network && !(protocol in PROTOCOLS)) throw new FilterError(SYNTAX);
    this.#expect("[");
    const offset = this.#value(0);
    let size = 1;
    if (this.#take(":")) {
      const text = this.#next();
      if (!/^\d+$/.test(text)) throw new FilterError(SYNTAX);
      size = Number(text);
      if (![1, 2, 4].includes(size)) throw new FilterError("data size must be 1, 2, or 4");
    }
    this.#expect("]");
    const wanted = network ? null : PROTOCOLS[protocol];
    const six = protocol === "ip6" || protocol === "icmp6";
    return (packet) => {
      // Bytes of a transport header are read behind IPv4's only; icmp6's behind IPv6's.
      if (isIpv6(packet) !== six) return null;
      if (six && wanted !== null) {
        if (packet[6] !== wanted) return null;
        return bytesAt(packet, 40 + (offset(packet) ?? 0), size);
      }
      if (wanted !== null && (packet[9] !== wanted || isLaterFragment(packet))) return null;
      const at = (wanted === null ? 0 : (packet[0] & 15) * 4) + (offset(packet) ?? 0);
      return bytesAt(packet, at, size);
    };
  }

  #primitive(): PacketTest {
    const peek = this.#peek;
    if (UNSUPPORTED.has(peek)) throw new FilterError(`${peek}: not supported by the lab`);
    if (this.#take("less", "greater")) {
      const text = this.#next();
      if (!/^\d+$/.test(text)) throw new FilterError(SYNTAX);
      const length = Number(text);
      return peek === "less" ? (packet) => packet.length + 14 <= length : (packet) => packet.length + 14 >= length;
    }
    let protocol: string | null = null;
    if (peek === "ip" || peek === "ip6" || ABSENT.has(peek) || peek in PROTOCOLS) protocol = this.#next();
    if ((protocol === null || protocol === "ip") && this.#take("proto")) return this.#byNumber(protocol);
    const direction = this.#direction();
    for (const kind of ["host", "net", "portrange", "port"] as const)
      if (this.#take(kind)) return this.#qualified({ protocol, direction: direction ?? "either", kind });
    if (direction !== null) return this.#qualified({ protocol, direction, kind: "host" });
    if (protocol !== null) return protocolTest(protocol);
    // A bare value takes over the qualifiers before it.
    const value = this.#next();
    if (!/^[\w.\-/:]+$/.test(value)) throw new FilterError(SYNTAX);
    if (this.#last === null) throw new FilterError(SYNTAX);
    return this.#test(this.#last, value);
  }

  #byNumber(protocol: string | null): PacketTest {
    const text = this.#next();
    const name = text.replace(/^\\/, "");
    const number = PROTOCOLS[name] ?? (/^\d+$/.test(name) ? Number(name) : null);
    if (number === null || (name in PROTOCOLS && text === name)) throw new FilterError(SYNTAX);
    if (protocol === null && number > 255) return () => false;
    return (packet) => (protocol === null || !isIpv6(packet)) && transportOf(packet) === number;
  }

  #direction(): Direction | null {
    if (this.#take("dst")) return "dst";
    if (!this.#take("src")) return null;
    if (this.#tokens[this.#at + 1] !== "dst") return "src";
    if (this.#take("or", "||")) return this.#take("dst") ? "either" : null;
    if (this.#take("and", "&&")) return this.#take("dst") ? "both" : null;
    return "src";
  }

  #qualified(qualifiers: Qualifiers): PacketTest {
    this.#last = qualifiers;
    let value = this.#next();
    if (!/^[\w.\-/:]+$/.test(value)) throw new FilterError(SYNTAX);
    if (value.includes(":")) return this.#test(qualifiers, value);
    if (qualifiers.kind === "net" && this.#take("mask")) {
      const mask = addressOf(this.#next());
      const length = 32 - Math.log2(2 ** 32 - mask);
      if (!Number.isInteger(length)) throw new FilterError("net mask with holes: not supported by the lab");
      value = `${value}/${length}`;
    }
    return this.#test(qualifiers, value);
  }

  #test({ protocol, direction, kind }: Qualifiers, value: string): PacketTest {
    const byProtocol = protocol === null ? (): boolean => true : protocolTest(protocol);
    // The source is looked at first, and the destination only when that leaves it open.
    const sides = (inside: (at: number) => boolean, src: number, dst: number): boolean => {
      if (direction === "src") return inside(src);
      if (direction === "dst") return inside(dst);
      return direction === "both" ? inside(src) && inside(dst) : inside(src) || inside(dst);
    };
    if (kind === "port" || kind === "portrange") {
      const transport = protocol === null || protocol === "ip" || protocol === "ip6" ? null : PROTOCOLS[protocol];
      if (protocol !== null && (transport === undefined || (transport !== null && !WITH_PORTS.has(transport))))
        throw new FilterError(`illegal qualifier of '${kind}'`);
      const [low, high] = kind === "port" ? [portOf(value), portOf(value)] : portRangeOf(value);
      const inside = (port: number): boolean => port >= low && port <= high;
      return (packet) => {
        if (!byProtocol(packet)) return false;
        const six = isIpv6(packet);
        // Ports are looked for where they are without extension headers.
        if (!WITH_PORTS.has(six ? packet[6] : packet[9]) || (!six && isLaterFragment(packet))) return false;
        const at = six ? 40 : (packet[0] & 15) * 4;
        return sides((port) => inside(u16(packet, port)), at, at + 2);
      };
    }
    if (protocol !== null && protocol in PROTOCOLS)
      throw new FilterError(`'${protocol}' modifier applied to ${value.includes(":") ? "ip6 host" : kind}`);
    if (kind === "host" && value.includes("/")) throw new FilterError("Mask syntax for networks only");
    if (value.includes(":")) {
      const { address, prefixLength } = networkOf6(value);
      if (protocol === "ip") throw new FilterError("'ip' modifier applied to ip6 host");
      return (packet) =>
        isIpv6(packet) && sides((at) => samePrefixIPv6(addressAt(packet, at), address, prefixLength), 8, 24);
    }
    if (protocol === "ip6") throw new FilterError("'ip6' modifier applied to ip host");
    const { address, mask } = kind === "net" ? networkOf(value) : hostOf(value);
    const inside = (other: number): boolean => ((other ^ address) & mask) === 0;
    return (packet) => !isIpv6(packet) && byProtocol(packet) && sides((at) => inside(u32(packet, at)), 12, 16);
  }
}

function byteAt(packet: Uint8Array, at: number): number {
  const byte = packet[at];
  if (byte === undefined) throw new OutOfPacket();
  return byte;
}

const u16 = (packet: Uint8Array, at: number): number => (byteAt(packet, at) << 8) | byteAt(packet, at + 1);
const u32 = (packet: Uint8Array, at: number): number => (u16(packet, at) * 65536 + u16(packet, at + 2)) >>> 0;
const isLaterFragment = (packet: Uint8Array): boolean => (u16(packet, 6) & FRAGMENT_OFFSET) !== 0;

const words6 = new Int32Array(4);

/** The address at `at`, until the next is asked for. */
function addressAt(packet: Uint8Array, at: number): Int32Array {
  for (let i = 0; i < 4; i++) words6[i] = u32(packet, at + 4 * i);
  return words6;
}

const isIpv6 = (packet: Uint8Array): boolean => packet[0] >> 4 === 6;

/** The value of `size` bytes. */
function bytesAt(packet: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + byteAt(packet, at + i);
  return value;
}

/** The protocol behind the IP header, or behind IPv6's fragment header. */
function transportOf(packet: Uint8Array): number {
  if (!isIpv6(packet)) return packet[9];
  return packet[6] === NEXTHDR_FRAGMENT ? packet[40] : packet[6];
}

function protocolTest(protocol: string): PacketTest {
  if (ABSENT.has(protocol)) return () => false;
  if (protocol === "ip") return (packet) => !isIpv6(packet);
  if (protocol === "ip6") return isIpv6;
  const number = PROTOCOLS[protocol];
  return (packet) => transportOf(packet) === number && !(isIpv6(packet) ? OF_IPV4.has(number) : OF_IPV6.has(number));
}

function portOf(text: string): number {
  if (/^\d+$/.test(text)) {
    if (Number(text) > 65535) throw new FilterError(`illegal port number ${text} > 65535`);
    return Number(text);
  }
  const named = servicePort(text, null);
  if (named === undefined) throw new FilterError(`unknown port '${text}'`);
  return named;
}

function portRangeOf(text: string): [number, number] {
  if (/^\d+$/.test(text)) return [portOf(text), portOf(text)];
  const ends = text.split("-");
  const port = (end: string): number | undefined => (/^\d+$/.test(end) ? portOf(end) : servicePort(end, null));
  const [low, high] = [port(ends[0]), port(ends.slice(1).join("-"))];
  if (low === undefined || high === undefined) throw new FilterError(`unknown port in range '${text}'`);
  return low <= high ? [low, high] : [high, low];
}

function addressOf(text: string): number {
  if (!/^\d+(\.\d+){3}$/.test(text)) throw new FilterError(SYNTAX);
  try {
    return parseIPv4(text);
  } catch {
    throw new FilterError(`invalid IPv4 address '${text}'`);
  }
}

/** `fd00::/8`, or a whole address. */
function networkOf6(text: string): Cidr6 {
  const [address, length = "128"] = text.split("/");
  if (Number(length) > 128) throw new FilterError("mask length must be <= 128");
  let words: Int32Array;
  try {
    words = parseIPv6(address);
  } catch {
    throw new FilterError(SYNTAX);
  }
  const mask = prefixMaskIPv6(Number(length));
  if (words.some((word, i) => (word & ~mask[i]) !== 0)) throw new FilterError(`non-network bits set in "${text}"`);
  return { address: words, prefixLength: Number(length) };
}

/** `192.168.2` stands for all of 192.168.2.0/24, also after `host`. */
function hostOf(text: string): { address: number; mask: number } {
  if (/^\d+(\.\d+){0,2}$/.test(text)) return networkOf(text);
  if (/^\d+(\.\d+){3}$/.test(text)) return { address: addressOf(text), mask: 0xffffffff };
  throw new FilterError(/^[A-Za-z]/.test(text) ? `unknown host '${text}'` : SYNTAX);
}

/** `192.168.2.0/24`, `192.168.2`, `10`. */
function networkOf(text: string): { address: number; mask: number } {
  const match = /^(\d+(?:\.\d+){0,3})(?:\/(\d+))?$/.exec(text);
  if (match === null) throw new FilterError(/^[A-Za-z]/.test(text) ? `unknown network '${text}'` : SYNTAX);
  const parts = match[1].split(".");
  const length = match[2] === undefined ? parts.length * 8 : Number(match[2]);
  if (length > 32) throw new FilterError("mask length must be <= 32");
  const address = addressOf([...parts, "0", "0", "0"].slice(0, 4).join("."));
  const mask = prefixMask(length);
  if ((address & ~mask) !== 0) throw new FilterError(`non-network bits set in "${text}"`);
  return { address, mask };
}
