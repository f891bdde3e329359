/**
 * Which of a route's several next hops a flow takes: a keyed hash of its addresses (policy 0) or of its addresses,
 * protocol and ports (policy 1; 2 and 3 are multipath-fields.ts), the same in both directions, measured against the
 * next hops' shares. With `net.ipv4.fib_multipath_hash_seed` set the choice is Linux's own; without, Linux draws the
 * key when it boots, and here it comes from the namespace's generator. Models fib_multipath_hash(), net/ipv4/route.c,
 * with lib/siphash.c and `struct flow_keys`.
 */
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { get16, get32 } from "../wire/bytes.js";
import { ICMP_HEADER_LENGTH, ICMP_TYPE, icmpIsError } from "../wire/icmp.js";
import {
  IP_OFFSET,
  IPPROTO_ICMP,
  IPV4_DST,
  IPV4_FRAGMENT,
  IPV4_HEADER_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SRC,
  ipv4HeaderLength,
} from "../wire/ipv4.js";
import {
  DST_IP,
  DST_PORT,
  HASH_FIELDS_DEFAULT,
  hashOf,
  hashOfFlowPicked,
  hashOfInnermost,
  hashOfPicked,
  noFields,
  PROTOCOL,
  SRC_IP,
  SRC_PORT,
} from "./multipath-fields.js";

/** The fields of policy 0: addresses; of policy 1: protocol and ports too. */
const TWO: number = SRC_IP | DST_IP;
const FIVE: number = TWO | PROTOCOL | SRC_PORT | DST_PORT;

const flow = noFields(false);
const source = new Int32Array(1);
const destination = new Int32Array(1);
flow.src = source;
flow.dst = destination;

/** 64-bit words of SipHash as pairs: low halves at even places. */
const state = new Int32Array(8);

function add(to: number, from: number): void {
  const low = (state[to] >>> 0) + (state[from] >>> 0);
  state[to] = low | 0;
  state[to + 1] = (state[to + 1] + state[from + 1] + (low > 0xffffffff ? 1 : 0)) | 0;
}

function rotateXor(word: number, bits: number, other: number): void {
  const low = state[word];
  const high = state[word + 1];
  state[word] = ((low << bits) | (high >>> (32 - bits))) ^ state[other];
  state[word + 1] = ((high << bits) | (low >>> (32 - bits))) ^ state[other + 1];
}

function swapHalves(word: number): void {
  const low = state[word];
  state[word] = state[word + 1];
  state[word + 1] = low;
}

function rounds(count: number): void {
  for (let i = 0; i < count; i++) {
    add(0, 2);
    rotateXor(2, 13, 0);
    swapHalves(0);
    add(4, 6);
    rotateXor(6, 16, 4);
    add(0, 6);
    rotateXor(6, 21, 0);
    add(4, 2);
    rotateXor(2, 17, 4);
    swapHalves(4);
  }
}

function absorb(low: number, high: number): void {
  state[6] ^= low;
  state[7] ^= high;
  rounds(2);
  state[0] ^= low;
  state[1] ^= high;
}

/** The low half of SipHash-2-4 of `words`, whose key is four times `seed`. Allocates nothing. */
export function sipHashLow(words: Int32Array, seed: number): number {
  state[0] = 0x70736575 ^ seed;
  state[1] = 0x736f6d65 ^ seed;
  state[2] = 0x6e646f6d ^ seed;
  state[3] = 0x646f7261 ^ seed;
  state[4] = 0x6e657261 ^ seed;
  state[5] = 0x6c796765 ^ seed;
  state[6] = 0x79746573 ^ seed;
  state[7] = 0x74656462 ^ seed;
  for (let i = 0; i < words.length; i += 2) absorb(words[i], words[i + 1]);
  absorb(0, (words.length * 4) << 24);
  state[4] ^= 0xff;
  rounds(4);
  return (state[0] ^ state[2] ^ state[4] ^ state[6]) >>> 0;
}

/**
 * The greatest hash that falls into a next hop's share: `sum` are the weights up to its own, `total` all. Models
 * `fib_rebalance()` and `rt6_upper_bound_set()`.
 */
export function upperBound(sum: number, total: number): number {
  return Math.floor((sum * 0x80000000 + Math.floor(total / 2)) / total) - 1;
}

export class MultipathHash {
  readonly #net: NetNamespace;
  /** `net.ipv4.fib_multipath_hash_policy`. */
  policy = 0;
  /** `net.ipv4.fib_multipath_hash_fields`. */
  fields: number = HASH_FIELDS_DEFAULT;
  /** `net.ipv4.fib_multipath_hash_seed`; 0: the key that was drawn. */
  seed = 0;
  #drawn = 0;

  constructor(net: NetNamespace) {
    this.#net = net;
  }

  /** The hash of a packet that arrives, 31 bits. */
  ofPacket(skb: SkBuff, protocol: number, sport: number, dport: number): number {
    const { data } = skb;
    if (this.policy === 2) return hashOfInnermost(this, skb);
    if (this.policy === 3) return hashOfPicked(this, skb, this.fields);
    let at = 0;
    if (this.policy === 0) at = innerHeader(skb);
    return this.ofFlow(get32(data, at + IPV4_SRC), get32(data, at + IPV4_DST), protocol, sport, dport, true);
  }

  /** The hash of a flow by its addresses (and with policy 1 the rest), 31 bits; `arrives`: of one that is forwarded. */
  ofFlow(src: number, dst: number, protocol: number, sport: number, dport: number, arrives: boolean): number {
    source[0] = src;
    destination[0] = dst;
    flow.protocol = protocol;
    flow.sport = sport;
    flow.dport = dport;
    if (this.policy === 3) return hashOfFlowPicked(this, flow, this.fields, arrives);
    return hashOf(this, flow, this.policy === 1 ? FIVE : TWO) >>> 1;
  }

  /** The hash of keys of either family under this namespace's key, 32 bits. Models `fib_multipath_hash_from_keys()`. */
  raw(words: Int32Array): number {
    if (this.seed === 0 && this.#drawn === 0) this.#drawn = this.#net.random.u32() || 1;
    const hash = sipHashLow(words, this.seed === 0 ? this.#drawn : this.seed);
    return hash === 0 ? 1 : hash;
  }
}

/** Where the addresses are: an ICMP error goes the way of what it is about. Models `ip_multipath_l3_keys()`. */
function innerHeader(skb: SkBuff): number {
  const { data } = skb;
  if (data[IPV4_PROTOCOL] !== IPPROTO_ICMP || (get16(data, IPV4_FRAGMENT) & IP_OFFSET) !== 0) return 0;
  const at = ipv4HeaderLength(data, 0);
  if (at + ICMP_HEADER_LENGTH + IPV4_HEADER_LENGTH > skb.len || !icmpIsError(data[at + ICMP_TYPE])) return 0;
  return at + ICMP_HEADER_LENGTH;
}
