/**
 * A rule: what a packet is compared with, what then happens, and the counters. Models `struct ipt_entry`,
 * include/uapi/linux/netfilter_ipv4/ip_tables.h.
 */
import type { NetDevice } from "../dev/device.js";
import type { HookState, Verdict } from "../hooks.js";
import { getInt32 } from "../wire/bytes.js";
import { IPV4_DST, IPV4_PROTOCOL, IPV4_SRC } from "../wire/ipv4.js";
import { IPV6_DST, IPV6_SRC } from "../wire/ipv6.js";
import type { Chain } from "./chain.js";
import type { Match, Target, XtActionParam } from "./extension.js";
import {
  type AddressWords,
  INV_DST,
  INV_FRAGMENT,
  INV_PROTO,
  INV_SRC,
  INV_VIA_IN,
  INV_VIA_OUT,
  type IpSpec,
  isZero,
} from "./ip-spec.js";

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
  /** Whether an IPv4 rule asks for an address. */
  readonly #asksAddress: boolean;
  /** The device compared last and whether its name fitted: a packet's device mostly is the one before it had. */
  #lastIn: NetDevice | null | undefined;
  #lastInFits = false;
  #lastOut: NetDevice | null | undefined;
  #lastOutFits = false;
  packets = 0;
  bytes = 0;
  /** See {@link Chain.handle}; a rule that takes another's place takes its number. */
  handle = 0;

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
    this.#asksAddress = !isZero(ip.smask) || !isZero(ip.dmask) || (ip.inverted & (INV_SRC | INV_DST)) !== 0;
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
  matchesIp(data: Uint8Array, fragoff: number, state: HookState): boolean {
    const { inverted } = this;
    if (this.#asksAddress && !this.#addressesFit(data)) return false;
    if (this.inTest !== ANY && this.#inFits(state.indev) === ((inverted & INV_VIA_IN) !== 0)) return false;
    if (this.outTest !== ANY && this.#outFits(state.outdev) === ((inverted & INV_VIA_OUT) !== 0)) return false;
    if (this.proto !== 0 && (data[IPV4_PROTOCOL] === this.proto) === ((inverted & INV_PROTO) !== 0)) return false;
    return !this.fragment || (fragoff !== 0) === ((inverted & INV_FRAGMENT) === 0);
  }

  #addressesFit(data: Uint8Array): boolean {
    const srcDiffers = ((getInt32(data, IPV4_SRC) ^ this.src) & this.smask) !== 0;
    const dstDiffers = ((getInt32(data, IPV4_DST) ^ this.dst) & this.dmask) !== 0;
    return srcDiffers === ((this.inverted & INV_SRC) !== 0) && dstDiffers === ((this.inverted & INV_DST) !== 0);
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
