/**
 * The receiving half of a connection: takes data in at their place in the stream, keeps what came early, and holds what
 * the program has not read. Models `tcp_data_queue()`, net/ipv4/tcp_input.c, with `tcp_cleanup_rbuf()`, net/ipv4/tcp.c.
 */
import { before, seqAdd } from "../../wire/sequence.js";
import type { AckTiming } from "./ack-timing.js";
import { ReassemblyQueue } from "./reassembly.js";
import type { ReceiveWindow } from "./receive-window.js";

/** What a receiver asks of its connection. */
export interface ReceiverOwner {
  /** The greatest segment that was asked of the peer, in bytes of data. */
  advertisedMss(): number;
  /** The end of the stream was received; called once. */
  onFin(): void;
}

export class Receiver {
  readonly #window: ReceiveWindow;
  readonly #acks: AckTiming;
  readonly #owner: ReceiverOwner;
  readonly early: ReassemblyQueue = new ReassemblyQueue();
  readonly #inbox: Uint8Array[] = [];
  #unread = 0;
  #finished = false;
  #discards = false;

  constructor(window: ReceiveWindow, acks: AckTiming, owner: ReceiverOwner) {
    this.#window = window;
    this.#acks = acks;
    this.#owner = owner;
  }

  /** Bytes that were received and not read. */
  get unread(): number {
    return this.#unread;
  }

  /** Whether the end of the stream was received. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Nobody reads any more: what still comes is acknowledged and forgotten. */
  discard(): void {
    this.#discards = true;
  }

  /** The next bytes for the program; undefined when all were read. */
  read(): Uint8Array | undefined {
    const bytes = this.#inbox.shift();
    if (bytes !== undefined) this.#unread -= bytes.length;
    return bytes;
  }

  /** Whether what the program read is to be told at once. Models `tcp_cleanup_rbuf()`. */
  get dueAfterRead(): boolean {
    return this.#acks.dueAfterRead(this.#unread) || (!this.#finished && this.#window.worthTelling(this.#unread));
  }

  /** Data, and the end if `fin`, of a segment within the window. */
  take(seq: number, bytes: Uint8Array, push: boolean, fin: boolean): void {
    const window = this.#window;
    let data = bytes;
    let from = seq;
    let ends = fin;
    if (before(from, window.nxt)) {
      const old = (window.nxt - from) >>> 0;
      if (old > data.length || (old === data.length && !ends)) {
        // Seen already: the peer missed our acknowledgement.
        this.#acks.quicken();
        this.#acks.hurry();
        return;
      }
      data = data.subarray(old);
      from = window.nxt;
    }
    const room = window.roomFrom(from);
    if (data.length > room) {
      if (room <= 0 && data.length > 0) {
        this.#acks.hurry();
        this.#acks.quicken();
        return;
      }
      data = data.subarray(0, room);
      ends = false;
    }
    if (this.#finished) return;
    if (from !== window.nxt) {
      if (data.length > 0 || ends) {
        this.#acks.quicken();
        this.early.keep(from, data, ends);
      }
      this.#acks.hurry();
      return;
    }
    this.#append(data, push);
    if (ends) this.#finish();
    this.#join();
  }

  #append(data: Uint8Array, push: boolean): void {
    if (data.length === 0) return;
    const window = this.#window;
    window.nxt = seqAdd(window.nxt, data.length);
    if (!this.#discards) {
      this.#inbox.push(data.slice());
      this.#unread += data.length;
    }
    if (data.length >= window.segment) window.segment = Math.min(data.length, this.#owner.advertisedMss());
    else if (push) this.#acks.pushed();
    this.#acks.received();
    window.grow(data.length);
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#window.nxt = seqAdd(this.#window.nxt, 1);
    this.#acks.owe();
    this.#owner.onFin();
  }

  /** Takes in what came early, as far as there is no gap. */
  #join(): void {
    for (let piece = this.early.take(this.#window.nxt); piece !== null; piece = this.early.take(this.#window.nxt)) {
      const old = (this.#window.nxt - piece.seq) >>> 0;
      if (old <= piece.data.length) {
        this.#append(piece.data.subarray(old), false);
        if (piece.fin) this.#finish();
      }
      this.#acks.hurry();
    }
  }
}
