/**
 * IP sets: named sets of addresses, networks, ports, devices and other sets, which rules ask by name (`-m set`) and may
 * change (`-j SET`). IPv4 alone; the types that Debian's ipset 7.17 documents and Linux 6.18 of the referee has, in one
 * description each. Elements keep the order in which they were added, where the kernel's hashes have one of their own.
 * Models net/netfilter/ipset: ip_set_core.c, ip_set_hash_gen.h, ip_set_bitmap_gen.h, ip_set_list_set.c.
 */
import { HZ } from "../clock.js";
import type { NetNamespace } from "../netns.js";
import { prefixMask } from "../wire/address.js";

/** What one dimension of an element is. */
export type Dimension = "ip" | "net" | "port" | "iface" | "mac" | "set";

/** A kind of set. Models `struct ip_set_type`. */
export interface SetType {
  readonly name: string;
  /** The newest revision that Linux 6.18 and ipset 7.17 agree on. */
  readonly revision: number;
  readonly dimensions: readonly Dimension[];
  readonly storage: "hash" | "bitmap" | "list";
  /** Bytes of an empty set and of an element, as the kernel counts them on a 64-bit machine. */
  readonly memory: readonly [number, number];
}

const type = (
  name: string,
  revision: number,
  storage: SetType["storage"],
  dimensions: readonly Dimension[],
  memory: readonly [number, number],
): SetType => ({ name, revision, storage, dimensions, memory });

/** All types there are. */
export const SET_TYPES: readonly SetType[] = [
  type("hash:ip", 6, "hash", ["ip"], [216, 40]),
  type("hash:net", 7, "hash", ["net"], [472, 64]),
  type("hash:ip,port", 7, "hash", ["ip", "port"], [216, 48]),
  type("hash:net,port", 8, "hash", ["net", "port"], [440, 64]),
  type("hash:net,iface", 8, "hash", ["net", "iface"], [472, 96]),
  type("hash:ip,port,ip", 6, "hash", ["ip", "port", "ip"], [216, 48]),
  type("hash:ip,port,net", 8, "hash", ["ip", "port", "net"], [456, 64]),
  type("bitmap:ip", 3, "bitmap", ["ip"], [88, 0]),
  type("bitmap:port", 3, "bitmap", ["port"], [72, 0]),
  type("bitmap:ip,mac", 3, "bitmap", ["ip", "mac"], [112, 8]),
  type("list:set", 3, "list", ["set"], [80, 48]),
];

/** One element's dimensions; what its type does not have stays as it is here. */
export interface ElementKey {
  ip: number;
  cidr: number;
  proto: number;
  port: number;
  ip2: number;
  cidr2: number;
  iface: string;
  mac: string;
  /** A list's member. */
  slot: SetSlot | null;
}

/** A key of nothing. */
export function emptyKey(): ElementKey {
  return { ip: 0, cidr: 32, proto: 0, port: 0, ip2: 0, cidr2: 32, iface: "", mac: "", slot: null };
}

/** An element. */
export interface Element {
  readonly key: ElementKey;
  /** Jiffies at which it goes; 0: never. */
  expires: number;
  packets: number;
  bytes: number;
  comment: string;
  nomatch: boolean;
}

/** How a set was created. */
export interface SetOptions {
  /** Seconds; null without timeouts, 0: elements stay unless they say otherwise. */
  readonly timeout: number | null;
  readonly counters: boolean;
  readonly comment: boolean;
  readonly forceadd: boolean;
  readonly hashsize: number;
  readonly maxelem: number;
  readonly netmask: number;
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
  | "CIDR"
  | "LISTSIZE"
  | "NAME"
  | "NAMEREF"
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
}

/** Elements by the numbers of their key: no lookup makes a string. */
type Level<T> = Map<number, T>;
type Tree = Level<Level<Level<Map<string, Element>>>>;

/** The greatest timeout, in seconds, so that jiffies fit. Models IPSET_MAX_TIMEOUT. */
export const MAX_TIMEOUT = 2_147_483;

