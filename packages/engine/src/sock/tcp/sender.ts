/**
 * The sending half of a connection: sends what windows allow, takes acknowledgements, repeats what is lost, and asks a
 * closed window whether it opened. Tail loss probes, RACK and ECN are not modelled. Models `tcp_ack()`,
 * net/ipv4/tcp_input.c, `tcp_write_xmit()`, net/ipv4/tcp_output.c, and net/ipv4/tcp_timer.c.
 */
import type { Timer, VirtualClock } from "../../clock.js";
import { after, before, seqAdd } from "../../wire/sequence.js";
import type { SackBlock } from "../../wire/tcp.js";
import { Congestion } from "./congestion.js";
import type { TcpHost } from "./host.js";
import { patience, type RetransmissionTimeout } from "./rto.js";
import { type OutSegment, SendQueue } from "./send-queue.js";

/** Repetitions of a closed connection's data where `net.ipv4.tcp_orphan_retries` is 0. */
const ORPHAN_RETRIES = 8;

/** What a sender asks of its connection. */
export interface SenderOwner {
  /** Whether its SYN is under way. */
  opening(): boolean;
  /** Whether the program gave the connection up. */
  orphan(): boolean;
  /** Puts a segment on its way; `fresh`: for the first time. */
  transmit(segment: OutSegment, fresh: boolean): void;
  /** Sends an acknowledgement with this sequence number, which is old: the peer answers with its window. */
  probe(seq: number): void;
  /** Nobody answered for too long. */
  timedOut(): void;
}

/** What an arriving segment says to a sender. */
export interface Acknowledgement {
  readonly ack: number;
  /** The segment's own sequence number: the newer one's window counts. */
  readonly seq: number;
  /** The window field. */
  readonly window: number;
  /** Whether the segment has data, which no duplicate acknowledgement has. */
  readonly hasData: boolean;
  readonly sack: readonly SackBlock[] | undefined;
  /** The round trip that its timestamp tells of, in microseconds. */
  readonly roundTripMicros: number | undefined;
}

export class Sender {
  readonly #host: TcpHost;
  readonly #clock: VirtualClock;
  readonly #rto: RetransmissionTimeout;
  readonly #owner: SenderOwner;
  readonly #queue: SendQueue;
  readonly #congestion: Congestion = new Congestion();
  readonly #timer: Timer;
  #timerMode: "none" | "retransmit" | "probe" = "none";
  /** Greatest segment, in bytes of data. */
  mss = 536;
  /** How far the peer's window field is shifted. */
  scale = 0;
  /** What the peer allows beyond `snd_una`, in bytes. */
  #window = 0;
  /** Sequence number of the segment that said so (`snd_wl1`). */
  #windowSeq = 0;
  #retransmits = 0;
  #probes = 0;
  /** When the stretch of unanswered repetitions began. */
  stalledSinceMicros = 0;

  constructor(host: TcpHost, rto: RetransmissionTimeout, iss: number, owner: SenderOwner) {
    this.#host = host;
    this.#clock = host.net.clock;
    this.#rto = rto;
    this.#owner = owner;
    this.#queue = new SendQueue(iss);
    this.#timer = this.#clock.timer(() => this.#onTimer());
  }

  /** The initial sequence number. */
  get iss(): number {
    return this.#queue.iss;
  }

  /** The sequence number of what is sent next. */
  get nxt(): number {
    return this.#queue.nxt;
  }

