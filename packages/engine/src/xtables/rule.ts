/**
 * Rules and chains as data: what a packet is compared with, what then happens, and the counters.
 * Models `struct ipt_entry` and `struct ipt_ip`, include/uapi/linux/netfilter_ipv4/ip_tables.h; a chain here is a list
 * of its own where the kernel keeps one blob a table.
 */
import type { NetDevice } from "../dev/device.js";
import type { HookNumber, HookOps, HookState, Verdict } from "../hooks.js";
import type { NatLookup } from "../nat/nat.js";
import { getInt32 } from "../wire/bytes.js";
import { IPV6_DST, IPV6_SRC } from "../wire/ipv6.js";
import type { Match, Target, XtActionParam, XtFamily } from "./extension.js";

/** Bits of {@link Rule.inverted}: the comparison is turned round (`!`). Models `IPT_INV_*`. */
export const INV_VIA_IN: number = 1 << 0;
export const INV_VIA_OUT: number = 1 << 1;
export const INV_SRC: number = 1 << 3;
export const INV_DST: number = 1 << 4;
export const INV_FRAGMENT: number = 1 << 5;
export const INV_PROTO: number = 1 << 6;

/** A chain's policy. */
export type Policy = "ACCEPT" | "DROP";

/** An address of a rule, or its mask, as signed 32-bit words: one for IPv4, four for IPv6. */
export type AddressWords = Int32Array;

/** Whether all words are zero: as a mask, that any address will do. */
export function isZero(words: AddressWords): boolean {
  return words.every((word) => word === 0);
}

/** The header part of a rule: addresses, interfaces, protocol. */
export interface IpSpec {
  readonly family: XtFamily;
  /** Address already masked, and mask; a mask of zeros is any. */
  readonly src: AddressWords;
  readonly smask: AddressWords;
  readonly dst: AddressWords;
  readonly dmask: AddressWords;
  /** Interface name, `name+` for a prefix, "" for any. */
  readonly iniface: string;
  readonly outiface: string;
  /** Protocol number, 0 for all. */
  readonly proto: number;
  /** Second and further fragments only (`-f`). */
  readonly fragment: boolean;
  /** `INV_*` bits. */
  readonly inverted: number;
}

/** What a matching rule does: nothing more (null), go to a chain, or a target. */
export type Action =
  | { readonly kind: "none" }
  | { readonly kind: "jump"; readonly chain: Chain; readonly goto: boolean }
  | { readonly kind: "target"; readonly target: Target };

const ANY = 0;
const EXACT = 1;
const PREFIX = 2;
type NameTest = 0 | 1 | 2;

function nameTest(pattern: string): NameTest {
  if (pattern === "") return ANY;
  return pattern.endsWith("+") ? PREFIX : EXACT;
}

/** Whether a device (null: none, whose name is empty) has the name, or a name that begins so. */
function nameFits(test: NameTest, name: string, dev: NetDevice | null): boolean {
  const actual = dev === null ? "" : dev.name;
  return test === EXACT ? actual === name : actual.startsWith(name);
}

/** Whether an IPv6 address of a packet is outside an address and mask. Models `ipv6_masked_addr_cmp()`. */
function wordsDiffer(data: Uint8Array, at: number, address: AddressWords, mask: AddressWords): boolean {
  for (let i = 0; i < 4; i++) if (((getInt32(data, at + 4 * i) ^ address[i]) & mask[i]) !== 0) return true;
  return false;
}

/** One rule. Fixed once made, except for its counters. */
export class Rule {
  readonly ip: IpSpec;
  readonly matches: readonly Match[];
  readonly action: Action;
  /** The chain to go to, or null; a copy of {@link action} that evaluation reads without a second look. */
  readonly chain: Chain | null;
  readonly goto: boolean;
  readonly target: Target | null;
  /** The target's verdict where it is always the same. */
  readonly verdict: Verdict | null;
  /** The addresses of an IPv4 rule, for {@link matchesIp}. */
  readonly src: number;
  readonly smask: number;
  readonly dst: number;
  readonly dmask: number;
  readonly proto: number;
  readonly fragment: boolean;
  readonly inverted: number;
  readonly inName: string;
  readonly outName: string;
  readonly inTest: NameTest;
  readonly outTest: NameTest;
  /** Whether the header part asks nothing. */
  readonly anyHeader: boolean;
  /** The device compared last and whether its name fitted: a packet's device mostly is the one before it had. */
  #lastIn: NetDevice | null | undefined;
  #lastInFits = false;
  #lastOut: NetDevice | null | undefined;
  #lastOutFits = false;
  packets = 0;
  bytes = 0;

