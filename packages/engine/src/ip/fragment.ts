/**
 * Fragments put together again. A piece that cannot belong ends the whole packet, as Linux has it; an incomplete one is
 * given up after `ipfrag_time`, with an ICMP error when its first piece came and it was for this host, and without a
 * word when more other fragments of its sender than `ipfrag_max_dist` came in between. Models net/ipv4/ip_fragment.c
 * and inet_fragment.c.
 */
import type { Timer } from "../clock.js";
import type { NetNamespace } from "../netns.js";
import { SkBuff } from "../skb.js";
import { get16, get32, put16 } from "../wire/bytes.js";
import { ICMP_EXC_FRAGTIME, ICMP_TIME_EXCEEDED } from "../wire/icmp.js";
import {
  IP_DF,
  IP_MF,
  IP_OFFSET,
  IPV4_DST,
  IPV4_FRAGMENT,
  IPV4_ID,
  IPV4_PROTOCOL,
  IPV4_SRC,
  IPV4_TOS,
  IPV4_TOTAL_LENGTH,
  ipv4HeaderLength,
  ipv4SetChecksum,
} from "../wire/ipv4.js";
import { type Charged, FragmentLimits } from "./fragment-limits.js";

/** `IP_FRAG_TIME`. */
const SECONDS = 30;
/** `sizeof(struct ipq)`. */
const QUEUE_BYTES = 200;
/** The ECN codepoint that says: congestion met. */
const ECN_CE = 3;

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly skb: SkBuff;
}

/** What of a packet's payload is there. Models the tree of `struct inet_frag_queue`. */
export interface FragmentRuns {
  /** Stretches of payload whose pieces came in order. */
  readonly runs: { readonly start: number; end: number }[];
  /** The furthest end of a piece that is kept; -1 before the first. */
  tail: number;
}

/** What both families know of the fragments of one packet. Models `struct inet_frag_queue`. */
export interface FragmentQueue extends FragmentRuns, Charged {
  /** A bit for each ECN codepoint that pieces had. */
  ecn: number;
  /** The furthest end that any piece named, even one that was not kept. */
  length: number;
  /** Whether a piece said that it is the last. */
  lastIn: boolean;
  timer: Timer;
}

interface Queue extends FragmentQueue {
  readonly pieces: Piece[];
  /**
   * The largest fragment in bytes, its header included, and the largest of those with DF; both outlive a new beginning.
   */
  maxSize: number;
  maxDfSize: number;
  /** How many fragments its sender had sent when the latest of these came. */
  senderCount: number;
  /** Whether they are counted, as they are where `ipfrag_max_dist` was not 0 when the first came. */
  readonly counted: boolean;
}

export class FragmentQueues {
  readonly #net: NetNamespace;
  readonly #queues = new Map<string, Queue>();
  /** Fragments seen, by their source. Models the `rid` of struct inet_peer. */
  readonly #senders = new Map<number, number>();
  readonly #limits = new FragmentLimits(SECONDS, QUEUE_BYTES);
  /** `net.ipv4.ipfrag_max_dist`. */
  #maxDistance = 64;

  constructor(net: NetNamespace) {
    this.#net = net;
    this.#limits.register(net.sysctl, "net.ipv4.ipfrag_", "time");
    net.sysctl.registerInt(
      "net.ipv4.ipfrag_max_dist",
      () => this.#maxDistance,
      (value) => {
        this.#maxDistance = value;
      },
      0,
    );
  }

  /** See `IpStack.defrag`. */
  defrag(skb: SkBuff, user: "local" | "conntrack-in" | "conntrack-out"): SkBuff | null {
    const data = skb.data;
    const word = get16(data, IPV4_FRAGMENT);
    if ((word & (IP_MF | IP_OFFSET)) === 0) return skb;
    const mib = this.#net.ip.snmp.ip;
    mib.ReasmReqds++;
    if (this.#limits.full) {
      mib.ReasmFails++;
      this.#net.free(skb);
      return null;
    }
    const src = get32(data, IPV4_SRC);
    const key = `${user} ${src} ${get32(data, IPV4_DST)} ${get16(data, IPV4_ID)} ${data[IPV4_PROTOCOL]}`;
    const queue = this.#queue(key, user);
    this.#forgetIfFar(key, queue, src, user);
    const headerLength = ipv4HeaderLength(data, 0);
    const start = (word & IP_OFFSET) * 8;
    let end = start + skb.len - headerLength;
    if ((word & IP_MF) === 0) {
      if (end < queue.length || (queue.lastIn && end !== queue.length)) return this.#refuse(key, queue, skb);
      queue.lastIn = true;
      queue.length = end;
    } else {
      // Pieces before the last carry a multiple of eight bytes.
      end = start + ((skb.len - headerLength) & ~7);
      if (end > queue.length) {
        if (queue.lastIn) return this.#refuse(key, queue, skb);
        queue.length = end;
      }
    }
    if (end === start) return this.#refuse(key, queue, skb);
    const place = findPlace(queue, start, end);
    if (place === "duplicate") {
      this.#net.free(skb);
      return null;
    }
    if (place === "overlap") return this.#refuse(key, queue, skb);
    queue.pieces.push({ start, end, skb });
    this.#limits.keep(queue, skb);
    queue.ecn |= 1 << (skb.data[IPV4_TOS] & 3);
    const size = headerLength + end - start;
    queue.maxSize = Math.max(queue.maxSize, size);
    if ((word & IP_DF) !== 0) queue.maxDfSize = Math.max(queue.maxDfSize, size);
    if (!queue.lastIn) return null;
    queue.pieces.sort((a, b) => a.start - b.start);
    let reached = 0;
    for (const piece of queue.pieces) {
      if (piece.start !== reached) return null;
      reached = piece.end;
    }
    if (reached !== queue.length) return null;
    return this.#join(key, queue, skb);
  }

