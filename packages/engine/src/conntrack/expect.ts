/**
 * Expectations: connections that a tracked one has announced. A helper reads the announcement (FTP's `PORT`) and notes
 * here who will call whom; the first packet that fits makes an entry that is RELATED to the one that announced it.
 * Models net/netfilter/nf_conntrack_expect.c as Linux 6.18 has it: each expectation has a timer of its own.
 */
import { HZ, type Timer } from "../clock.js";
import { NFPROTO_IPV4 } from "../hooks.js";
import type { TupleText } from "../trace.js";
import { formatIPv4, formatIPv6, IPV6_WORDS } from "../wire/address.js";
import type { Conntrack } from "./conntrack.js";
import { E_EXT, E_ORIGINAL, E_ZONE, ENTRY_SHIFT, EXT_ECACHE } from "./entry.js";
import type { ConntrackHelper } from "./helpers/helper.js";
import { type CtHandle, IPS_CONFIRMED, IPS_DYING } from "./status.js";
import {
  hashTuple,
  TUPLE_DST,
  TUPLE_PORTS,
  TUPLE_PROTO,
  TUPLE_SRC,
  TUPLE_WORDS,
  tupleL3num,
  tupleProtonum,
  tupleText,
} from "./tuple.js";

/** Stays after a connection has come. Models `NF_CT_EXPECT_PERMANENT`. */
export const NF_CT_EXPECT_PERMANENT = 1;
/** Waits for a second word before it counts (SIP's registrations). Models `NF_CT_EXPECT_INACTIVE`. */
export const NF_CT_EXPECT_INACTIVE = 2;
/** Made by a tool. Models `NF_CT_EXPECT_USERSPACE`. */
export const NF_CT_EXPECT_USERSPACE = 4;

/** What a helper allows itself of one class of expectations. Models `struct nf_conntrack_expect_policy`. */
export interface ExpectPolicy {
  /** Empty where a helper has one class only. */
  readonly name: string;
  /** At most so many at a time for each master; 0: no limit. */
  readonly maxExpected: number;
  readonly timeoutSeconds: number;
}

/** What is done to the entry of an expected connection as it is made: NAT's `expectfn`. */
export type ExpectFunction = (entry: CtHandle, expectation: Expectation) => void;

/** A function with the name under which netlink tells of it, if any. Models `struct nf_ct_helper_expectfn`. */
export interface NamedExpectFunction {
  readonly name: string | null;
  readonly run: ExpectFunction;
}

/** One end of an expectation: four address words and a port, where null means any. */
export interface ExpectEnd {
  /** The tuple's words that hold the address, and where they begin; null: any. */
  readonly address: { readonly words: Int32Array; readonly at: number } | null;
  readonly port: number | null;
}

/** One expectation. Models `struct nf_conntrack_expect`. */
export class Expectation {
  readonly master: CtHandle;
  readonly expectClass: number;
  /** Whose doing it is; null when a tool made it for an entry without a helper. */
  readonly helper: ConntrackHelper | null;
  readonly tuple: Int32Array = new Int32Array(TUPLE_WORDS);
  /** Ones where the tuple counts: the destination always does. */
  readonly mask: Int32Array = new Int32Array(TUPLE_WORDS).fill(-1);
  flags = 0;
  /** The helper of the connection that comes. */
  assignHelper: ConntrackHelper | null = null;
  expectFunction: NamedExpectFunction | null = null;
  /** Where NAT sends the connection: the address (zeros: not said) and the port that were announced. */
  readonly savedAddress: Int32Array = new Int32Array(IPV6_WORDS);
  savedPort = 0;
  /** The direction of the master in which the connection will be opened. */
  direction: 0 | 1 = 0;
  /** Jiffies. */
  expires = 0;
  timer: Timer | null = null;
  id = 0;

  constructor(master: CtHandle, expectClass: number, helper: ConntrackHelper | null) {
    this.master = master;
    this.expectClass = expectClass;
    this.helper = helper;
  }

  get destinationPort(): number {
    return this.tuple[TUPLE_PORTS] & 0xffff;
  }

  set destinationPort(port: number) {
    this.tuple[TUPLE_PORTS] = (this.tuple[TUPLE_PORTS] & 0xffff0000) | (port & 0xffff);
  }
}

