/**
 * How long the unfinished packets of one user wait for their missing pieces, and how much of the kernel's memory they
 * may take. Models `struct fqdir`, include/net/inet_frag.h, with net/ipv4/inet_fragment.c.
 */
import { HZ } from "../clock.js";
import type { SkBuff } from "../skb.js";
import type { SysctlTable } from "../sysctl.js";

const SECOND = 1_000_000;
/** The kernel keeps the time as jiffies in 31 bits and a sign; with a negative one a packet is given up at once. */
const MAX_SECONDS: number = Math.floor(0x7fffffff / HZ);

/** `sizeof(struct sk_buff)` and `sizeof(struct skb_shared_info)`, as they are aligned. */
const SKB_BYTES = 256;
const SHARED_INFO_BYTES = 320;
/** What stays free before a packet; what a small packet's buffer takes, and how much it then holds. */
const HEADROOM = 64;
const SMALL_HEAD_BYTES = 576;
const SMALL_HEAD_ROOM: number = SMALL_HEAD_BYTES - SHARED_INFO_BYTES;
const CACHE_LINE = 64;

/**
 * The memory that a packet in one buffer takes: its skb, and a buffer of a small head or of a power of two. As Linux
 * 6.18 was seen to count what comes in by a TUN; a driver may take more. Models `skb->truesize`.
 */
function truesize(length: number): number {
  const room = HEADROOM + length;
  if (room <= SMALL_HEAD_ROOM) return SKB_BYTES + SMALL_HEAD_BYTES;
  const needed = Math.ceil(room / CACHE_LINE) * CACHE_LINE + SHARED_INFO_BYTES;
  return SKB_BYTES + 2 ** Math.ceil(Math.log2(needed));
}

/** What an unfinished packet takes of the memory. */
export interface Charged {
  /** Bytes of its pieces, and of itself. */
  memory: number;
}

export class FragmentLimits {
  readonly #queueBytes: number;
  #seconds: number;
  #memory = 0;
  #high = 4n << 20n;
  /** It bounds the high one and else does nothing. */
  #low = 3n << 20n;

  /** `queueBytes`: what the kernel's structure for one packet takes. */
  constructor(seconds: number, queueBytes: number) {
    this.#seconds = seconds;
    this.#queueBytes = queueBytes;
  }

  /** Registers the tunables, whose names have a beginning in common; `time` is the end of the one in seconds. */
  register(sysctl: SysctlTable, prefix: string, time: string): void {
    sysctl.registerInt(
      `${prefix}${time}`,
      () => this.#seconds,
      (value) => {
        this.#seconds = value;
      },
      -MAX_SECONDS,
      MAX_SECONDS,
    );
    sysctl.registerUnsignedLong(
      `${prefix}high_thresh`,
      () => this.#high,
      (value) => {
        this.#high = value;
      },
      (value) => value >= this.#low,
    );
    sysctl.registerUnsignedLong(
      `${prefix}low_thresh`,
      () => this.#low,
      (value) => {
        this.#low = value;
      },
      (value) => value <= this.#high,
    );
  }

  /** How long a packet waits from its first piece on. */
  get waitMicros(): number {
    return Math.max(0, this.#seconds) * SECOND;
  }

  /** Whether no piece is taken: more memory is in use than may be, or none may. Models `inet_frag_find()`. */
  get full(): boolean {
    return this.#high === 0n || this.#memory > BigInt.asIntN(64, this.#high);
  }

  /** A packet of which nothing came before. */
  begin(packet: Charged): void {
    this.#charge(packet, this.#queueBytes);
  }

  keep(packet: Charged, piece: SkBuff): void {
    this.#charge(packet, truesize(piece.len));
  }

  /** All its pieces are thrown away, and it waits for others. */
  restart(packet: Charged): void {
    this.#charge(packet, this.#queueBytes - packet.memory);
  }

  end(packet: Charged): void {
    this.#charge(packet, -packet.memory);
  }

  #charge(packet: Charged, bytes: number): void {
    packet.memory += bytes;
    this.#memory += bytes;
  }
}
