/**
 * tcpdump's capture filters: protocols, `host`, `net`, `port`, `portrange` with `src` and `dst`, joined by `and`, `or`,
 * `not` and parentheses. Byte expressions such as `tcp[tcpflags]`, link-layer and other primitives are not supported.
 */
import { parseIPv4, prefixMask } from "@netfilter-lab/engine";
import { servicePort } from "../services.js";

/** A filter that cannot be read; the message is libpcap's. */
export class FilterError extends Error {
  override readonly name = "FilterError";
}

export type PacketTest = (packet: Uint8Array) => boolean;

const u16 = (data: Uint8Array, at: number): number => (data[at] << 8) | data[at + 1];
const u32 = (data: Uint8Array, at: number): number => (u16(data, at) * 65536 + u16(data, at + 2)) >>> 0;
const SYNTAX = "can't parse filter expression: syntax error";
const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, igmp: 2, tcp: 6, udp: 17, gre: 47, sctp: 132 };

type Direction = "src" | "dst" | "either" | "both";

/** Reads an expression; an empty one matches everything. Throws {@link FilterError}. */
export function parseFilter(text: string): PacketTest {
  const tokens = text.match(/\(|\)|!(?!=)|&&|\|\||[^\s()!&|]+|[&|]/g) ?? [];
  if (tokens.length === 0) return () => true;
  const parser = new FilterParser(tokens);
  const test = parser.or();
  if (!parser.done) throw new FilterError(SYNTAX);
  return test;
}

interface Qualifiers {
  readonly protocol: string | null;
  readonly direction: Direction;
  readonly kind: "host" | "net" | "port" | "portrange" | null;
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

  #take(...words: readonly string[]): boolean {
    if (!words.includes(this.#tokens[this.#at])) return false;
    this.#at++;
    return true;
  }

  #next(): string {
    if (this.done) throw new FilterError(SYNTAX);
    return this.#tokens[this.#at++];
  }

  /** `and` and `or` have the same precedence in pcap's language and go from left to right. */
  or(): PacketTest {
    let left = this.#not();
    for (;;) {
      const before = left;
      if (this.#take("or", "||")) {
        const right = this.#not();
        left = (packet) => before(packet) || right(packet);
      } else if (this.#take("and", "&&")) {
        const right = this.#not();
        left = (packet) => before(packet) && right(packet);
      } else return left;
    }
  }

  #not(): PacketTest {
    if (this.#take("not", "!")) {
      const test = this.#not();
      return (packet) => !test(packet);
    }
    if (this.#take("(")) {
      const test = this.or();
      if (!this.#take(")")) throw new FilterError(SYNTAX);
      return test;
    }
    return this.#primitive();
  }