/** Outcome of a lookup: no, yes, or an element that says no (`nomatch`). */
export const TEST_NO = 0;
export const TEST_YES = 1;
export const TEST_NOMATCH = 2;

const NET = 2 ** 32;

/** A set. Its name is its slot's. */
export class IpSet {
  readonly type: SetType;
  readonly options: SetOptions;
  /** The hash's secret, which the kernel draws and lists. */
  readonly initval: number;
  readonly #net: NetNamespace;
  readonly #tree: Tree = new Map();
  #elements: Element[] = [];
  /** How many elements have each prefix length, of the dimension that is a network. */
  readonly #prefixes: number[] = new Array<number>(33).fill(0);
  /** What {@link test} found last, for counters. */
  found: Element | null = null;

  constructor(net: NetNamespace, setType: SetType, options: SetOptions) {
    this.#net = net;
    this.type = setType;
    this.options = options;
    this.initval = net.random.u32();
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
    const [empty, each] = this.type.memory;
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

  #at({ ip, cidr, proto, port, ip2, cidr2, iface, slot }: ElementKey): Element | undefined {
    const level = this.#tree.get(ip + cidr * NET)?.get(port + proto * 0x10000);
    return level?.get(ip2 + cidr2 * NET)?.get(slot === null ? iface : slot.name);
  }