/** An expectation as tools print it. */
export interface ExpectationSnapshot {
  readonly id: number;
  readonly l3num: number;
  readonly protonum: number;
  readonly timeoutSeconds: number;
  readonly tuple: TupleText;
  readonly mask: TupleText;
  /** The original tuple of the connection that announced it. */
  readonly master: TupleText;
  readonly masterProtonum: number;
  readonly zone: number;
  readonly flags: number;
  readonly expectClass: number;
  /** Of the class; empty where it has none. */
  readonly className: string;
  readonly helper: string | null;
  readonly function: string | null;
  /** What NAT was told; null without NAT. */
  readonly nat: { readonly direction: 0 | 1; readonly address: string; readonly port: number } | null;
}

/** One event as `conntrack -E expect` receives it. */
export interface ExpectationEvent {
  readonly type: "NEW" | "DESTROY";
  readonly expectation: ExpectationSnapshot;
  /** Microseconds of virtual time. */
  readonly atMicros: number;
}

/** Why an expectation was not taken. Models the errnos of `nf_ct_expect_related_report()`. */
export type ExpectRefusal = "ESHUTDOWN" | "EALREADY" | "EBUSY" | "EMFILE";

/** Models `nf_ct_expect_hsize` for the default number of buckets of the big table. */
const EXPECT_BUCKETS = 1024;

/** Chains are found by the end that will be called. */
const key = new Int32Array(TUPLE_WORDS);

function sameUnder(a: Int32Array, b: Int32Array, mask: (word: number) => number): boolean {
  for (let word = 0; word < TUPLE_WORDS; word++) if (((a[word] ^ b[word]) & mask(word)) !== 0) return false;
  return true;
}

/** Whether a packet's tuple is the expected one. Models `nf_ct_tuple_mask_cmp()`. */
function fits(tuple: Int32Array, expectation: Expectation): boolean {
  for (let word = 0; word < TUPLE_WORDS; word++)
    if (((tuple[word] ^ expectation.tuple[word]) & expectation.mask[word]) !== 0) return false;
  return true;
}

/** Whether some packet could fit both. Models `expect_clash()`. */
function clash(a: Expectation, b: Expectation): boolean {
  return sameUnder(a.tuple, b.tuple, (word) => a.mask[word] & b.mask[word]);
}

/** Models `expect_matches()`. */
function alike(a: Expectation, b: Expectation): boolean {
  return sameUnder(a.tuple, b.tuple, () => -1) && sameUnder(a.mask, b.mask, () => -1);
}

/** The expectations of one namespace. */
export class ExpectationTable {
  readonly #ct: Conntrack;
  readonly #buckets: Expectation[][] = Array.from({ length: EXPECT_BUCKETS }, () => []);
  #listeners: ((event: ExpectationEvent) => void)[] = [];
  count = 0;
  /** Models `nf_conntrack_expect_max`. */
  max = 4 * EXPECT_BUCKETS;
  readonly stats: { created: number; deleted: number; arrived: number } = { created: 0, deleted: 0, arrived: 0 };

  constructor(ct: Conntrack) {
    this.#ct = ct;
  }

