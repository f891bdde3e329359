/**
 * The hash policies 2 and 3 of both families: by the addresses of the innermost header, and by fields that
 * `fib_multipath_hash_fields` picks of the outer and the innermost one. Models those cases of fib_multipath_hash(),
 * net/ipv4/route.c, and rt6_multipath_hash(), net/ipv6/route.c.
 */
import { jhash2 } from "../nat/jhash.js";
import type { SkBuff } from "../skb.js";
import { compareWords } from "../wire/address.js";
import { FlowKeys } from "./flow-keys.js";
import type { MultipathHash } from "./multipath.js";

/** `FIB_MULTIPATH_HASH_FIELD_*`: those of the outer header, and how far those of the innermost one lie to the left. */
export const SRC_IP = 1;
export const DST_IP = 2;
export const PROTOCOL = 4;
export const FLOWLABEL = 8;
export const SRC_PORT = 16;
export const DST_PORT = 32;
const OUTER = 63;
const TO_INNER = 6;
/** What is picked of the fields at first. */
export const HASH_FIELDS_DEFAULT: number = SRC_IP | DST_IP | PROTOCOL;
export const HASH_FIELDS_ALL = 4095;

/** Where the words that are hashed have their parts, in bytes. Models `struct flow_keys`. */
const IP_PROTO = 2;
const TAGS = 4;
const PORTS = 28;
const ADDRESSES = 36;

export const littleEndian = (value: number): number =>
  ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;

/** Two ports as they are hashed, the one that is less in memory first: both directions hash alike. */
export function portsWord(sport: number, dport: number): number {
  const a = littleEndian(sport << 16);
  const b = littleEndian(dport << 16);
  return b < a ? b | (a << 16) : a | (b << 16);
}

const words4 = new Int32Array(12);
const words6 = new Int32Array(18);
const keys: FlowKeys = new FlowKeys();
const none: Int32Array = new Int32Array(4);
const pair: number[] = [0, 0];

/** What a hash may be made of; one object is filled in over and over. `flowLabel` is a word as it lies in memory. */
export interface Fields {
  ipv6: boolean;
  src: ArrayLike<number>;
  dst: ArrayLike<number>;
  protocol: number;
  sport: number;
  dport: number;
  flowLabel: number;
}

/** Nothing yet. */
export const noFields = (ipv6: boolean): Fields => ({
  ipv6,
  src: new Int32Array(4),
  dst: new Int32Array(4),
  protocol: 0,
  sport: 0,
  dport: 0,
  flowLabel: 0,
});

/** The hash of some fields, 32 bits, the same in both directions. */
export function hashOf(hash: MultipathHash, of: Readonly<Fields>, picked: number): number {
  const words = of.ipv6 ? words6 : words4;
  const size = of.ipv6 ? 4 : 1;
  words.fill(0);
  const src = (picked & SRC_IP) !== 0 ? of.src : none;
  const dst = (picked & DST_IP) !== 0 ? of.dst : none;
  const turned = of.ipv6 ? compareWords(dst, src) < 0 : littleEndian(dst[0]) < littleEndian(src[0]);
  for (let i = 0; i < size; i++) {
    words[ADDRESSES / 4 + i] = littleEndian((turned ? dst : src)[i]);
    words[ADDRESSES / 4 + size + i] = littleEndian((turned ? src : dst)[i]);
  }
  if ((picked & PROTOCOL) !== 0) words[0] = of.protocol << (8 * IP_PROTO);
  if (of.ipv6 && (picked & FLOWLABEL) !== 0) words[TAGS / 4] = of.flowLabel;
  words[PORTS / 4] = portsWord((picked & SRC_PORT) !== 0 ? of.sport : 0, (picked & DST_PORT) !== 0 ? of.dport : 0);
  return hash.raw(words);
}

/** Policy 2 of a packet, 31 bits. */
export function hashOfInnermost(hash: MultipathHash, { data, len }: SkBuff): number {
  keys.dissect(data, len, false);
  return hashOf(hash, keys, keys.ipv6 ? SRC_IP | DST_IP | PROTOCOL | FLOWLABEL : SRC_IP | DST_IP) >>> 1;
}

/** Policy 3 of a packet, 31 bits. Models `fib_multipath_custom_hash_skb()` and `rt6_multipath_custom_hash_skb()`. */
export function hashOfPicked(hash: MultipathHash, { data, len }: SkBuff, picked: number): number {
  let outer = 0;
  let encapsulated = true;
  if ((picked & OUTER) !== 0) {
    keys.dissect(data, len, true);
    encapsulated = keys.encapsulated;
    outer = hashOf(hash, keys, picked);
  }
  let inner = 0;
  if (encapsulated && picked >>> TO_INNER !== 0) {
    keys.dissect(data, len, false);
    if (keys.encapsulated) inner = hashOf(hash, keys, picked >>> TO_INNER);
  }
  return combine(outer, inner);
}

/** Models `jhash_2words()`. */
function combine(outer: number, inner: number): number {
  pair[0] = outer;
  pair[1] = inner;
  return jhash2(pair, 0) >>> 1;
}

/** Policy 3 of a flow that this host asks about, 31 bits; `arrives`: as of a packet of it. */
export function hashOfFlowPicked(
  hash: MultipathHash,
  flow: Readonly<Fields>,
  picked: number,
  arrives: boolean,
): number {
  const outer = (picked & OUTER) === 0 ? 0 : hashOf(hash, flow, picked);
  return arrives ? combine(outer, 0) : outer >>> 1;
}