  #primitive(): PacketTest {
    const peek = this.#tokens[this.#at] ?? "";
    if (/\[/.test(peek)) throw new FilterError(`${peek}: byte expressions are not supported by the lab`);
    if (["ether", "vlan", "gateway", "broadcast", "multicast", "mpls", "inbound", "outbound", "proto"].includes(peek))
      throw new FilterError(`${peek}: not supported by the lab`);
    if (this.#take("less", "greater")) {
      const length = Number(this.#next());
      return peek === "less" ? (packet) => packet.length + 14 <= length : (packet) => packet.length + 14 >= length;
    }
    let protocol: string | null = null;
    if (this.#take("ip")) {
      protocol = "ip";
      if (this.#take("proto")) {
        const name = this.#next().replace("\\", "");
        const number = PROTOCOLS[name] ?? Number(name);
        if (!Number.isInteger(number)) throw new FilterError(`unknown ip proto '${name}'`);
        return (packet) => packet[9] === number;
      }
    } else if (this.#take("ip6", "arp", "rarp", "icmp6")) protocol = "none";
    else if (peek in PROTOCOLS) {
      this.#at++;
      protocol = peek;
    }
    let direction: Direction = "either";
    let directed = false;
    if (this.#take("src")) {
      direction = "src";
      directed = true;
      if (this.#take("or")) {
        if (!this.#take("dst")) throw new FilterError(SYNTAX);
        direction = "either";
      } else if (this.#tokens[this.#at] === "and" && this.#tokens[this.#at + 1] === "dst") {
        this.#at += 2;
        direction = "both";
      }
    } else if (this.#take("dst")) {
      direction = "dst";
      directed = true;
    }
    let kind: Qualifiers["kind"] = null;
    for (const word of ["host", "net", "portrange", "port"] as const) if (this.#take(word)) kind = word;
    if (kind === null && !directed) {
      if (protocol !== null) {
        const byProtocol = protocolTest(protocol);
        return byProtocol;
      }
      // A bare value takes over the qualifiers before it.
      const value = this.#next();
      if (this.#last !== null) return this.#value(this.#last, value);
      return this.#value({ protocol: null, direction: "either", kind: "host" }, value);
    }
    const qualifiers: Qualifiers = { protocol, direction, kind: kind ?? "host" };
    this.#last = qualifiers;
    return this.#value(qualifiers, this.#next());
  }

  #value({ protocol, direction, kind }: Qualifiers, value: string): PacketTest {
    const byProtocol = protocol === null ? (): boolean => true : protocolTest(protocol);
    const sides = (src: boolean, dst: boolean): boolean =>
      direction === "src" ? src : direction === "dst" ? dst : direction === "both" ? src && dst : src || dst;
    if (kind === "port" || kind === "portrange") {
      const [low, high] = kind === "port" ? [portOf(value), portOf(value)] : value.split("-").map(portOf);
      const inside = (port: number): boolean => port >= low && port <= (high ?? low);
      return (packet) => {
        if (!byProtocol(packet) || ![6, 17, 132].includes(packet[9]) || (u16(packet, 6) & 0x1fff) !== 0) return false;
        const at = (packet[0] & 15) * 4;
        return sides(inside(u16(packet, at)), inside(u16(packet, at + 2)));
      };
    }
    const { address, mask } = kind === "net" ? networkOf(value) : { address: hostOf(value), mask: 0xffffffff };
    const inside = (other: number): boolean => ((other ^ address) & mask) === 0;
    return (packet) => byProtocol(packet) && sides(inside(u32(packet, 12)), inside(u32(packet, 16)));
  }
}

function protocolTest(protocol: string): PacketTest {
  if (protocol === "none") return () => false;
  if (protocol === "ip") return () => true;
  const number = PROTOCOLS[protocol];
  return (packet) => packet[9] === number;
}

function portOf(text: string): number {
  if (/^\d+$/.test(text)) {
    if (Number(text) > 65535) throw new FilterError(`illegal port number ${text} > 65535`);
    return Number(text);
  }
  const named = servicePort(text, "tcp") ?? servicePort(text, "udp");
  if (named === null) throw new FilterError(/^[\w-]+$/.test(text) ? `unknown port '${text}'` : SYNTAX);
  return named;
}

function hostOf(text: string): number {
  try {
    return parseIPv4(text);
  } catch {
    if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) throw new FilterError(`invalid IPv4 address '${text}'`);
    if (/^[A-Za-z]/.test(text)) throw new FilterError(SYNTAX);
    throw new FilterError(SYNTAX);
  }
}

/** `192.168.2.0/24`, `192.168.2`, `10`. */
function networkOf(text: string): { address: number; mask: number } {
  const match = /^(\d+(?:\.\d+){0,3})(?:\/(\d+))?$/.exec(text);
  if (match === null) throw new FilterError(SYNTAX);
  const parts = match[1].split(".");
  const length = match[2] === undefined ? parts.length * 8 : Number(match[2]);
  if (length > 32) throw new FilterError("mask length must be <= 32");
  const address = hostOf([...parts, "0", "0", "0"].slice(0, 4).join("."));
  const mask = prefixMask(length);
  if ((address & ~mask) !== 0) throw new FilterError(`non-network bits set in "${text}"`);
  return { address, mask };
}