  constructor(ip: IpSpec, matches: readonly Match[], action: Action) {
    this.ip = ip;
    this.matches = matches;
    this.action = action;
    this.chain = action.kind === "jump" ? action.chain : null;
    this.goto = action.kind === "jump" && action.goto;
    this.target = action.kind === "target" ? action.target : null;
    this.verdict = this.target?.verdict ?? null;
    this.src = ip.src[0];
    this.smask = ip.smask[0];
    this.dst = ip.dst[0];
    this.dmask = ip.dmask[0];
    this.proto = ip.proto;
    this.fragment = ip.fragment;
    this.inverted = ip.inverted;
    this.inTest = nameTest(ip.iniface);
    this.outTest = nameTest(ip.outiface);
    this.anyHeader =
      isZero(ip.smask) &&
      isZero(ip.dmask) &&
      this.inTest === ANY &&
      this.outTest === ANY &&
      ip.proto === 0 &&
      !ip.fragment &&
      ip.inverted === 0;
    this.inName = this.inTest === PREFIX ? ip.iniface.slice(0, -1) : ip.iniface;
    this.outName = this.outTest === PREFIX ? ip.outiface.slice(0, -1) : ip.outiface;
  }

  /** Whether the header part holds for a packet. Models ip_packet_match(), net/ipv4/netfilter/ip_tables.c. */
  matchesIp(src: number, dst: number, proto: number, fragoff: number, state: HookState): boolean {
    const inverted = this.inverted;
    if ((((src ^ this.src) & this.smask) !== 0) !== ((inverted & INV_SRC) !== 0)) return false;
    if ((((dst ^ this.dst) & this.dmask) !== 0) !== ((inverted & INV_DST) !== 0)) return false;
    if (this.inTest !== ANY && this.#inFits(state.indev) === ((inverted & INV_VIA_IN) !== 0)) return false;
    if (this.outTest !== ANY && this.#outFits(state.outdev) === ((inverted & INV_VIA_OUT) !== 0)) return false;
    if (this.proto !== 0 && (proto === this.proto) === ((inverted & INV_PROTO) !== 0)) return false;
    if (this.fragment && (fragoff !== 0) === ((inverted & INV_FRAGMENT) !== 0)) return false;
    return true;
  }

  /**
   * Whether the header part holds for an IPv6 packet. `hotdrop`: a packet that ends inside its extension headers is
   * dropped when its protocol is asked for, as the legacy tables do. Models ip6_packet_match(),
   * net/ipv6/netfilter/ip6_tables.c.
   */
  matchesIp6(par: XtActionParam, state: HookState, hotdrop: boolean): boolean {
    const { inverted, ip } = this;
    const { data } = par.skb;
    if (wordsDiffer(data, IPV6_SRC, ip.src, ip.smask) !== ((inverted & INV_SRC) !== 0)) return false;
    if (wordsDiffer(data, IPV6_DST, ip.dst, ip.dmask) !== ((inverted & INV_DST) !== 0)) return false;
    if (this.inTest !== ANY && this.#inFits(state.indev) === ((inverted & INV_VIA_IN) !== 0)) return false;
    if (this.outTest !== ANY && this.#outFits(state.outdev) === ((inverted & INV_VIA_OUT) !== 0)) return false;
    if (this.proto === 0) return true;
    if (par.proto < 0) {
      if (hotdrop && par.fragoff === 0) par.hotdrop = true;
      return false;
    }
    return (par.proto === this.proto) !== ((inverted & INV_PROTO) !== 0);
  }

  #inFits(dev: NetDevice | null): boolean {
    return dev === this.#lastIn ? this.#lastInFits : this.#lookIn(dev);
  }

  #lookIn(dev: NetDevice | null): boolean {
    this.#lastIn = dev;
    this.#lastInFits = nameFits(this.inTest, this.inName, dev);
    return this.#lastInFits;
  }

  #outFits(dev: NetDevice | null): boolean {
    return dev === this.#lastOut ? this.#lastOutFits : this.#lookOut(dev);
  }

  #lookOut(dev: NetDevice | null): boolean {
    this.#lastOut = dev;
    this.#lastOutFits = nameFits(this.outTest, this.outName, dev);
    return this.#lastOutFits;
  }
}

/** A chain: built-in (a hook leads into it) or a user's own. */
export class Chain {
  /** `-E` changes it. */
  name: string;
  /** The hook of a built-in chain, null for a user's. */
  readonly hook: HookNumber | null;
  policy: Policy = "ACCEPT";
  /** Packets that came to the end of a built-in chain (or met RETURN there). */
  policyPackets = 0;
  policyBytes = 0;
  /**
   * Whether the two are counted. The legacy flavour always does; a base chain of nf_tables only once it was given
   * counters, which `-P`, `-Z` and iptables-restore's `:CHAIN` lines do and the chain's mere making does not.
   */
  countsPolicy = false;
  rules: Rule[] = [];
  /** The rules that {@link headers} lists; null after a change. headers.ts's own, as the list is. */
  listed: readonly Rule[] | null = null;
  headers: Int32Array | null = null;
  /** How a built-in chain hangs on its hook; null while it does not. */
  registration: HookOps | null = null;
  /** The same for a chain of the nat table, which hangs under NAT's hook function. */
  natLookup: NatLookup | null = null;

  constructor(name: string, hook: HookNumber | null) {
    this.name = name;
    this.hook = hook;
  }
}
