/**
 * What a host remembers of each address that it told of errors or of better ways, so as not to tell too often: an
 * allowance that grows with time. One for each address, whatever it is told. Linux forgets addresses when it has many;
 * here they stay. Models `struct inet_peer` and inet_peer_xrlim_allow(), net/ipv4/inetpeer.c.
 */
import type { VirtualClock } from "../clock.js";
import { HZ } from "../clock.js";

/** Messages that may follow at once after a silence. */
const XRLIM_BURST_FACTOR = 6;

/** An address that was told something. */
export interface Peer {
  /** In jiffies. Models `rate_tokens`. */
  tokens: number;
  lastJiffies: number;
  /** Redirects in a row that it did not obey. */
  redirects: number;
}

/** The jiffies that a number of milliseconds takes at least. Models `msecs_to_jiffies()`. */
export function millisToJiffies(millis: number): number {
  return Math.ceil((millis * HZ) / 1000);
}

/** The milliseconds that a number of jiffies takes. Models `jiffies_to_msecs()`. */
export function jiffiesToMillis(jiffies: number): number {
  return (jiffies * 1000) / HZ;
}

/** The peers of one family; `Key` stands for an address. */
export class Peers<Key> {
  readonly #clock: VirtualClock;
  readonly #peers = new Map<Key, Peer>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** An address's peer, which begins with the allowance of a minute. Models `inet_getpeer()`. */
  of(key: Key): Peer {
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      peer = { tokens: 0, lastJiffies: (this.#clock.jiffies - 60 * HZ) | 0, redirects: 0 };
      this.#peers.set(key, peer);
    }
    return peer;
  }

  /** Whether one more message, of which there are to be `interval` jiffies between, may go now. */
  allows(key: Key, interval: number): boolean {
    return this.take(key, interval, XRLIM_BURST_FACTOR);
  }

  /** The same with another number at once. Models the limit in `ip_error()`. */
  take(key: Key, interval: number, burst: number): boolean {
    const now = this.#clock.jiffies;
    const peer = this.of(key);
    peer.tokens = Math.min(interval * burst, peer.tokens + ((now - peer.lastJiffies) >>> 0));
    peer.lastJiffies = now;
    if (peer.tokens < interval) return false;
    peer.tokens -= interval;
    return true;
  }
}