  /** Bytes written and not acknowledged; SYN and FIN count. */
  get unacknowledged(): number {
    return (this.#queue.end - this.#queue.una) >>> 0;
  }

  /** Whether nothing waits to be sent or acknowledged. */
  get idle(): boolean {
    return this.#queue.empty;
  }

  /** Whether nothing that was sent had to be repeated since the last answer. */
  get atFirstAttempt(): boolean {
    return this.#retransmits === 0;
  }

  /** Whether a sequence number is of something under way, or of what comes next. */
  covers(seq: number): boolean {
    return !before(seq, this.#queue.una) && !after(seq, this.#queue.nxt);
  }

  // --- what the connection gives it -------------------------------------------------------------------------------

  /** Sends a SYN. */
  open(): void {
    this.#transmit(this.#queue.appendSyn());
    this.#arm("retransmit", this.#rto.first);
  }

  /** A SYN-ACK goes, which is not this sender's to repeat. */
  countSyn(): void {
    this.#queue.countSyn();
  }

  /** Appends bytes to the stream. */
  append(bytes: Uint8Array): void {
    this.#queue.append(bytes, this.mss);
  }

  /** Ends the stream. */
  appendFin(): void {
    this.#queue.appendFin();
  }

  /** The window that the peer's first segment told: never scaled in a SYN. */
  firstWindow(bytes: number, seq: number): void {
    this.#window = bytes;
    this.#windowSeq = seq;
  }

  /** The peer has this end's SYN. Returns the SYN, if it was sent once only. */
  opened(ack: number): OutSegment | null {
    const { newest } = this.#queue.acknowledge(ack);
    this.stop();
    this.#rto.answered();
    this.#retransmits = 0;
    return newest;
  }

  /** A smaller maximum segment size: cuts what was queued. */
  cut(): void {
    this.#queue.cutAll(this.mss);
  }

  /** Sends what windows and rules allow. Models `tcp_write_xmit()`. */
  push(): void {
    const queue = this.#queue;
    let sent = false;
    for (;;) {
      const segment = queue.next(this.#congestion.window, this.#window, this.mss);
      if (segment === null) break;
      this.#transmit(segment);
      sent = true;
    }
    if (sent && this.#timerMode !== "retransmit") this.#arm("retransmit", this.#rto.first);
    // Data, no window, nothing under way: ask until the window opens.
    if (queue.waiting !== null && this.#timerMode === "none") this.#arm("probe", this.#rto.first);
  }

  /**
   * Sends again all that is under way: the path takes smaller packets than it did. Models `tcp_simple_retransmit()`.
   */
  repeatAll(): void {
    if (this.#queue.sent === 0) return;
    for (const segment of this.#queue.holes()) this.#retransmit(segment);
    this.#arm("retransmit", this.#rto.first);
  }

  /** Repeats nothing any more. */
  stop(): void {
    this.#timerMode = "none";
    this.#clock.cancel(this.#timer);
  }

  // --- acknowledgements -------------------------------------------------------------------------------------------

  /** Takes an acknowledgement of what was sent. Returns whether it acknowledges anything new. Models `tcp_ack()`. */
  acknowledged({ ack, seq, window, hasData, sack, roundTripMicros }: Acknowledgement): boolean {
    const queue = this.#queue;
    if (before(ack, queue.una)) return false;
    const scaled = window << this.scale;
    const windowBefore = this.#window;
    if (after(ack, queue.una) || after(seq, this.#windowSeq) || (seq === this.#windowSeq && scaled > this.#window)) {
      this.#window = scaled;
      this.#windowSeq = seq;
    }
    this.#probes = 0;
    if (sack !== undefined) queue.markReceived(sack);
    if (ack === queue.una) {
      if (queue.sent > 0 && !hasData && scaled === windowBefore) this.#onDuplicate();
      if (queue.sent === 0 && this.#timerMode === "probe" && this.#window > 0) {
        this.stop();
        this.#rto.answered();
      }
      return false;
    }
    this.#onNew(ack, roundTripMicros);
    return true;
  }

  #onNew(ack: number, roundTripMicros: number | undefined): void {
    const queue = this.#queue;
    const { segments, newest } = queue.acknowledge(ack);
    if (newest !== null) this.measure(newest);
    else if (roundTripMicros !== undefined) this.#rto.measured(roundTripMicros);
    this.#retransmits = 0;
    this.#rto.answered();
    this.stalledSinceMicros = this.#clock.nowMicros;
    if (this.#congestion.acknowledged(ack, segments)) this.#repeatHole();
    if (queue.sent > 0) this.#arm("retransmit", this.#rto.first);
    else this.stop();
  }

  /** Measures the round trip by a segment that was sent once and acknowledged now. */
  measure(segment: OutSegment): void {
    this.#rto.measured(this.#clock.nowMicros - segment.firstSentMicros);
  }

  #onDuplicate(): void {
    if (this.#congestion.duplicate(this.#queue.inFlight, this.#queue.nxt)) this.#repeatHole();
  }

  #repeatHole(): void {
    const hole = this.#queue.firstHole;
    if (hole !== null) this.#retransmit(hole);
  }

  // --- segments out -----------------------------------------------------------------------------------------------

  #transmit(segment: OutSegment): void {
    const fresh = segment.firstSentMicros < 0;
    if (fresh) {
      const now = this.#clock.nowMicros;
      segment.firstSentMicros = now;
      if (this.#queue.inFlight <= 1 && this.#retransmits === 0) this.stalledSinceMicros = now;
    }
    this.#owner.transmit(segment, fresh);
  }

  #retransmit(segment: OutSegment): void {
    segment.retransmitted = true;
    this.#host.net.ip.snmp.tcp.RetransSegs++;
    this.#queue.cut(segment, this.mss);
    this.#transmit(segment);
  }

  // --- timers -----------------------------------------------------------------------------------------------------

  #arm(mode: "retransmit" | "probe", delay: number): void {
    this.#timerMode = mode;
    this.#clock.rearmOnWheel(this.#timer, delay);
  }

  #onTimer(): void {
    const mode = this.#timerMode;
    this.#timerMode = "none";
    if (mode === "retransmit") this.#onRetransmit();
    else if (mode === "probe") this.#onProbe();
  }

  /** Models `tcp_retransmit_timer()`. */
  #onRetransmit(): void {
    const host = this.#host;
    const queue = this.#queue;
    const head = queue.oldest;
    if (head === null) return;
    const opening = this.#owner.opening();
    if (this.#patienceEnds(opening)) {
      this.#owner.timedOut();
      return;
    }
    host.net.ip.snmp.tcp.TCPTimeouts++;
    if (this.#retransmits === 0 && !opening) {
      this.#congestion.halve(queue.inFlight);
      this.stalledSinceMicros = head.firstSentMicros;
    }
    // Everything sent and not reported received is taken for lost.
    this.#congestion.restart(queue.sent > 1 ? queue.nxt : null);
    this.#retransmits++;
    this.#retransmit(head);
    if (!opening || this.#retransmits > host.synLinearTimeouts) this.#rto.double();
    this.#arm("retransmit", this.#rto.next);
  }

  /** Whether a connection is given up instead of repeating once more. Models `tcp_write_timeout()`. */
  #patienceEnds(opening: boolean): boolean {
    const host = this.#host;
    if (opening) return this.#retransmits >= host.synRetries + host.synLinearTimeouts;
    if (this.#retransmits === 0) return false;
    const retries = this.#owner.orphan() ? host.orphanRetries || ORPHAN_RETRIES : host.retries2;
    return this.#clock.nowMicros - this.stalledSinceMicros >= patience(retries);
  }

  /** Models `tcp_probe_timer()`. */
  #onProbe(): void {
    const queue = this.#queue;
    const head = queue.waiting;
    if (head === null) return;
    if (this.#probes >= (this.#owner.orphan() ? ORPHAN_RETRIES : this.#host.retries2)) {
      this.#owner.timedOut();
      return;
    }
    if (this.#window > 0) {
      this.push();
      if (queue.sent > 0) return;
      // The window takes less than a segment: send what fits.
      queue.cut(head, Math.min(this.#window, this.mss));
      this.push();
      if (queue.sent > 0) return;
    }
    this.#probes++;
    this.#rto.double();
    this.#owner.probe(seqAdd(queue.una, -1));
    this.#arm("probe", this.#rto.next);
  }
}