  #queue(key: string, user: string): Queue {
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      const made: Queue = {
        pieces: [],
        runs: [],
        tail: -1,
        ecn: 0,
        length: 0,
        lastIn: false,
        maxSize: 0,
        maxDfSize: 0,
        senderCount: 0,
        counted: this.#maxDistance !== 0,
        memory: 0,
        timer: this.#net.clock.scheduleOnWheel(this.#limits.waitMicros, () => this.#expire(key, made, user)),
      };
      queue = made;
      this.#queues.set(key, queue);
      this.#limits.begin(queue);
    }
    return queue;
  }

  /**
   * A queue between whose pieces its sender sent too many others begins anew: what is kept is more likely of an older
   * datagram with the same identification. Models ip_frag_too_far() and ip_frag_reinit().
   */
  #forgetIfFar(key: string, queue: Queue, src: number, user: string): void {
    if (!queue.counted || this.#maxDistance === 0) return;
    const count = (this.#senders.get(src) ?? 0) + 1;
    this.#senders.set(src, count);
    const far = queue.pieces.length > 0 && count - queue.senderCount > this.#maxDistance;
    queue.senderCount = count;
    if (!far) return;
    this.#net.ip.snmp.ip.ReasmFails++;
    for (const piece of queue.pieces) this.#net.free(piece.skb);
    this.#limits.restart(queue);
    queue.pieces.length = 0;
    queue.runs.length = 0;
    queue.tail = -1;
    queue.ecn = 0;
    queue.length = 0;
    queue.lastIn = false;
    this.#net.clock.cancel(queue.timer);
    queue.timer = this.#net.clock.schedule(this.#limits.waitMicros, () => this.#expire(key, queue, user));
  }

  /** A piece that cannot be: it goes, and with it all that was kept. */
  #refuse(key: string, queue: Queue, skb: SkBuff): null {
    this.#net.ip.snmp.ip.ReasmFails++;
    this.#net.free(skb);
    this.#end(key, queue);
    return null;
  }

  #end(key: string, queue: Queue): void {
    this.#limits.end(queue);
    this.#net.clock.cancel(queue.timer);
    this.#queues.delete(key);
    for (const piece of queue.pieces) this.#net.free(piece.skb);
  }

  #join(key: string, queue: Queue, last: SkBuff): SkBuff | null {
    const first = queue.pieces[0].skb;
    const headerLength = ipv4HeaderLength(first.data, 0);
    const length = headerLength + queue.length;
    const mib = this.#net.ip.snmp.ip;
    // Pieces marked as able to tell of congestion and pieces that are not cannot be of one datagram.
    if (length > 0xffff || ((queue.ecn & 1) !== 0 && queue.ecn !== 1)) {
      mib.ReasmFails++;
      this.#end(key, queue);
      return null;
    }
    const whole = new SkBuff(new Uint8Array(length));
    whole.data.set(first.data.subarray(0, headerLength), 0);
    for (const piece of queue.pieces) {
      const at = ipv4HeaderLength(piece.skb.data, 0);
      whole.data.set(piece.skb.data.subarray(at, at + piece.end - piece.start), headerLength + piece.start);
    }
    put16(whole.data, IPV4_TOTAL_LENGTH, length);
    // One piece met congestion: so did the datagram (RFC 3168, section 5.3).
    if ((queue.ecn & (1 << ECN_CE)) !== 0) whole.data[IPV4_TOS] |= ECN_CE;
    // DF was meant for the whole when the largest piece has it.
    whole.largestHadDf = queue.maxDfSize === queue.maxSize;
    put16(whole.data, IPV4_FRAGMENT, whole.largestHadDf ? IP_DF : 0);
    whole.fragments = queue.pieces.map(({ start, end }) => end - start);
    whole.largestFragment = queue.maxSize;
    ipv4SetChecksum(whole.data, 0);
    whole.iif = last.iif;
    whole.dev = last.dev;
    whole.dst = last.dst;
    whole.mark = first.mark;
    whole.options = first.options;
    whole.packetType = last.packetType;
    whole.transportOffset = headerLength;
    whole.tstampMicros = last.tstampMicros;
    whole.serial = last.serial;
    mib.ReasmOKs++;
    this.#end(key, queue);
    return whole;
  }

  #expire(key: string, queue: Queue, user: string): void {
    const mib = this.#net.ip.snmp.ip;
    mib.ReasmTimeout++;
    mib.ReasmFails++;
    const first = queue.pieces.find((piece) => piece.start === 0)?.skb;
    if (first !== undefined && user === "local") this.#net.ip.icmpSend(first, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
    this.#end(key, queue);
  }
}

/**
 * Where a piece goes: it is added to the runs, or lies within one, or overlaps. A run is what came in order, one piece
 * after the other; a piece within a run counts as repeated even where it was cut otherwise. Models
 * `inet_frag_queue_insert()`.
 */
export function findPlace(queue: FragmentRuns, start: number, end: number): "new" | "duplicate" | "overlap" {
  const { runs, tail } = queue;
  if (end > tail) {
    if (start < tail) return "overlap";
    const last = runs.find((run) => run.end === tail);
    if (start === tail && last !== undefined) last.end = end;
    else runs.push({ start, end });
    queue.tail = end;
    return "new";
  }
  const met = runs.find((run) => start < run.end && run.start < end);
  if (met !== undefined) return start >= met.start && end <= met.end ? "duplicate" : "overlap";
  runs.push({ start, end });
  return "new";
}
