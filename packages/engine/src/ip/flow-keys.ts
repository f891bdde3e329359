/**
 * What the kernel's dissector finds in a packet: addresses, protocol, ports and flow label of the innermost header, or
 * of the outermost one where the search is to end at a tunnel's. It looks into IPIP, IPv6 in either, and GRE with what
 * that carries. Models skb_flow_dissect_flow_keys(), net/core/flow_dissector.c, as far as the choice of a next hop
 * asks.
 */
import type { SkBuff } from "../skb.js";
import { get16, get32, getInt32 } from "../wire/bytes.js";
import {
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_IP,
  ETH_P_IPV6,
  ETH_P_TEB,
  ETHERNET_HEADER_LENGTH,
} from "../wire/ethernet.js";
import { GRE_HEADER_LENGTH, GRE_PROTO_PPP, GRE_PROTOCOL, greVersion } from "../wire/gre.js";
import {
  IP_MF,
  IP_OFFSET,
  IPPROTO_AH,
  IPPROTO_DCCP,
  IPPROTO_ESP,
  IPPROTO_GRE,
  IPPROTO_IPIP,
  IPPROTO_IPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPV4_DST,
  IPV4_FRAGMENT,
  IPV4_HEADER_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SRC,
  ipv4HeaderLength,
} from "../wire/ipv4.js";
import {
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SRC,
  NEXTHDR_DEST,
  NEXTHDR_FRAGMENT,
  NEXTHDR_HOP,
  NEXTHDR_ROUTING,
} from "../wire/ipv6.js";

/** Headers that are looked at, at most. */
const MAX_FLOW_DISSECT_HDRS = 15;
/** Flags of GRE's first word, and where PPP names its protocol. */
const GRE_CSUM = 0x8000;
const GRE_ROUTING = 0x4000;
const GRE_KEY = 0x2000;
const GRE_SEQ = 0x1000;
const GRE_ACK = 0x0080;
const PPP_IP = 0x21;
const PPP_IPV6 = 0x57;

/** Where the ports stand in a protocol's header; -1 for one without. Models `proto_ports_offset()`. */
function portsOffset(protocol: number): number {
  switch (protocol) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_DCCP:
    case IPPROTO_ESP:
    case IPPROTO_SCTP:
    case IPPROTO_UDPLITE:
      return 0;
    case IPPROTO_AH:
      return 4;
    default:
      return -1;
  }
}

/** Keys of a packet; one object is filled over and over. Models `struct flow_keys`. */
export class FlowKeys {
  /** Whether the addresses are IPv6's; IPv4's are the first words. */
  ipv6 = false;
  readonly src: Int32Array = new Int32Array(4);
  readonly dst: Int32Array = new Int32Array(4);
  protocol = 0;
  sport = 0;
  dport = 0;
  flowLabel = 0;
  /** A tunnel's header was met. Models `FLOW_DIS_ENCAPSULATION`. */
  encapsulated = false;

  #data: Uint8Array = new Uint8Array(0);
  #length = 0;
  #at = 0;
  #outermost = false;

  /** Fills in the keys of a packet, which begins with its IP header. */
  dissect(data: Uint8Array, length: number, outermost: boolean): void {
    this.src.fill(0);
    this.dst.fill(0);
    this.protocol = 0;
    this.sport = 0;
    this.dport = 0;
    this.flowLabel = 0;
    this.encapsulated = false;
    this.#data = data;
    this.#length = length;
    this.#at = 0;
    this.#outermost = outermost;
    let proto = data[0] >>> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
    for (let headers = 0; proto !== 0 && headers < MAX_FLOW_DISSECT_HDRS; headers++) proto = this.#network(proto);
  }