  #bucket(tuple: Int32Array): Expectation[] {
    for (let word = 0; word < 4; word++) key[TUPLE_DST + word] = tuple[TUPLE_DST + word];
    key[TUPLE_PORTS] = tuple[TUPLE_PORTS] & 0xffff;
    key[TUPLE_PROTO] = tuple[TUPLE_PROTO];
    return this.#buckets[hashTuple(key, 0, 0, ~this.#ct.seed) & (EXPECT_BUCKETS - 1)];
  }

  /** The expectation that a tuple fits, which stays. Models `__nf_ct_expect_find()`. */
  find(tuple: Int32Array, zone: number): Expectation | null {
    if (this.count === 0) return null;
    for (const expectation of this.#bucket(tuple))
      if (this.#zoneOf(expectation) === zone && fits(tuple, expectation)) return expectation;
    return null;
  }

  /**
   * The expectation that a first packet fulfils: it is over with that, unless it is permanent. Its master gets a
   * reference for the new entry. Models `nf_ct_find_expectation()`.
   */
  take(tuple: Int32Array, zone: number): Expectation | null {
    if (this.count === 0) return null;
    let found: Expectation | null = null;
    for (const expectation of this.#bucket(tuple))
      if (
        (expectation.flags & NF_CT_EXPECT_INACTIVE) === 0 &&
        this.#zoneOf(expectation) === zone &&
        fits(tuple, expectation)
      ) {
        found = expectation;
        break;
      }
    if (found === null) return null;
    // What a packet still on its way announced, nobody can know of.
    if ((this.#ct.statusOf(found.master) & (IPS_CONFIRMED | IPS_DYING)) !== IPS_CONFIRMED) return null;
    this.#ct.get(found.master);
    if ((found.flags & NF_CT_EXPECT_PERMANENT) === 0) this.unlink(found);
    this.stats.arrived++;
    return found;
  }

  #zoneOf(expectation: Expectation): number {
    return this.#ct.slab.words[(expectation.master << ENTRY_SHIFT) + E_ZONE];
  }

  /**
   * Notes an expectation, in place of an equal one of the same master. Where the class is full, its oldest goes.
   * `skipMaster`: an equal one of any master stands in the way. Returns why not, or null when it was taken. Models
   * `nf_ct_expect_related()`.
   */
  related(expectation: Expectation, skipMaster = false): ExpectRefusal | null {
    const help = this.#ct.helpers.helpOf(expectation.master);
    if (help === null) return "ESHUTDOWN";
    const bucket = this.#bucket(expectation.tuple);
    for (const other of bucket) {
      if (this.#zoneOf(other) !== this.#zoneOf(expectation)) continue;
      if ((skipMaster || other.master === expectation.master) && alike(other, expectation)) {
        if (other.expectClass !== expectation.expectClass || other.master !== expectation.master) return "EALREADY";
        this.unlink(other);
        break;
      }
      if (clash(other, expectation)) return "EBUSY";
    }
    const policy = help.helper?.policies[expectation.expectClass];
    if (policy !== undefined && policy.maxExpected > 0) {
      const ofClass = (): Expectation[] =>
        help.expectations.filter((each) => each.expectClass === expectation.expectClass);
      if (ofClass().length >= policy.maxExpected) {
        this.unlink(ofClass().at(-1) as Expectation);
        if (ofClass().length >= policy.maxExpected) return "EMFILE";
      }
    }
    if (this.count >= this.max) {
      this.#ct.warn("nf_conntrack: expectation table full");
      return "EMFILE";
    }
    this.#insert(expectation, bucket, policy?.timeoutSeconds ?? 0);
    this.#report("NEW", expectation);
    return null;
  }

  #insert(expectation: Expectation, bucket: Expectation[], timeoutSeconds: number): void {
    const { clock } = this.#ct.net;
    bucket.unshift(expectation);
    this.#ct.helpers.helpOf(expectation.master)?.expectations.unshift(expectation);
    this.count++;
    this.stats.created++;
    expectation.id = hashTuple(expectation.tuple, 0, this.stats.created & 0xffff, ~this.#ct.seed) >>> 0;
    expectation.expires = (clock.jiffies + timeoutSeconds * HZ) >>> 0;
    expectation.timer = clock.scheduleOnWheel(timeoutSeconds * 1_000_000, () => this.unlink(expectation));
  }

  /** Gives an expectation a new time from now. Models `mod_timer(&exp->timeout, ...)`. */
  refresh(expectation: Expectation, timeoutSeconds: number): void {
    if (expectation.timer === null) return;
    const { clock } = this.#ct.net;
    expectation.expires = (clock.jiffies + timeoutSeconds * HZ) >>> 0;
    clock.rearmOnWheel(expectation.timer, timeoutSeconds * 1_000_000);
  }

  /** Forgets an expectation. Returns whether it was there. Models `nf_ct_remove_expect()`. */
  unlink(expectation: Expectation): boolean {
    if (expectation.timer === null) return false;
    this.#ct.net.clock.cancel(expectation.timer);
    expectation.timer = null;
    const bucket = this.#bucket(expectation.tuple);
    bucket.splice(bucket.indexOf(expectation), 1);
    const expectations = this.#ct.helpers.helpOf(expectation.master)?.expectations;
    expectations?.splice(expectations.indexOf(expectation), 1);
    this.count--;
    this.stats.deleted++;
    this.#report("DESTROY", expectation);
    return true;
  }

  /** All expectations in the hash's order. */
  all(): Expectation[] {
    return this.#buckets.flat();
  }

  /** Forgets all. */
  flush(): void {
    for (const expectation of this.all()) this.unlink(expectation);
  }

  list(): ExpectationSnapshot[] {
    return this.all().map((each) => this.snapshot(each));
  }

  snapshot(expectation: Expectation): ExpectationSnapshot {
    const { words } = this.#ct.slab;
    const master = (expectation.master << ENTRY_SHIFT) + E_ORIGINAL;
    const { savedAddress, savedPort, direction, helper, expectClass } = expectation;
    const left = (expectation.expires - this.#ct.net.clock.jiffies) | 0;
    return {
      id: expectation.id,
      l3num: tupleL3num(expectation.tuple, 0),
      protonum: tupleProtonum(expectation.tuple, 0),
      timeoutSeconds: Math.max(0, Math.trunc(left / HZ)),
      tuple: tupleText(expectation.tuple, 0),
      mask: tupleText(this.#maskTuple(expectation), 0),
      master: tupleText(words, master),
      masterProtonum: tupleProtonum(words, master),
      zone: this.#zoneOf(expectation),
      flags: expectation.flags,
      expectClass,
      className: helper?.policies[expectClass]?.name ?? "",
      helper: helper?.name ?? null,
      function: expectation.expectFunction?.name ?? null,
      nat:
        savedPort !== 0 || savedAddress.some((word) => word !== 0)
          ? { direction, address: addressText(savedAddress, tupleL3num(expectation.tuple, 0)), port: savedPort }
          : null,
    };
  }

  /** The mask as netlink tells it: with the protocol of the tuple. Models `ctnetlink_exp_dump_mask()`. */
  #maskTuple({ mask, tuple }: Expectation): Int32Array {
    const told = mask.slice();
    told[TUPLE_PROTO] = tuple[TUPLE_PROTO];
    return told;
  }

  /** Calls the listener for every event until the returned function is called. */
  subscribe(listener: (event: ExpectationEvent) => void): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /** Whether somebody listens: entries get an event cache then. */
  get watched(): boolean {
    return this.#listeners.length > 0;
  }

  /** Only a master with an event cache tells. Models `nf_ct_expect_event_report()`. */
  #report(type: ExpectationEvent["type"], expectation: Expectation): void {
    if (this.#listeners.length === 0) return;
    const words = this.#ct.slab.words;
    if ((words[(expectation.master << ENTRY_SHIFT) + E_EXT] & EXT_ECACHE) === 0) return;
    const event = { type, expectation: this.snapshot(expectation), atMicros: this.#ct.net.clock.nowMicros };
    for (const listener of this.#listeners) listener(event);
  }
}

/**
 * Fills in who is expected to call whom: the source's ends may be open, the destination is always said. Models
 * `nf_ct_expect_init()`.
 */
export function expectTuple(
  expectation: Expectation,
  l3num: number,
  protonum: number,
  source: ExpectEnd,
  destination: { readonly address: NonNullable<ExpectEnd["address"]>; readonly port: number },
): void {
  const { tuple, mask } = expectation;
  for (let word = 0; word < 4; word++) {
    tuple[TUPLE_SRC + word] = source.address === null ? 0 : source.address.words[source.address.at + word];
    mask[TUPLE_SRC + word] = source.address === null ? 0 : -1;
    tuple[TUPLE_DST + word] = destination.address.words[destination.address.at + word];
  }
  tuple[TUPLE_PORTS] = ((source.port ?? 0) << 16) | (destination.port & 0xffff);
  mask[TUPLE_PORTS] = ((source.port === null ? 0 : 0xffff) << 16) | 0xffff;
  tuple[TUPLE_PROTO] = (l3num << 8) | protonum;
}

/** The address of one end of a master's tuple, as {@link expectTuple} takes it. */
export function addressOf(
  ct: Conntrack,
  entry: CtHandle,
  direction: 0 | 1,
  end: "src" | "dst",
): NonNullable<ExpectEnd["address"]> {
  const at = (entry << ENTRY_SHIFT) + E_ORIGINAL + direction * TUPLE_WORDS + (end === "src" ? TUPLE_SRC : TUPLE_DST);
  return { words: ct.slab.words, at };
}

/** The same as four words of its own. */
export function addressWords(ct: Conntrack, entry: CtHandle, direction: 0 | 1, end: "src" | "dst"): Int32Array {
  const { words, at } = addressOf(ct, entry, direction, end);
  return words.slice(at, at + IPV6_WORDS);
}

function addressText(words: Int32Array, l3num: number): string {
  return l3num === NFPROTO_IPV4 ? formatIPv4(words[0]) : formatIPv6(words);
}
