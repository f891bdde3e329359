/**
 * What is known of operating systems by the first segment that they send: fingerprints, loaded by nfnl_osf(8) and
 * looked through by `-m osf`. The kernel has one list for all namespaces; here each host, a machine of its own, has
 * one. Models net/netfilter/nfnetlink_osf.c.
 */
import { EINVAL, ENOENT, SystemError } from "../errno.js";
import type { NetNamespace } from "../netns.js";
import { perNamespace } from "../pernet.js";
import type { SkBuff } from "../skb.js";
import { get16 } from "../wire/bytes.js";
import { IP_DF, IPV4_FRAGMENT, IPV4_TOTAL_LENGTH, IPV4_TTL } from "../wire/ipv4.js";
import { TCP_DATA_OFFSET, TCP_HEADER_LENGTH, TCP_SYN, TCP_WINDOW, TCPOPT_MSS, tcpFlags } from "../wire/tcp.js";

/** A number as a fingerprint gives it. Models `struct nf_osf_wc`. */
export interface FingerprintNumber {
  /** Itself, times the MSS, times the MTU, or divides the packet's. */
  readonly unit: "plain" | "mss" | "mtu" | "modulo";
  /** Without a sign, 32 bits; a plain 0 is any. */
  readonly value: number;
}

/** One TCP option. Models `struct nf_osf_opt`; the kernel keeps its number and does not look at it. */
export interface FingerprintOption extends FingerprintNumber {
  readonly kind: number;
  /** In bytes, with kind and length. */
  readonly length: number;
}

/** Models `struct nf_osf_user_finger`. */
export interface Fingerprint {
  readonly window: FingerprintNumber;
  readonly ttl: number;
  /** "Don't fragment"; any number but 0 is set. */
  readonly df: number;
  /** Of the whole packet, in bytes. */
  readonly length: number;
  /** In their order. */
  readonly options: readonly FingerprintOption[];
  readonly genre: string;
  readonly version: string;
  readonly subtype: string;
}

/** How the time to live is compared: the same, not more than the fingerprint's, not at all. Models `NF_OSF_TTL_*`. */
export const OSF_TTL_TRUE = 0;
export const OSF_TTL_NOCHECK = 2;

/** Room for options in a TCP header, in bytes. */
const MAX_OPTIONS = 40;

/** Modems in between may have lowered the MSS; the window is still that of the true one, or of a lowered one. */
const USUAL_MSS: readonly number[] = [1460, 1448];
/** Of IP and TCP, without options. */
const HEADERS = 40;

/** By their text, in the order in which they came. */
type List = Map<string, Fingerprint>;

/** Without "don't fragment", and with it. */
const loaded = perNamespace((): readonly [List, List] => [new Map(), new Map()]);

const listOf = (net: NetNamespace, df: boolean): List => loaded(net)[df ? 1 : 0];

/** Adds one, unless it is there. Throws EINVAL where it makes no sense. Models nfnl_osf_add_callback(). */
export function addFingerprint(net: NetNamespace, fingerprint: Fingerprint): void {
  const { window, options, df } = fingerprint;
  const length = options.reduce((sum, option) => sum + option.length, 0);
  if ((window.unit === "modulo" && window.value === 0) || length > MAX_OPTIONS) throw new SystemError(EINVAL);
  listOf(net, df !== 0).set(JSON.stringify(fingerprint), fingerprint);
}

/** Takes one away. Throws ENOENT where it is not there. Models nfnl_osf_remove_callback(). */
export function removeFingerprint(net: NetNamespace, fingerprint: Fingerprint): void {
  if (!listOf(net, fingerprint.df !== 0).delete(JSON.stringify(fingerprint))) throw new SystemError(ENOENT);
}

/** Those that a packet may have: by its "don't fragment". */
export function fingerprintsFor(net: NetNamespace, { data }: SkBuff): Iterable<Fingerprint> {
  return listOf(net, (get16(data, IPV4_FRAGMENT) & IP_DF) !== 0).values();
}

/** Whether a packet is a SYN with whole options, `at` being where its TCP header begins. */
export function hasFingerprint({ data, len }: SkBuff, at: number): boolean {
  if (at + TCP_HEADER_LENGTH > len || (tcpFlags(data, at) & TCP_SYN) === 0) return false;
  return at + (data[at + TCP_DATA_OFFSET] >>> 4) * 4 <= len;
}

/** Whether such a packet has this fingerprint. Models nf_osf_match_one(). */
export function matchesFingerprint({ data }: SkBuff, at: number, finger: Fingerprint, ttlCheck: number): boolean {
  if (get16(data, IPV4_TOTAL_LENGTH) !== finger.length) return false;
  const ttl = data[IPV4_TTL];
  if (ttlCheck === OSF_TTL_TRUE ? ttl !== finger.ttl : ttlCheck !== OSF_TTL_NOCHECK && ttl > finger.ttl) return false;
  const end = at + Math.max((data[at + TCP_DATA_OFFSET] >>> 4) * 4, TCP_HEADER_LENGTH);
  let mss = 0;
  let option = at + TCP_HEADER_LENGTH;
  let expected = option;
  for (const { length } of finger.options) expected += length;
  if (expected !== end) return false;
  for (const { kind, length } of finger.options) {
    if (data[option] !== kind) return false;
    if (kind === TCPOPT_MSS) mss = get16(data, option + 2);
    option += length;
  }
  return isWindow(get16(data, at + TCP_WINDOW), finger.window, mss);
}

function isWindow(window: number, { unit, value }: FingerprintNumber, mss: number): boolean {
  if (unit === "plain") return value === 0 || window === value;
  if (unit === "modulo") return window % value === 0;
  const headers = unit === "mtu" ? HEADERS : 0;
  return isTimes(window, value, mss + headers) || USUAL_MSS.some((usual) => isTimes(window, value, usual + headers));
}

/** As the kernel multiplies, in 32 bits. */
function isTimes(window: number, times: number, size: number): boolean {
  return window === Math.imul(times, size) >>> 0;
}
