/**
 * Who is on the link: a family's neighbour table with its states in virtual time. Links of this engine carry no ARP
 * packets and no neighbour discovery: a device asks its link directly, so an address that somebody owns is known at
 * once; one that nobody owns is waited for three seconds, as three unanswered requests take, and then the packets that
 * wait for it fail with "host unreachable". States age as in Linux, but are worked out when somebody looks; the
 * reachable time is the base of 30 s (Linux draws 15 to 45 s). Models net/core/neighbour.c with net/ipv4/arp.c and
 * net/ipv6/ndisc.c.
 */
import type { Timer } from "../clock.js";
import { NET_XMIT_SUCCESS, type NetDevice } from "../dev/device.js";
import { EINVAL, ENOENT, SystemError } from "../errno.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import type { InetAddress } from "../wire/address.js";
import type { Neighbour, NeighbourState } from "./rtnetlink.js";

const SECOND = 1_000_000;
/** `base_reachable_time`. */
const REACHABLE_TIME = 30 * SECOND;
/** `delay_first_probe_time`. */
const DELAY_PROBE_TIME = 5 * SECOND;
/** `mcast_solicit` and `ucast_solicit` requests, `retrans_time` apart. */
const SOLICITS = 3;
const RETRANS_TIME = 1 * SECOND;
/** `router_probe_interval`: how long a silent router is left alone. */
const ROUTER_PROBE_INTERVAL = 60 * SECOND;
/** Packets that wait for one address; Linux bounds their memory (`unres_qlen_bytes`), about as many of full size. */
const QUEUE_LENGTH = 101;

export class NeighbourEntry<A extends InetAddress = number> implements Neighbour<A> {
  readonly dev: NetDevice;
  readonly address: A;
  mac: Uint8Array | null = null;
  state: NeighbourState = "NONE";
  router = false;
  usedMicros = 0;
  confirmedMicros = 0;
  updatedMicros = 0;
  probes = 0;
  readonly waiting: SkBuff[] = [];
  timer: Timer | null = null;

  constructor(dev: NetDevice, address: A) {
    this.dev = dev;
    this.address = address;
  }
}

/** What a table needs of its family. Models the functions of `arp_tbl` and `nd_tbl`. */
export interface NeighbourFamily<A extends InetAddress> {
  /** What stands for an address in a map. */
  key(address: A): number | string;
  /** The sender of a request that a packet's source causes; without one (null) the device's own choice. */
  sender(dev: NetDevice, address: A, source: A | null): A;
  /** Whether who answers says that it forwards packets. */
  isRouter(dev: NetDevice): boolean;
  /** A packet whose next hop was not found; the family gives it up. */
  linkFailure(skb: SkBuff): void;
  /** Entries went: kept decisions may hold one. */
  invalidate(): void;
}

export class NeighbourTable<A extends InetAddress = number> {
  readonly #net: NetNamespace;
  readonly #family: NeighbourFamily<A>;
  readonly #byDevice = new Map<NetDevice, Map<number | string, NeighbourEntry<A>>>();

  constructor(net: NetNamespace, family: NeighbourFamily<A>) {
    this.#net = net;
    this.#family = family;
  }

  /** The entry of a next hop, made when it is not there. */
  entry(dev: NetDevice, address: A): NeighbourEntry<A> {
    let map = this.#byDevice.get(dev);
    if (map === undefined) {
      map = new Map();
      this.#byDevice.set(dev, map);
    }
    const key = this.#family.key(address);
    let entry = map.get(key);
    if (entry === undefined) {
      entry = new NeighbourEntry(dev, address);
      map.set(key, entry);
    }
    return entry;
  }