  /** The network dimension's prefix length in a key. */
  #networkCidr(key: ElementKey): number {
    return this.type.name === "hash:ip,port,net" ? key.cidr2 : key.cidr;
  }

  #remove(element: Element): void {
    const { key } = element;
    const level = this.#tree.get(key.ip + key.cidr * NET)?.get(key.port + key.proto * 0x10000);
    level?.get(key.ip2 + key.cidr2 * NET)?.delete(key.slot === null ? key.iface : key.slot.name);
    this.#elements = this.#elements.filter((each) => each !== element);
    this.#prefixes[this.#networkCidr(key)]--;
    if (key.slot !== null) key.slot.references--;
  }

  #insert(element: Element, at: number): void {
    const { key } = element;
    let first = this.#tree.get(key.ip + key.cidr * NET);
    if (first === undefined) this.#tree.set(key.ip + key.cidr * NET, (first = new Map()));
    let second = first.get(key.port + key.proto * 0x10000);
    if (second === undefined) first.set(key.port + key.proto * 0x10000, (second = new Map()));
    let third = second.get(key.ip2 + key.cidr2 * NET);
    if (third === undefined) second.set(key.ip2 + key.cidr2 * NET, (third = new Map()));
    third.set(key.slot === null ? key.iface : key.slot.name, element);
    this.#elements.splice(at, 0, element);
    this.#prefixes[this.#networkCidr(key)]++;
    if (key.slot !== null) key.slot.references++;
  }

  /** A key as the set stores it: masked. Throws what the kernel refuses. */
  normalise(key: ElementKey): ElementKey {
    const { dimensions, storage } = this.type;
    const { options } = this;
    const stored = { ...key };
    if (dimensions.includes("net") && this.#networkCidr(key) === 0 && this.type.name !== "hash:net,iface")
      throw new SetError("CIDR");
    if (dimensions[0] === "ip" && options.netmask < 32) stored.ip = (key.ip & prefixMask(options.netmask)) >>> 0;
    if (dimensions[0] === "net") stored.ip = (key.ip & prefixMask(key.cidr)) >>> 0;
    if (dimensions[2] === "net") stored.ip2 = (key.ip2 & prefixMask(key.cidr2)) >>> 0;
    if (storage === "bitmap") {
      const value = dimensions[0] === "port" ? key.port : key.ip;
      if (value < options.from || value > options.to) throw new SetError("RANGE");
      stored.proto = 0;
    }
    return stored;
  }

  /** Adds an element; `exist`: one that is there is given what is said anew. Models `mtype_add()`. */
  add(
    key: ElementKey,
    said: ElementOptions,
    exist: boolean,
    position: { before: boolean; slot: SetSlot } | null = null,
  ): void {
    const { options } = this;
    if (said.timeout !== undefined && options.timeout === null) throw new SetError("TIMEOUT");
    if ((said.packets !== undefined || said.bytes !== undefined) && !options.counters) throw new SetError("COUNTER");
    if (said.comment !== undefined && !options.comment) throw new SetError("COMMENT");
    const stored = this.normalise(key);
    const seconds = said.timeout ?? options.timeout ?? 0;
    const expires = seconds === 0 ? 0 : this.#net.clock.jiffies + Math.min(seconds, MAX_TIMEOUT) * HZ;
    const there = this.#at(stored);
    if (this.#alive(there)) {
      if (!exist) throw new SetError("EXIST");
      there.expires = expires;
      there.packets = said.packets ?? 0;
      there.bytes = said.bytes ?? 0;
      there.comment = said.comment ?? "";
      there.nomatch = said.nomatch ?? false;
      return;
    }
    this.#expire();
    const limit =
      this.type.storage === "list" ? options.size : this.type.storage === "hash" ? options.maxelem : Infinity;
    if (this.#elements.length >= limit) {
      if (!options.forceadd) throw new SetError(this.type.storage === "list" ? "LISTSIZE" : "FULL");
      this.#remove(this.#elements[this.#net.random.u32() % this.#elements.length]);
    }
    let at = this.#elements.length;
    if (position !== null) {
      const beside = this.#elements.findIndex((each) => each.key.slot === position.slot);
      if (beside < 0) throw new SetError("NAMEREF");
      at = position.before ? beside : beside + 1;
    }
    const element: Element = {
      key: stored,
      expires,
      packets: said.packets ?? 0,
      bytes: said.bytes ?? 0,
      comment: said.comment ?? "",
      nomatch: said.nomatch ?? false,
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

  flush(): void {
    for (const element of this.#elements) this.#remove(element);
  }

  /** Whether an element is there: with networks, whether one holds the key's address. Allocates nothing. */
  test(key: ElementKey): number {
    this.found = null;
    const { dimensions } = this.type;
    const last = dimensions.length - 1;
    if (dimensions[0] === "net" && key.cidr === 32) return this.#testNetworks(key, false);
    if (last === 2 && dimensions[2] === "net" && key.cidr2 === 32) return this.#testNetworks(key, true);
    return this.#result(this.#at(key));
  }

  #result(element: Element | undefined): number {
    if (!this.#alive(element)) return TEST_NO;
    this.found = element;
    return element.nomatch ? TEST_NOMATCH : TEST_YES;
  }

  /** From the longest prefix in use to the shortest. Models `mtype_test_cidrs()`. */
  #testNetworks(key: ElementKey, second: boolean): number {
    const { ip, ip2 } = key;
    for (let cidr = 32; cidr >= 0; cidr--) {
      if (this.#prefixes[cidr] === 0) continue;
      if (second) {
        key.ip2 = (ip2 & prefixMask(cidr)) >>> 0;
        key.cidr2 = cidr;
      } else {
        key.ip = (ip & prefixMask(cidr)) >>> 0;
        key.cidr = cidr;
      }
      const result = this.#result(this.#at(key));
      key.ip = ip;
      key.ip2 = ip2;
      if (second) key.cidr2 = 32;
      else key.cidr = 32;
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

/** A namespace's sets. */
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

  find(name: string): SetSlot | undefined {
    return this.#slots.get(name);
  }

  /** The set of a name; throws when there is none. */
  require(name: string): SetSlot {
    const slot = this.#slots.get(name);
    if (slot === undefined) throw new SetError("NOSET");
    return slot;
  }

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
    if (a.set.type !== b.set.type) throw new SetError("TYPE");
    [a.set, b.set] = [b.set, a.set];
  }
}

/** How many of some lists hold a set. */
function heldBy(lists: readonly SetSlot[], slot: SetSlot): number {
  return lists.filter(({ set }) => set.elements().some(({ key }) => key.slot === slot)).length;
}
