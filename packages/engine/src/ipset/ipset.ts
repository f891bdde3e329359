/**
 * IP sets: named sets of addresses, networks, ports, devices and other sets, which rules ask by name (`-m set`) and may
 * change (`-j SET`). Elements keep the order in which they were added, where the kernel's hashes have one of their own.
 * Models net/netfilter/ipset: ip_set_core.c, ip_set_hash_gen.h, ip_set_bitmap_gen.h, ip_set_list_set.c.
 */
import { HZ } from "../clock.js";
import type { NetNamespace } from "../netns.js";
import { perNamespace } from "../pernet.js";
import { isAnyAddress, maskIPv6 } from "../wire/address.js";
import { addressBits, copyKey, type ElementKey, hashKey, type SetFamily, sameKey } from "./element.js";
import type { SetType } from "./types.js";

/** What `-j SET --map-set` gives a packet. Models `struct ip_set_skbinfo`. */
export interface SkbInfo {
  readonly mark: number;
  readonly mask: number;
  /** A class, its major number in the upper half. */
  readonly priority: number;
  readonly queue: number;
}

/** Of an element that does not say. */
export const NO_SKB_INFO: SkbInfo = { mark: 0, mask: 0, priority: 0, queue: 0 };

/** An element. */
export interface Element {
  readonly key: ElementKey;
  /** Jiffies at which it goes; 0: never. */
  expires: number;
  packets: number;
  bytes: number;
  comment: string;
  nomatch: boolean;
  skbinfo: SkbInfo;
}

/** How a set was created. */
export interface SetOptions {
  /** Seconds; null without timeouts, 0: elements stay unless they say otherwise. */
  readonly timeout: number | null;
  readonly counters: boolean;
  readonly comment: boolean;
  readonly forceadd: boolean;
  readonly hashsize: number;
  readonly bucketsize: number;
  /** The hash's secret, where it was given. */
  readonly initval: number | null;
  readonly maxelem: number;
  readonly skbinfo: boolean;
  /** Bitmaps are `inet`, though bitmaps of ports and lists serve both families. */
  readonly family: SetFamily;
  /** Bits of an address that are kept; all of them unless it was said. */
  readonly netmask: number;
  /** The bits that are kept, where they are no prefix. */
  readonly bitmask: Int32Array | null;
  /** Bitmaps: first and last address or port. */
  readonly from: number;
  readonly to: number;
  /** Lists: members at most. */
  readonly size: number;
}

/** The kernel's refusals that the tool has words for. */
export type SetErrno =
  | "EXIST"
  | "MISSING"
  | "NOSET"
  | "SECOND"
  | "TYPE"
  | "BUSY"
  | "REFERENCED"
  | "FULL"
  | "RANGE"
  | "TIMEOUT"
  | "COUNTER"
  | "COMMENT"
  | "SKBINFO"
  | "NULL"
  | "NETMASK"
  | "CIDR"
  | "LISTSIZE"
  | "NAME"
  | "NAMEREF"
  | "BESIDE"
  | "PROTO"
  | "LOOP"
  | "EXISTS_SET"
  | "RENAME_EXISTS"
  | "BITMAP_SIZE";

/** A refusal of the sets. */
export class SetError extends Error {
  override readonly name = "SetError";
  readonly errno: SetErrno;

  constructor(errno: SetErrno) {
    super(errno);
    this.errno = errno;
  }
}

/** What adding an element says beside its key. */
export interface ElementOptions {
  readonly timeout?: number;
  readonly packets?: number;
  readonly bytes?: number;
  readonly comment?: string;
  readonly nomatch?: boolean;
  readonly skbinfo?: SkbInfo;
}

/** The greatest timeout, in seconds, so that jiffies fit. Models IPSET_MAX_TIMEOUT. */
export const MAX_TIMEOUT = 2_147_483;

/** Outcome of a lookup: no, yes, or an element that says no (`nomatch`). */
export const TEST_NO = 0;
export const TEST_YES = 1;
export const TEST_NOMATCH = 2;

/** A set. Its name is its slot's. */
export class IpSet {
  readonly type: SetType;
  readonly options: SetOptions;
  /** The hash's secret, which the kernel draws and lists. */
  readonly initval: number;
  readonly #net: NetNamespace;
  readonly #buckets = new Map<number, Element[]>();
  #elements: Element[] = [];
  /** How many elements have each prefix length, of the dimension that is a network. */
  readonly #prefixes: number[] = new Array<number>(129).fill(0);
  /** What {@link test} found last, for counters. */
  found: Element | null = null;