  /**
   * Sends a packet to a next hop: gives what the device says, or null where it waits until the next hop is found.
   * Models `neigh_output()`.
   */
  output(entry: NeighbourEntry<A>, skb: SkBuff, source: A): number | null {
    const now = this.#net.clock.nowMicros;
    if (entry.state === "REACHABLE" && now <= entry.confirmedMicros + REACHABLE_TIME) {
      entry.usedMicros = now;
      return this.#transmit(entry, skb);
    }
    this.#age(entry);
    entry.usedMicros = now;
    if (entry.state === "STALE") this.#become(entry, "DELAY");
    if (entry.mac !== null && entry.state !== "INCOMPLETE" && entry.state !== "FAILED")
      return this.#transmit(entry, skb);
    if (entry.state !== "INCOMPLETE" && this.#begin(entry, source)) {
      // On Linux it waited for the answer: what the device says then nobody hears.
      this.#transmit(entry, skb);
      return NET_XMIT_SUCCESS;
    }
    if (entry.waiting.length === QUEUE_LENGTH) this.#net.free(entry.waiting.shift() as SkBuff);
    entry.waiting.push(skb);
    return null;
  }

  /** Whether an address is known; if not, the link is asked for it. Models `neigh_event_send()`. */
  ask(dev: NetDevice, address: A, source: A): boolean {
    if (this.known(dev, address) !== null) return true;
    const entry = this.entry(dev, address);
    if (entry.state !== "INCOMPLETE") this.#begin(entry, source);
    return false;
  }

  /** The link-layer address of a next hop, if it is known. */
  known(dev: NetDevice, address: A): Uint8Array | null {
    const entry = this.entry(dev, address);
    this.#age(entry);
    return entry.state === "INCOMPLETE" || entry.state === "FAILED" ? null : entry.mac;
  }

  /**
   * Whether a next hop was found not to answer. It is asked again a minute after that, and while it is asked it counts
   * as one that may. Models `rt6_check_neigh()` and `rt6_probe()`.
   */
  failed(dev: NetDevice, address: A): boolean {
    const entry = this.#byDevice.get(dev)?.get(this.#family.key(address));
    if (entry === undefined) return false;
    this.#age(entry);
    if (entry.state !== "FAILED") return false;
    if (this.#net.clock.nowMicros > entry.updatedMicros + ROUTER_PROBE_INTERVAL) {
      const source = this.#family.sender(dev, address, null);
      if (!this.#solicit(entry, source)) {
        this.#become(entry, "INCOMPLETE");
        entry.probes = SOLICITS;
        this.#await(entry, source);
      }
    }
    return true;
  }

  /** Begins to look for an address; true when it was found at once. */
  #begin(entry: NeighbourEntry<A>, source: A): boolean {
    entry.probes = 0;
    if (this.#solicit(entry, source)) return true;
    this.#become(entry, "INCOMPLETE");
    this.#await(entry, source);
    return false;
  }

