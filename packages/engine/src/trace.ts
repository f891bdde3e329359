/**
 * What happened to a packet, told at the grain of the kernel's functions. Code on the packet path reports through
 * `net.trace`, which is null while nobody listens: one comparison is all that tracing costs then. Names are those the
 * kernel's function-graph tracer shows.
 */
import type { HookNumber } from "./hooks.js";
import type { SkBuff } from "./skb.js";

/**
 * A tuple as people read it. `sport`/`dport` are absent where the protocol has none; ICMP has `id`, `type`, `code`, and
 * GRE has keys, which are 0 but for PPTP.
 */
export interface TupleText {
  /** Source address. */
  readonly src: string;
  /** Destination address. */
  readonly dst: string;
  /** Name of the transport protocol, its number where it has none. */
  readonly protocol: string;
  /** Source port. */
  readonly sport?: number;
  /** Destination port. */
  readonly dport?: number;
  /** ICMP type. */
  readonly type?: number;
  /** ICMP code. */
  readonly code?: number;
  /** ICMP echo identifier. */
  readonly id?: number;
  /** GRE's key of the source. */
  readonly srckey?: number;
  /** GRE's key of the destination. */
  readonly dstkey?: number;
}

/** Something learned inside a function call. */
export type TraceNote =
  /** A hook point is entered. */
  | { readonly kind: "hook"; readonly hook: HookNumber }
  /** Details of the hook function being called. */
  | { readonly kind: "hookfn"; readonly hook: HookNumber; readonly priority: number; readonly label: string }
  /** A hook function's (or table's) decision. */
  | { readonly kind: "verdict"; readonly verdict: string }
  /** The conntrack hash was searched: `found` names the direction of the tuple that matched. */
  | {
      readonly kind: "lookup";
      readonly tuple: TupleText;
      readonly found: "ORIGINAL" | "REPLY" | null;
      readonly entry: number | null;
    }
  /**
   * The packet has its conntrack entry attached (`skb->_nfct`), `already` if it came to conntrack with it; the rest is
   * the entry as it was then. `state` is null for protocols whose tracker has none; `confirmed` says that both tuples
   * are in the hash.
   */
  | {
      readonly kind: "attach";
      readonly entry: number;
      readonly ctinfo: string;
      readonly already: boolean;
      readonly original: TupleText;
      readonly reply: TupleText;
      readonly state: string | null;
      readonly confirmed: boolean;
    }
  /** An entry was allocated; not in the hash yet. */
  | { readonly kind: "alloc"; readonly entry: number; readonly original: TupleText; readonly reply: TupleText }
  /** NAT changed the reply tuple of an unconfirmed entry. */
  | { readonly kind: "alter-reply"; readonly entry: number; readonly before: TupleText; readonly after: TupleText }
  /** NAT rewrote the packet's header. */
  | { readonly kind: "rewrite"; readonly manip: "SRC" | "DST"; readonly before: TupleText; readonly after: TupleText }
  /** Both tuples of the entry went into the hash. */
  | { readonly kind: "confirm"; readonly entry: number; readonly original: TupleText; readonly reply: TupleText }
  /** The protocol tracker moved. */
  | { readonly kind: "state"; readonly entry: number; readonly before: string; readonly after: string }
  /** Conntrack or NAT refused the packet, with its reason. */
  | { readonly kind: "invalid"; readonly reason: string }
  /** The entry could not go into the hash: a tuple of it was there already. The packet is valid, and dropped. */
  | { readonly kind: "insert-failed"; readonly reason: string }
  /** A conntrack event was delivered to listeners. */
  | { readonly kind: "event"; readonly type: "NEW" | "UPDATE" | "DESTROY"; readonly entry: number }
  /**
   * A rule of a table was evaluated; rule numbers begin at 1, `rule` is its `iptables -S` text. The counters are those
   * after this packet.
   */
  | {
      readonly kind: "rule";
      readonly table: string;
      readonly chain: string;
      readonly number: number;
      readonly rule: string;
      readonly matched: boolean;
      readonly packets: number;
      readonly bytes: number;
    }
  /** A built-in chain's policy decided. */
  | { readonly kind: "policy"; readonly table: string; readonly chain: string; readonly verdict: string }
  /** A routing decision. */
  | { readonly kind: "route"; readonly result: string }
  /** The packet ended here, with the reason (`ttl exceeded`, `no route`, `rp_filter`, `delivered to tcp:443`...). */
  | { readonly kind: "end"; readonly reason: string }
  /** The packet was handed to a device. */
  | { readonly kind: "transmit"; readonly device: string }
  /**
   * The packet's bytes are no longer what they were at the note before (or at the beginning): `runs` holds what was
   * written, by offset, and `length` is the packet's length now.
   */
  | { readonly kind: "bytes"; readonly length: number; readonly runs: readonly ByteRun[] };

/** Bytes written into a packet. */
export interface ByteRun {
  /** Offset from the IP header. */
  readonly at: number;
  /** What stands there now. */
  readonly bytes: Uint8Array;
}

/** One function call: what it called and what it learned, in order. */
export interface TraceCall {
  /** The kernel's function name. */
  readonly fn: string;
  /** The kernel module, or null for code of the core image. */
  readonly module: string | null;
  /** Nested calls and notes, in the order they happened. */
  readonly children: (TraceCall | TraceNote)[];
}