  constructor(net: NetNamespace, setType: SetType, options: SetOptions) {
    this.#net = net;
    this.type = setType;
    this.options = options;
    this.initval = options.initval ?? net.random.u32();
  }

  /** The MAC address of the element found last; "" without one. */
  get foundMac(): string {
    return this.found?.key.mac ?? "";
  }

  /** Elements that have not run out, oldest first. */
  elements(): Element[] {
    this.#expire();
    return this.#elements;
  }

  /** Bytes in memory, roughly as the kernel counts them. */
  get memory(): number {
    const { family, timeout, counters, comment, skbinfo } = this.options;
    const [empty, bare] = this.type.memory[family];
    const each = bare + (timeout === null ? 0 : 8) + (counters ? 16 : 0) + (comment ? 8 : 0) + (skbinfo ? 16 : 0);
    if (this.type.storage !== "bitmap") return empty + each * this.elements().length;
    const bits = this.options.to - this.options.from + 1;
    const count = this.type.name === "bitmap:ip" ? Math.ceil(bits / 2 ** (32 - this.options.netmask)) : bits;
    return empty + Math.ceil(count / 64) * 8 + each * count;
  }

  #expire(): void {
    if (this.options.timeout === null) return;
    const now = this.#net.clock.jiffies;
    for (const element of this.#elements.filter(({ expires }) => expires !== 0 && expires <= now))
      this.#remove(element);
  }

  #alive(element: Element | undefined): element is Element {
    return element !== undefined && (element.expires === 0 || element.expires > this.#net.clock.jiffies);
  }