  /** Reads one header by its Ethernet type; that of the next one, or 0 at the end. */
  #network(proto: number): number {
    if (proto === ETH_P_IP) return this.#ipv4();
    if (proto === ETH_P_IPV6) return this.#ipv6();
    if (proto !== ETH_P_8021Q && proto !== ETH_P_8021AD) return 0;
    if (this.#at + 4 > this.#length) return 0;
    this.#at += 4;
    return get16(this.#data, this.#at - 2);
  }

  #ipv4(): number {
    const data = this.#data;
    const at = this.#at;
    if (at + IPV4_HEADER_LENGTH > this.#length || ipv4HeaderLength(data, at) < IPV4_HEADER_LENGTH) return 0;
    this.protocol = data[at + IPV4_PROTOCOL];
    this.#at = at + ipv4HeaderLength(data, at);
    this.ipv6 = false;
    this.src[0] = getInt32(data, at + IPV4_SRC);
    this.dst[0] = getInt32(data, at + IPV4_DST);
    if ((get16(data, at + IPV4_FRAGMENT) & (IP_MF | IP_OFFSET)) !== 0) return 0;
    return this.#transport();
  }

  #ipv6(): number {
    const data = this.#data;
    const at = this.#at;
    if (at + IPV6_HEADER_LENGTH > this.#length) return 0;
    this.protocol = data[at + IPV6_NEXT_HEADER];
    this.#at = at + IPV6_HEADER_LENGTH;
    this.ipv6 = true;
    for (let i = 0; i < 4; i++) {
      this.src[i] = getInt32(data, at + IPV6_SRC + 4 * i);
      this.dst[i] = getInt32(data, at + IPV6_DST + 4 * i);
    }
    const flowLabel = get32(data, at) & 0xfffff;
    if (flowLabel !== 0) this.flowLabel = flowLabel;
    for (let headers = 0; headers < MAX_FLOW_DISSECT_HDRS; headers++) {
      const { protocol } = this;
      if (protocol === NEXTHDR_FRAGMENT) {
        if (this.#at + 8 <= this.#length) this.protocol = data[this.#at];
        return 0;
      }
      if (protocol !== NEXTHDR_HOP && protocol !== NEXTHDR_ROUTING && protocol !== NEXTHDR_DEST) break;
      if (this.#at + 2 > this.#length) return 0;
      this.protocol = data[this.#at];
      this.#at += (data[this.#at + 1] + 1) * 8;
    }
    return this.#transport();
  }

  /** What follows an IP header: a tunnel's header, or ports. */
  #transport(): number {
    const { protocol } = this;
    let next = 0;
    if (protocol === IPPROTO_GRE) next = this.#gre();
    else if (protocol === IPPROTO_IPIP || protocol === IPPROTO_IPV6) {
      this.encapsulated = true;
      next = protocol === IPPROTO_IPIP ? ETH_P_IP : ETH_P_IPV6;
    }
    if (this.encapsulated && this.#outermost) return 0;
    if (next !== 0) return next;
    const offset = portsOffset(protocol);
    const at = this.#at + offset;
    const there = offset >= 0 && at + 4 <= this.#length;
    this.sport = there ? get16(this.#data, at) : 0;
    this.dport = there ? get16(this.#data, at + 2) : 0;
    return 0;
  }

  /** Models `__skb_flow_dissect_gre()`. */
  #gre(): number {
    const data = this.#data;
    const from = this.#at;
    if (from + GRE_HEADER_LENGTH > this.#length) return 0;
    const flags = get16(data, from);
    const version = greVersion(data, from);
    let proto = get16(data, from + GRE_PROTOCOL);
    if ((flags & GRE_ROUTING) !== 0 || version > 1) return 0;
    // Version 1 is PPTP's.
    if (version === 1 && !(proto === GRE_PROTO_PPP && (flags & GRE_KEY) !== 0)) return 0;
    let at = from + GRE_HEADER_LENGTH;
    if ((flags & GRE_CSUM) !== 0) at += 4;
    if ((flags & GRE_KEY) !== 0) at += 4;
    if ((flags & GRE_SEQ) !== 0) at += 4;
    if (version === 0) {
      if (proto === ETH_P_TEB) {
        if (at + ETHERNET_HEADER_LENGTH > this.#length) return 0;
        proto = get16(data, at + 12);
        at += ETHERNET_HEADER_LENGTH;
      }
    } else {
      if ((flags & GRE_ACK) !== 0) at += 4;
      if (at + 4 > this.#length) return 0;
      const ppp = get16(data, at + 2);
      if (ppp === PPP_IP) proto = ETH_P_IP;
      else if (ppp === PPP_IPV6) proto = ETH_P_IPV6;
      at += 4;
    }
    this.#at = at;
    this.encapsulated = true;
    return proto;
  }
}

const shared: FlowKeys = new FlowKeys();

/** What rules and hash policy 1 see of a packet, until the next call: the same object each time. */
export function outerKeys({ data, len }: SkBuff): FlowKeys {
  shared.dissect(data, len, true);
  return shared;
}
