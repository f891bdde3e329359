/**
 * Fragments of IPv6 put together again: by conntrack before it looks at them, and else where they arrive. A piece that
 * overlaps another ends the whole packet (RFC 5722); an incomplete one is given up after 60 s, with an ICMPv6 error
 * when its first piece came. Models net/ipv6/netfilter/nf_conntrack_reasm.c, net/ipv6/reassembly.c and inet_fragment.c;
 * memory limits are not modelled.
 */
import type { NetDevice } from "../dev/device.js";
import { type FragmentQueue, findPlace } from "../ip/fragment.js";
import { FragmentLimits } from "../ip/fragment-limits.js";
import type { SkBuff } from "../skb.js";
import type { SysctlTable } from "../sysctl.js";
import { get16, get32, put16 } from "../wire/bytes.js";
import {
  ICMPV6_EXC_FRAGTIME,
  ICMPV6_HDR_FIELD,
  ICMPV6_HDR_INCOMP,
  ICMPV6_PARAMPROB,
  ICMPV6_TIME_EXCEED,
} from "../wire/icmpv6.js";
import { IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "../wire/ipv4.js";
import {
  FRAGMENT_HEADER_LENGTH,
  findHeader,
  found,
  IP6_MF,
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_MAX_PAYLOAD,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SRC,
  ipv6TrafficClass,
  NEXTHDR_FRAGMENT,
  skipExtensionHeaders,
} from "../wire/ipv6.js";
import { isLinkLocal, isMulticast6, readInto } from "./address.js";
import type { Ip6Stack } from "./stack.js";

/** The ECN codepoint that says: congestion met. */
const ECN_CE = 3;

/** What of a transport header a first fragment must hold, in bytes; of others one byte. */
const HEADER_LENGTHS: ReadonlyMap<number, number> = new Map([
  [IPPROTO_TCP, 20],
  [IPPROTO_UDP, 8],
  [IPPROTO_ICMPV6, 8],
]);

/** Who puts fragments together; each has queues of its own. */
export type DefragUser = "local" | "conntrack-in" | "conntrack-out";

interface Piece {
  readonly start: number;
  readonly end: number;
  /** Where its payload begins. */
  readonly at: number;
  readonly skb: SkBuff;
}

interface Queue extends FragmentQueue {
  readonly pieces: Piece[];
  /** The largest payload length of a piece's header. */
  maxSize: number;
  /** The device that the latest piece came by. */
  iif: NetDevice | null;
  /** Whose timeout and limit are its own. */
  readonly user: User;
}

type User = "local" | "conntrack";

/** What became of a fragment: kept, given up, or left for others to judge. */
export type Fate = "kept" | "dropped" | "as it is" | "whole";

const words = new Int32Array(4);

/** `sizeof(struct frag_queue)`. */
const QUEUE_BYTES = 184;
/** `IPV6_FRAG_TIMEOUT`. */
const SECONDS = 60;

export class Fragments6 {
  readonly #ip: Ip6Stack;
  readonly #queues = new Map<string, Queue>();
  readonly #limits: Readonly<Record<User, FragmentLimits>> = {
    conntrack: new FragmentLimits(SECONDS, QUEUE_BYTES),
    local: new FragmentLimits(SECONDS, QUEUE_BYTES),
  };

  constructor(ip: Ip6Stack) {
    this.#ip = ip;
  }

  registerSysctls(sysctl: SysctlTable): void {
    this.#limits.conntrack.register(sysctl, "net.netfilter.nf_conntrack_frag6_", "timeout");
    this.#limits.local.register(sysctl, "net.ipv6.ip6frag_", "time");
  }

  /**
   * Takes a fragment. When it was the missing piece ("whole"), the packet holds everything, without its fragment
   * header, and is that of its first piece. Models `nf_ct_frag6_gather()` and `ipv6_frag_rcv()`.
   */
  defrag(skb: SkBuff, user: DefragUser): Fate {
    const { data } = skb;
    const header = findHeader(data, 0, skb.len, NEXTHDR_FRAGMENT);
    if (header < 0 || get16(data, IPV6_PAYLOAD_LENGTH) === 0) return "as it is";
    const local = user === "local";
    if (header + FRAGMENT_HEADER_LENGTH > skb.len) {
      if (local) this.#problem(skb, header);
      return "dropped";
    }
    if (isTruncated(data, header, skb.len)) {
      // Conntrack lets it pass, for its receiver to complain.
      if (!local) return "as it is";
      this.#ip.icmp.send(skb, ICMPV6_PARAMPROB, ICMPV6_HDR_INCOMP, 0);
      return "dropped";
    }
    if (local && (get16(data, header + 2) & (0xfff8 | IP6_MF)) === 0) return "as it is";
    const owner = local ? "local" : "conntrack";
    if (this.#limits[owner].full) return "dropped";
    const key = this.#key(skb, header, user);
    return this.#add(key, this.#queue(key, owner), skb, header, local);
  }

  #key({ data, iif }: SkBuff, header: number, user: DefragUser): string {
    const dst = readInto(words, data, IPV6_DST);
    const scoped = isLinkLocal(dst) || isMulticast6(dst) ? (iif?.ifindex ?? 0) : 0;
    return `${user} ${scoped} ${get32(data, header + 4)} ${data.subarray(IPV6_SRC, IPV6_HEADER_LENGTH).join(".")}`;
  }

  #queue(key: string, user: User): Queue {
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
        iif: null,
        memory: 0,
        user,
        timer: this.#ip.net.clock.scheduleOnWheel(this.#limits[user].waitMicros, () => this.#expire(key, made)),
      };
      queue = made;
      this.#queues.set(key, queue);
      this.#limits[user].begin(queue);
    }
    return queue;
  }

  /** Models `nf_ct_frag6_queue()` and `ip6_frag_queue()`. */
  #add(key: string, queue: Queue, skb: SkBuff, header: number, local: boolean): Fate {
    const { data } = skb;
    const word = get16(data, header + 2);
    const at = header + FRAGMENT_HEADER_LENGTH;
    const start = word & 0xfff8;
    const payload = get16(data, IPV6_PAYLOAD_LENGTH);
    const end = start + IPV6_HEADER_LENGTH + payload - at;
    if (end > IPV6_MAX_PAYLOAD) {
      if (local) this.#problem(skb, header + 2);
      return "dropped";
    }
    if ((word & IP6_MF) === 0) {
      // Bytes beyond the end, or another end: the piece is corrupted.
      if (end < queue.length || (queue.lastIn && end !== queue.length)) return this.#refuse(key, queue, local);
      queue.lastIn = true;
      queue.length = end;
    } else {
      if (end % 8 !== 0) {
        if (local) this.#problem(skb, IPV6_PAYLOAD_LENGTH);
        else this.#end(key, queue);
        return local ? "dropped" : "as it is";
      }
      if (end > queue.length) {
        if (queue.lastIn) return this.#refuse(key, queue, local);
        queue.length = end;
      }
    }
    if (end === start) return this.#refuse(key, queue, local);
    const place = findPlace(queue, start, end);
    if (place === "duplicate") {
      this.#ip.net.free(skb);
      return "kept";
    }
    if (place === "overlap") {
      this.#end(key, queue);
      return "dropped";
    }
    queue.pieces.push({ start, end, at, skb });
    this.#limits[queue.user].keep(queue, skb);
    queue.ecn |= 1 << (ipv6TrafficClass(data, 0) & 3);
    queue.maxSize = Math.max(queue.maxSize, payload);
    queue.iif = skb.iif;
    const filled = queue.pieces.reduce((sum, piece) => sum + piece.end - piece.start, 0);
    if (!queue.lastIn || filled !== queue.length || !queue.pieces.some((piece) => piece.start === 0)) return "kept";
    return this.#join(key, queue, skb) ? "whole" : "dropped";
  }

  /** A receiver gives the packet up with its bad piece; conntrack gives up the piece alone. */
  #refuse(key: string, queue: Queue, local: boolean): "dropped" {
    if (local) this.#end(key, queue);
    return "dropped";
  }

  #problem(skb: SkBuff, pointer: number): void {
    this.#ip.icmp.send(skb, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, pointer);
  }

  /** Puts the whole packet into its last piece. Models `nf_ct_frag6_reasm()`. */
  #join(key: string, queue: Queue, last: SkBuff): boolean {
    queue.pieces.sort((a, b) => a.start - b.start);
    const [first] = queue.pieces;
    const header = first.at - FRAGMENT_HEADER_LENGTH;
    const length = header + queue.length;
    // Pieces marked as able to tell of congestion and pieces that are not cannot be of one datagram.
    const mixed = (queue.ecn & 1) !== 0 && queue.ecn !== 1;
    if (mixed || length - IPV6_HEADER_LENGTH > IPV6_MAX_PAYLOAD) {
      this.#end(key, queue);
      return false;
    }
    const whole = new Uint8Array(length);
    const from = first.skb.data;
    whole.set(from.subarray(0, header), 0);
    // The field that named the fragment header names what follows it.
    findHeader(from, 0, first.skb.len, NEXTHDR_FRAGMENT);
    whole[found.previous] = from[header];
    for (const { skb, at, start, end } of queue.pieces)
      whole.set(skb.data.subarray(at, at + end - start), header + start);
    put16(whole, IPV6_PAYLOAD_LENGTH, length - IPV6_HEADER_LENGTH);
    // One piece met congestion: so did the datagram.
    if ((queue.ecn & (1 << ECN_CE)) !== 0) whole[1] |= ECN_CE << 4;
    last.mark = first.skb.mark;
    last.data = whole;
    last.len = length;
    last.transportOffset = header;
    last.fragments = queue.pieces.map(({ start, end }) => end - start);
    last.largestFragment = IPV6_HEADER_LENGTH + queue.maxSize;
    this.#forget(key, queue);
    for (const { skb } of queue.pieces) if (skb !== last) this.#ip.net.free(skb);
    return true;
  }

  #forget(key: string, queue: Queue): void {
    this.#limits[queue.user].end(queue);
    this.#ip.net.clock.cancel(queue.timer);
    if (this.#queues.get(key) === queue) this.#queues.delete(key);
  }

  #end(key: string, queue: Queue): void {
    this.#forget(key, queue);
    for (const { skb } of queue.pieces) this.#ip.net.free(skb);
  }

  /** Models `ip6frag_expire_frag_queue()`. */
  #expire(key: string, queue: Queue): void {
    const first = queue.pieces.find((piece) => piece.start === 0)?.skb;
    if (first !== undefined) {
      first.iif = queue.iif;
      this.#ip.icmp.send(first, ICMPV6_TIME_EXCEED, ICMPV6_EXC_FRAGTIME, 0);
    }
    this.#end(key, queue);
  }
}

/** Whether a first fragment ends within a header. Models `ipv6frag_thdr_truncated()`. */
function isTruncated(data: Uint8Array, header: number, length: number): boolean {
  const at = skipExtensionHeaders(data, header, length, NEXTHDR_FRAGMENT);
  if (at < 0 || found.fragmentOffset !== 0) return false;
  return at + (HEADER_LENGTHS.get(found.nexthdr) ?? 1) > length;
}
