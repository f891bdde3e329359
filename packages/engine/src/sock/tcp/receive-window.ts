/**
 * What the peer may send: where the stream stands, how much room was promised, and how much is promised next. Models
 * `tcp_select_initial_window()`, `__tcp_select_window()` and `tcp_select_window()`, net/ipv4/tcp_output.c, with
 * `tcp_receive_window()` and `tcp_grow_window()`. The buffer is as large as `net.ipv4.tcp_rmem` makes it; it is not
 * tuned while data come.
 */
import { after, before, seqAdd } from "../../wire/sequence.js";

/** The sysctls that bound a window, as they stand at the time. */
export interface WindowLimits {
  /** `net.ipv4.tcp_rmem`: least, initial and greatest size of the buffer, in bytes. */
  readonly rmem: readonly [number, number, number];
  /** `net.ipv4.tcp_window_scaling`. */
  readonly windowScaling: number;
}

export class ReceiveWindow {
  readonly #limits: WindowLimits;
  /** The sequence number expected next (`rcv_nxt`). */
  nxt = 0;
  /** {@link nxt} as it was when the window was last told (`rcv_wup`). */
  told = 0;
  /** The window told then, in bytes (`rcv_wnd`). */
  size = 0;
  /** How far the field is shifted (`rcv_wscale`). */
  scale = 0;
  /** The peer's usual segment, in bytes of data (`rcv_mss`). */
  segment = 536;
  #threshold = 0;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  /** Chooses the first window and the scale, for segments of `mss` bytes. Models `tcp_select_initial_window()`. */
  open(mss: number): void {
    const { rmem, windowScaling } = this.#limits;
    const space = Math.min(rmem[1] >> 1, 65535 + 1);
    this.size = Math.min(mss > 0 && space > mss ? Math.floor(space / mss) * mss : space, 65535);
    this.#threshold = this.size;
    this.scale = windowScaling === 0 ? 0 : Math.max(0, Math.min(14, Math.floor(Math.log2(rmem[2])) - 15));
    if (this.scale > 0) this.#threshold = roundUp(this.size, 1 << this.scale);
  }

  /** The stream begins behind this SYN. */
  start(syn: number): void {
    this.nxt = seqAdd(syn, 1);
    this.told = this.nxt;
  }

  /** The most this end's buffer takes, in bytes of data. */
  get #clamp(): number {
    return Math.floor((this.#limits.rmem[1] * 95) / 128);
  }

  /** What remains of the window told last. Models `tcp_receive_window()`. */
  get left(): number {
    return Math.max(0, this.roomFrom(this.nxt));
  }

  /** Bytes that the window told last takes from a sequence number on; negative behind its end. */
  roomFrom(seq: number): number {
    return (seqAdd(this.told, this.size) - seq) | 0;
  }

  /** Bytes received since the window was last told. */
  get untold(): number {
    return (this.nxt - this.told) | 0;
  }

  /** Whether a segment lies within the window, at least in part. Models `tcp_sequence()`. */
  takes(seq: number, end: number): boolean {
    return !before(end, this.told) && !after(seq, seqAdd(this.told, this.size));
  }

  /** The window to tell while so many bytes are unread. Models `__tcp_select_window()`. */
  select(unread: number): number {
    const full = this.#clamp;
    const mss = Math.min(this.segment, full);
    let free = full - unread;
    if (free < full >> 1 && (free < full >> 4 || free < mss)) return 0;
    free = Math.min(free, this.#threshold);
    if (this.scale > 0) return roundUp(free, 1 << this.scale);
    return Math.min(free, 65535);
  }

  /** Chooses the window field and remembers what was promised. Models `tcp_select_window()`. */
  tell(unread: number): number {
    const { left } = this;
    let fresh = this.select(unread);
    if (fresh < left) fresh = roundUp(left, 1 << this.scale);
    fresh = Math.min(fresh, 65535 << this.scale);
    this.size = fresh;
    this.told = this.nxt;
    return fresh >>> this.scale;
  }

  /**
   * Whether reading freed enough to tell, at the least twice what is left. Models the end of `__tcp_cleanup_rbuf()`.
   */
  worthTelling(unread: number): boolean {
    const { left } = this;
    if (2 * left > this.#clamp) return false;
    const fresh = this.select(unread);
    return fresh > 0 && fresh >= 2 * left;
  }

  /** A segment with data came: the window may grow. Models `tcp_grow_window()`. */
  grow(bytes: number): void {
    if (bytes >= 128) this.#threshold = Math.min(this.#threshold + 2 * Math.max(bytes, this.segment), this.#clamp);
  }
}

function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}
