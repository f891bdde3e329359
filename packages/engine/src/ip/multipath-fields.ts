/**
 * The hash policies 2 and 3 of both families: by the addresses of the innermost header, and by fields that
 * `fib_multipath_hash_fields` picks of the outer and the innermost one. Models those cases of fib_multipath_hash(),
 * net/ipv4/route.c, and rt6_multipath_hash(), net/ipv6/route.c.
 */
import { jhash2 } from "../nat/jhash.js";
import type { SkBuff } from "../skb.js";
import { compareWords } from "../wire/address.js";
import { FlowKeys } from "./flow-keys.js";
import { ADDRESSES, IP_PROTO, littleEndian, type MultipathHash, PORTS, portsWord, TAGS } from "./multipath.js";

/** `FIB_MULTIPATH_HASH_FIELD_*`: those of the outer header, and how far those of the innermost one lie to the left. */
const SRC_IP = 1;
const DST_IP = 2;
const PROTOCOL = 4;
const FLOWLABEL = 8;
const SRC_PORT = 16;
const DST_PORT = 32;
const OUTER = 63;
const TO_INNER = 6;
/** What is picked of the fields at first. */
export const HASH_FIELDS_DEFAULT: number = SRC_IP | DST_IP | PROTOCOL;
export const HASH_FIELDS_ALL = 4095;

const words4 = new Int32Array(12);
const words6 = new Int32Array(18);
const keys: FlowKeys = new FlowKeys();
const none: Int32Array = new Int32Array(4);
const pair: number[] = [0, 0];

/** What a hash may be made of. `flowLabel` is a word as it lies in memory. */
export interface Fields {
  readonly ipv6: boolean;
  readonly src: ArrayLike<number>;
  readonly dst: ArrayLike<number>;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  readonly flowLabel: number;
}

/** The hash of some fields, 32 bits, the same in both directions. */
export function hashOf(hash: MultipathHash, of: Fields, picked: number): number {
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
export function hashOfFlowPicked(hash: MultipathHash, flow: Fields, picked: number, arrives: boolean): number {
  const outer = (picked & OUTER) === 0 ? 0 : hashOf(hash, flow, picked);
  return arrives ? combine(outer, 0) : outer >>> 1;
}