/** Whether an item of {@link TraceCall.children} is a call. */
export function isCall(item: TraceCall | TraceNote): item is TraceCall {
  return "fn" in item;
}

/** One packet's passage through one host, from the function that received or made it. */
export interface PacketTrace {
  /** The host (network namespace). */
  readonly host: string;
  /** `SkBuff.serial`. */
  readonly serial: number;
  /** Grows from passage to passage in the order in which they begin; unique where the tracers share a counter. */
  readonly order: number;
  /** When the passage began, in microseconds of virtual time. */
  readonly atMicros: number;
  /** Arrival device, or null for a packet made on the host. */
  readonly iif: string | null;
  /** The packet's bytes as it came in. */
  readonly before: Uint8Array;
  /** The packet's bytes as it left by a device or reached a socket; null while under way or when it was dropped. */
  after: Uint8Array | null;
  /** The device it left by, or null. */
  oif: string | null;
  /** The outermost calls. */
  readonly calls: TraceCall[];
}

/** Receives finished passages. */
export type TraceListener = (passage: PacketTrace) => void;

/** A passage under way: `skb` is its packet while the host still holds it, `bytes` what was last seen of it. */
interface Progress {
  readonly passage: PacketTrace;
  readonly stack: TraceCall[];
  skb: SkBuff | null;
  bytes: Uint8Array;
}

/** What differs between a packet's bytes then and now; null when nothing does. */
function bytesWritten(before: Uint8Array, skb: SkBuff): (TraceNote & { readonly kind: "bytes" }) | null {
  const { data, len } = skb;
  const runs: ByteRun[] = [];
  for (let at = 0; at < len; at++) {
    if (at < before.length && data[at] === before[at]) continue;
    let end = at + 1;
    while (end < len && (end >= before.length || data[end] !== before[end])) end++;
    runs.push({ at, bytes: data.slice(at, end) });
    at = end;
  }
  return runs.length === 0 && len === before.length ? null : { kind: "bytes", length: len, runs };
}

function counter(): () => number {
  let last = 0;
  return () => ++last;
}

/**
 * Collects the calls of one host's packets. Calls nest by `enter` and `leave`; a packet made while another is handled
 * (an ICMP error, a RST) begins a passage of its own, and the outer one goes on when it ends.
 */
export class PacketTracer {
  readonly #host: string;
  readonly #nowMicros: () => number;
  readonly #listener: TraceListener;
  readonly #count: () => number;
  #passages: Progress[] = [];

  /** `count` numbers packets and passages: hosts that share one number them together. */
  constructor(host: string, nowMicros: () => number, listener: TraceListener, count: () => number = counter()) {
    this.#host = host;
    this.#count = count;
    this.#nowMicros = nowMicros;
    this.#listener = listener;
  }

  /** A packet enters the host's network layer, or is made there. Pair with {@link end}. */
  begin(skb: SkBuff): void {
    if (skb.serial === 0) skb.serial = this.#count();
    const passage: PacketTrace = {
      host: this.#host,
      serial: skb.serial,
      order: this.#count(),
      atMicros: this.#nowMicros(),
      iif: skb.iif?.name ?? null,
      before: skb.data.slice(0, skb.len),
      after: null,
      oif: null,
      calls: [],
    };
    this.#passages.push({ passage, stack: [], skb, bytes: passage.before });
  }

  /** Notes what was written into the packet since the last time, in the function that is about to do something else. */
  #look(current: Progress): void {
    if (current.skb === null) return;
    const call = current.stack.at(-1);
    const written = bytesWritten(current.bytes, current.skb);
    if (call === undefined || written === null) return;
    current.bytes = current.skb.data.slice(0, current.skb.len);
    call.children.push(written);
  }

  /** The packet leaves the host by a device or reaches a socket: its bytes now are what others see. */
  done(skb: SkBuff, oif: string | null): void {
    const current = this.#passages.at(-1);
    if (current === undefined) return;
    this.#look(current);
    // What others make of it is no longer this host's doing.
    current.skb = null;
    current.passage.after = skb.data.slice(0, skb.len);
    current.passage.oif = oif;
  }

  /** The passage is over. */
  end(): void {
    const current = this.#passages.pop();
    if (current !== undefined) this.#listener(current.passage);
  }

  /** A function of the kernel is entered. Pair with {@link leave}. */
  enter(fn: string, module: string | null, _skb: SkBuff | null): void {
    const current = this.#passages.at(-1);
    if (current === undefined) return;
    this.#look(current);
    const call: TraceCall = { fn, module, children: [] };
    const parent = current.stack.at(-1);
    if (parent === undefined) current.passage.calls.push(call);
    else parent.children.push(call);
    current.stack.push(call);
  }

  /** The function entered last returns. */
  leave(): void {
    const current = this.#passages.at(-1);
    if (current === undefined) return;
    this.#look(current);
    current.stack.pop();
  }

  /** A call without anything inside. */
  call(fn: string, module: string | null): void {
    this.enter(fn, module, null);
    this.leave();
  }

  /** Something learned in the function entered last. */
  note(note: TraceNote): void {
    const current = this.#passages.at(-1);
    const call = current?.stack.at(-1);
    if (current === undefined || call === undefined) return;
    this.#look(current);
    // A packet that ended is freed, and its bytes may soon be another's.
    if (note.kind === "end") current.skb = null;
    call.children.push(note);
  }
}