  #transmit(entry: NeighbourEntry<A>, skb: SkBuff): number {
    skb.linkSource = entry.dev.mac;
    skb.linkDestination = entry.mac;
    return entry.dev.transmit(skb);
  }

  /** Somebody on the link asked for one of our addresses, and so made itself known. Models `arp_process()`. */
  learn(dev: NetDevice, address: A, mac: Uint8Array): void {
    const entry = this.entry(dev, address);
    if (entry.state === "PERMANENT") return;
    if (entry.state === "INCOMPLETE") {
      entry.mac = mac;
      this.#confirm(entry);
      return;
    }
    if (entry.mac !== null && entry.state !== "FAILED" && entry.mac.every((byte, i) => byte === mac[i])) return;
    entry.mac = mac;
    this.#become(entry, "STALE");
  }

  list(dev?: NetDevice): NeighbourEntry<A>[] {
    const all: NeighbourEntry<A>[] = [];
    for (const [owner, map] of this.#byDevice) {
      if (dev !== undefined && owner !== dev) continue;
      for (const entry of map.values()) {
        this.#age(entry);
        if (entry.state !== "NONE") all.push(entry);
      }
    }
    return all;
  }

  /** Sets an entry by hand. Throws EINVAL for an address of another length than the link's. */
  set(dev: NetDevice, address: A, mac: Uint8Array, state: NeighbourState): void {
    if (mac.length !== 6) throw new SystemError(EINVAL);
    const entry = this.entry(dev, address);
    entry.mac = mac.slice();
    entry.confirmedMicros = this.#net.clock.nowMicros;
    this.#become(entry, state);
    this.#flushWaiting(entry);
  }

  delete(dev: NetDevice, address: A): void {
    const map = this.#byDevice.get(dev);
    const key = this.#family.key(address);
    const entry = map?.get(key);
    if (map === undefined || entry === undefined || entry.state === "NONE") throw new SystemError(ENOENT);
    map.delete(key);
    this.#drop(entry);
  }

  /** Forgets the entries of a device (or of all) but permanent ones; of a device that goes down, all. */
  flush(dev: NetDevice | undefined, permanentToo: boolean): void {
    for (const [owner, map] of this.#byDevice) {
      if (dev !== undefined && owner !== dev) continue;
      for (const [key, entry] of map) {
        if (!permanentToo && entry.state === "PERMANENT") continue;
        map.delete(key);
        this.#drop(entry);
      }
    }
    this.#family.invalidate();
  }

  #drop(entry: NeighbourEntry<A>): void {
    if (entry.timer !== null) this.#net.clock.cancel(entry.timer);
    entry.timer = null;
    entry.mac = null;
    entry.state = "NONE";
    for (const skb of entry.waiting.splice(0)) this.#net.free(skb);
    this.#family.invalidate();
  }

  #become(entry: NeighbourEntry<A>, state: NeighbourState): void {
    if (entry.state === state) return;
    entry.state = state;
    entry.updatedMicros = this.#net.clock.nowMicros;
  }

  #confirm(entry: NeighbourEntry<A>): void {
    entry.confirmedMicros = this.#net.clock.nowMicros;
    this.#become(entry, "REACHABLE");
    this.#flushWaiting(entry);
  }

  #flushWaiting(entry: NeighbourEntry<A>): void {
    if (entry.timer !== null) this.#net.clock.cancel(entry.timer);
    entry.timer = null;
    for (const skb of entry.waiting.splice(0)) this.#transmit(entry, skb);
  }

  /** Asks the link. Models one ARP request and its answer. */
  #solicit(entry: NeighbourEntry<A>, source: A): boolean {
    const sender = this.#family.sender(entry.dev, entry.address, source);
    const mac = entry.dev.resolve(entry.address, sender);
    if (mac === null) return false;
    entry.mac = mac;
    entry.router = this.#family.isRouter(entry.dev);
    this.#confirm(entry);
    return true;
  }

  /** Asks again every second; after the last answerless second the entry has failed. */
  #await(entry: NeighbourEntry<A>, source: A): void {
    entry.probes++;
    entry.timer = this.#net.clock.scheduleOnWheel(RETRANS_TIME, () => {
      entry.timer = null;
      if (entry.probes < SOLICITS) {
        if (!this.#solicit(entry, source)) this.#await(entry, source);
        return;
      }
      this.#become(entry, "FAILED");
      for (const skb of entry.waiting.splice(0)) this.#family.linkFailure(skb);
    });
  }

  /** Brings the state up to the present. Models `neigh_timer_handler()`. */
  #age(entry: NeighbourEntry<A>): void {
    const now = this.#net.clock.nowMicros;
    if (entry.state === "REACHABLE" && now > entry.confirmedMicros + REACHABLE_TIME) {
      entry.state = "STALE";
      entry.updatedMicros = entry.confirmedMicros + REACHABLE_TIME;
    }
    if (entry.state === "DELAY" && now >= entry.updatedMicros + DELAY_PROBE_TIME) {
      const probedMicros = entry.updatedMicros + DELAY_PROBE_TIME;
      const mac = entry.dev.resolve(entry.address, this.#family.sender(entry.dev, entry.address, null));
      entry.updatedMicros = probedMicros;
      if (mac !== null) {
        entry.mac = mac;
        entry.confirmedMicros = probedMicros;
        entry.state = "REACHABLE";
        this.#age(entry);
        return;
      }
      entry.state = "PROBE";
    }
    if (entry.state === "PROBE" && now >= entry.updatedMicros + SOLICITS * RETRANS_TIME) {
      entry.updatedMicros += SOLICITS * RETRANS_TIME;
      entry.state = "FAILED";
      entry.mac = null;
    }
  }
}