  #at(key: ElementKey): Element | undefined {
    const bucket = this.#buckets.get(hashKey(key));
    if (bucket === undefined) return undefined;
    for (let i = 0; i < bucket.length; i++) if (sameKey(bucket[i].key, key)) return bucket[i];
    return undefined;
  }

  /** The network dimension's prefix length in a key. */
  #networkCidr(key: ElementKey): number {
    return this.type.name === "hash:ip,port,net" ? key.cidr2 : key.cidr;
  }

  #remove(element: Element): void {
    const { key } = element;
    const hash = hashKey(key);
    const left = this.#buckets.get(hash)?.filter((each) => each !== element) ?? [];
    if (left.length === 0) this.#buckets.delete(hash);
    else this.#buckets.set(hash, left);
    this.#elements = this.#elements.filter((each) => each !== element);
    this.#prefixes[this.#networkCidr(key)]--;
    if (key.slot !== null) key.slot.references--;
  }

  #insert(element: Element, at: number): void {
    const { key } = element;
    const hash = hashKey(key);
    const bucket = this.#buckets.get(hash);
    if (bucket === undefined) this.#buckets.set(hash, [element]);
    else bucket.push(element);
    this.#elements.splice(at, 0, element);
    this.#prefixes[this.#networkCidr(key)]++;
    if (key.slot !== null) key.slot.references++;
  }

  /** The prefix length with which packets add networks: the longest in use. Models INIT_CIDR(). */
  get longestPrefix(): number {
    const bits = addressBits(this.options.family);
    for (let cidr = bits; cidr >= 0; cidr--) if (this.#prefixes[cidr] > 0) return cidr;
    return bits;
  }

  /** Masks an address that is no network as the set was created to; false when nothing is left of it. */
  maskAddress(ip: Int32Array): boolean {
    const { netmask, bitmask } = this.options;
    maskIPv6(ip, netmask);
    if (bitmask !== null) for (let i = 0; i < bitmask.length; i++) ip[i] &= bitmask[i];
    return this.type.storage !== "hash" || this.type.masks === undefined || !isAnyAddress(ip);
  }

  /** A key as the set stores it: masked. Throws what the kernel refuses. */
  normalise(key: ElementKey): ElementKey {
    const { dimensions, storage } = this.type;
    const { options } = this;
    if (dimensions.includes("net") && this.#networkCidr(key) === 0 && this.type.name !== "hash:net,iface")
      throw new SetError("CIDR");
    const stored = copyKey(key);
    if (dimensions[0] === "ip" && !this.maskAddress(stored.ip)) throw new SetError("NULL");
    if (dimensions[0] === "net") maskIPv6(stored.ip, key.cidr);
    if (dimensions[2] === "net") maskIPv6(stored.ip2, key.cidr2);
    if (storage === "hash" && dimensions.includes("port") && key.proto === 0) throw new SetError("PROTO");
    if (storage === "bitmap") {
      const value = dimensions[0] === "port" ? key.port : key.ip[0] >>> 0;
      if (value < options.from || value > options.to) throw new SetError("RANGE");
      stored.proto = 0;
    }
    return stored;
  }

  /** Refuses what the set was not made for. */
  check(said: ElementOptions): void {
    const { options } = this;
    if (said.timeout !== undefined && options.timeout === null) throw new SetError("TIMEOUT");
    if ((said.packets !== undefined || said.bytes !== undefined) && !options.counters) throw new SetError("COUNTER");
    if (said.comment !== undefined && !options.comment) throw new SetError("COMMENT");
    if (said.skbinfo !== undefined && !options.skbinfo) throw new SetError("SKBINFO");
  }

  /** Adds an element; `exist`: one that is there is given what is said anew. Models `mtype_add()`. */
  add(
    key: ElementKey,
    said: ElementOptions,
    exist: boolean,
    position: { before: boolean; slot: SetSlot } | null = null,
  ): void {
    const { options } = this;
    this.check(said);
    const stored = this.normalise(key);
    const seconds = said.timeout ?? options.timeout ?? 0;
    const expires = seconds === 0 ? 0 : this.#net.clock.jiffies + Math.min(seconds, MAX_TIMEOUT) * HZ;
    let at = this.#elements.length;
    if (position !== null) {
      const beside = this.#elements.findIndex((each) => each.key.slot === position.slot);
      if (beside < 0 || position.slot === key.slot) throw new SetError("NAMEREF");
      at = position.before ? beside : beside + 1;
    }
    const there = this.#at(stored);
    if (this.#alive(there)) {
      if (!exist) throw new SetError("EXIST");
      there.expires = expires;
      there.packets = said.packets ?? 0;
      there.bytes = said.bytes ?? 0;
      there.comment = said.comment ?? "";
      there.nomatch = said.nomatch ?? false;
      there.skbinfo = said.skbinfo ?? NO_SKB_INFO;
      return;
    }
    this.#expire();
    const limit =
      this.type.storage === "list" ? options.size : this.type.storage === "hash" ? options.maxelem : Infinity;
    if (this.#elements.length >= limit) {
      if (!options.forceadd) throw new SetError(this.type.storage === "list" ? "LISTSIZE" : "FULL");
      this.#remove(this.#elements[this.#net.random.u32() % this.#elements.length]);
    }
    const element: Element = {
      key: stored,
      expires,
      packets: said.packets ?? 0,
      bytes: said.bytes ?? 0,
      comment: said.comment ?? "",
      nomatch: said.nomatch ?? false,
      skbinfo: said.skbinfo ?? NO_SKB_INFO,
    };
    this.#insert(element, at);
  }

  /** Takes an element out. Models `mtype_del()`. */
  delete(key: ElementKey, exist: boolean): void {
    const there = this.#at(this.normalise(key));
    if (!this.#alive(there)) {
      if (exist) return;
      throw new SetError("MISSING");
    }
    this.#remove(there);
  }

  /** Whether a list's element stands right before another, or right behind it. */
  stands(key: ElementKey, { before, slot }: { readonly before: boolean; readonly slot: SetSlot }): boolean {
    const at = this.#elements.findIndex((each) => each.key.slot === key.slot);
    return at >= 0 && this.#elements[before ? at + 1 : at - 1]?.key.slot === slot;
  }

  /** Whether a set that was made so would be the same. Models the types' `same_set()`. */
  isLike(setType: SetType, options: SetOptions): boolean {
    const own = this.options;
    const alike = (...names: readonly (keyof SetOptions)[]): boolean =>
      names.every((name) => own[name] === options[name]);
    if (setType !== this.type || !alike("timeout", "counters", "comment", "skbinfo")) return false;
    if (setType.storage === "list") return alike("size");
    if (setType.storage === "bitmap") return alike("from", "to", "netmask");
    const maskOf = ({ family, netmask, bitmask }: SetOptions): string => {
      if (bitmask === null && netmask === addressBits(family)) return "";
      return (bitmask ?? maskIPv6(new Int32Array(4).fill(-1), netmask)).join();
    };
    return alike("maxelem") && maskOf(own) === maskOf(options);
  }

  /** Takes all elements out. */
  flush(): void {
    for (const element of this.#elements) this.#remove(element);
  }

  /** Whether an element is there: with networks, whether one holds the key's address. Allocates nothing. */
  test(key: ElementKey): number {
    this.found = null;
    const { dimensions } = this.type;
    const bits = addressBits(this.options.family);
    if (dimensions[0] === "net" && key.cidr === bits) return this.#testNetworks(key, false);
    if (dimensions[2] === "net" && key.cidr2 === bits) return this.#testNetworks(key, true);
    return this.#result(this.#at(key));
  }

  #result(element: Element | undefined): number {
    if (!this.#alive(element)) return TEST_NO;
    this.found = element;
    return element.nomatch ? TEST_NOMATCH : TEST_YES;
  }

  /** From the longest prefix in use to the shortest. The key loses its bits on the way. Models `mtype_test_cidrs()`. */
  #testNetworks(key: ElementKey, second: boolean): number {
    for (let cidr = addressBits(this.options.family); cidr >= 0; cidr--) {
      if (this.#prefixes[cidr] === 0) continue;
      maskIPv6(second ? key.ip2 : key.ip, cidr);
      if (second) key.cidr2 = cidr;
      else key.cidr = cidr;
      const result = this.#result(this.#at(key));
      if (result !== TEST_NO) return result;
    }
    return TEST_NO;
  }
}

/** A name and the set that bears it now: rules hold names, so that `ipset swap` changes what they ask. */
export interface SetSlot {
  name: string;
  set: IpSet;
  /** How many rules and lists hold it. */
  references: number;
}

/** A namespace's sets. Models `ip_set_pernet()`. */
export const ipSetsOf: (net: NetNamespace) => IpSets = perNamespace((net) => new IpSets(net));

/** The sets of one namespace. */
export class IpSets {
  readonly #net: NetNamespace;
  readonly #slots = new Map<string, SetSlot>();

  constructor(net: NetNamespace) {
    this.#net = net;
  }

  /** In the order of their making. */
  slots(): SetSlot[] {
    return [...this.#slots.values()];
  }

  /** The set of a name, if there is one. */
  find(name: string): SetSlot | undefined {
    return this.#slots.get(name);
  }

  /** The set of a name; throws when there is none. */
  require(name: string): SetSlot {
    const slot = this.#slots.get(name);
    if (slot === undefined) throw new SetError("NOSET");
    return slot;
  }

  /** Makes a set. Throws {@link SetError} for a name that is taken. */
  create(name: string, setType: SetType, options: SetOptions): SetSlot {
    if (this.#slots.has(name)) throw new SetError("EXISTS_SET");
    const slot = { name, set: new IpSet(this.#net, setType, options), references: 0 };
    this.#slots.set(name, slot);
    return slot;
  }

  /** Removes one set, or with null all: none when one of them is in use. */
  destroy(name: string | null): void {
    const doomed = name === null ? this.slots() : [this.require(name)];
    const lists = doomed.filter(({ set }) => set.type.storage === "list");
    if (doomed.some((slot) => slot.references > (name === null ? heldBy(lists, slot) : 0))) throw new SetError("BUSY");
    for (const { set } of doomed) set.flush();
    for (const slot of doomed) this.#slots.delete(slot.name);
  }

  /** Throws {@link SetError} for a set that is not there or that a rule uses, and for a name that is taken. */
  rename(from: string, to: string): void {
    const slot = this.require(from);
    if (slot.references > 0) throw new SetError("REFERENCED");
    if (this.#slots.has(to)) throw new SetError("RENAME_EXISTS");
    this.#slots.delete(from);
    slot.name = to;
    this.#slots.set(to, slot);
  }

  /** Exchanges what two names stand for. Models `ip_set_swap()`. */
  swap(first: string, second: string): void {
    const a = this.require(first);
    const b = this.#slots.get(second);
    if (b === undefined) throw new SetError("SECOND");
    if (a.set.type !== b.set.type || a.set.options.family !== b.set.options.family) throw new SetError("TYPE");
    [a.set, b.set] = [b.set, a.set];
  }
}

/** How many of some lists hold a set. */
function heldBy(lists: readonly SetSlot[], slot: SetSlot): number {
  return lists.filter(({ set }) => set.elements().some(({ key }) => key.slot === slot)).length;
}
