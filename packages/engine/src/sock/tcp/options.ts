/**
 * The options of a connection: what the two SYNs agreed on, and with it what each segment carries and what an arriving
 * timestamp tells (RFC 7323, 2018). Models `tcp_syn_options()`, `tcp_synack_options()` and `tcp_established_options()`,
 * net/ipv4/tcp_output.c.
 */
import type { VirtualClock } from "../../clock.js";
import { after, before } from "../../wire/sequence.js";
import type { SackBlock, TcpOptions } from "../../wire/tcp.js";

/** The segment size of a peer that names none. */
export const DEFAULT_MSS = 536;
const TIMESTAMP_OPTION_LENGTH = 12;
const MAX_WINDOW_SCALE = 14;

/** The sysctls that say what this end offers, as they stand at the time; 0: not. */
export interface OptionSysctls {
  /** `net.ipv4.tcp_timestamps`. */
  readonly timestamps: number;
  /** `net.ipv4.tcp_sack`. */
  readonly sack: number;
  /** `net.ipv4.tcp_window_scaling`. */
  readonly windowScaling: number;
}

export class AgreedOptions {
  readonly #sysctls: OptionSysctls;
  readonly #clock: VirtualClock;
  readonly #offset: number;
  #timestamps = false;
  #sack = false;
  /** The peer's timestamp to echo (`ts_recent`). */
  #recent = 0;
  /** The greatest segment that the peer takes, in bytes of data and options. */
  peerMss: number = DEFAULT_MSS;
  /** How far the peer's window field is shifted; null: windows are not scaled, in either direction. */
  peerScale: number | null = null;

  /** `offset`: where this connection's timestamps begin, 32 bits. */
  constructor(sysctls: OptionSysctls, clock: VirtualClock, offset: number) {
    this.#sysctls = sysctls;
    this.#clock = clock;
    this.#offset = offset;
  }

  /** Whether segments carry timestamps. */
  get timestamps(): boolean {
    return this.#timestamps;
  }

  /** Whether the two ends report what came early. */
  get sack(): boolean {
    return this.#sack;
  }

  /** Bytes of the options that every segment carries. */
  get length(): number {
    return this.#timestamps ? TIMESTAMP_OPTION_LENGTH : 0;
  }

  /** Takes the options of the peer's SYN. */
  agree({ timestamp, sackPermitted, windowScale, mss }: TcpOptions): void {
    const sysctls = this.#sysctls;
    this.#timestamps = timestamp !== undefined && sysctls.timestamps !== 0;
    if (this.#timestamps && timestamp !== undefined) this.#recent = timestamp.value;
    this.#sack = sackPermitted === true && sysctls.sack !== 0;
    this.peerScale =
      windowScale !== undefined && sysctls.windowScaling !== 0 ? Math.min(windowScale, MAX_WINDOW_SCALE) : null;
    this.peerMss = mss ?? DEFAULT_MSS;
  }

  // --- out --------------------------------------------------------------------------------------------------------

  /** Milliseconds, from a start of the connection's own. */
  get #now(): number {
    return (this.#offset + Math.floor(this.#clock.nowMicros / 1000)) >>> 0;
  }

  /** Of a SYN that opens: all that this end offers. */
  ofSyn(mss: number, scale: number): TcpOptions {
    const { timestamps, sack, windowScaling } = this.#sysctls;
    return {
      mss,
      sackPermitted: sack !== 0,
      ...(timestamps === 0 ? {} : { timestamp: { value: this.#now, echo: 0 } }),
      ...(windowScaling === 0 ? {} : { windowScale: scale }),
    };
  }

  /** Of a SYN-ACK: what was agreed on. */
  ofSynAck(mss: number, scale: number): TcpOptions {
    return {
      mss,
      sackPermitted: this.#sack,
      ...this.#timestamp(),
      ...(scale > 0 || (this.peerScale ?? 0) > 0 ? { windowScale: scale } : {}),
    };
  }

  /** Of any other segment; `early` gives at most so many blocks to report. */
  ofSegment(early: (most: number) => readonly SackBlock[]): TcpOptions {
    return { ...this.#timestamp(), ...(this.#sack ? { sack: early(this.#timestamps ? 3 : 4) } : {}) };
  }

  #timestamp(): TcpOptions {
    return this.#timestamps ? { timestamp: { value: this.#now, echo: this.#recent } } : {};
  }

  // --- in ---------------------------------------------------------------------------------------------------------

  /** Whether a segment is older than what was seen: a ghost. Models `tcp_paws_discard()`. */
  outdates({ timestamp }: TcpOptions): boolean {
    return this.#timestamps && timestamp !== undefined && before(timestamp.value, this.#recent);
  }

  /** Whether a segment is newer than what was seen. */
  precedes({ timestamp }: TcpOptions): boolean {
    return this.#timestamps && timestamp !== undefined && after(timestamp.value, this.#recent);
  }

  /** Keeps a segment's timestamp to echo it. Models `tcp_replace_ts_recent()`. */
  keep({ timestamp }: TcpOptions): void {
    if (this.#timestamps && timestamp !== undefined) this.#recent = timestamp.value;
  }

  /** The round trip that a segment tells of, in microseconds; undefined where it tells nothing. */
  roundTripMicros({ timestamp }: TcpOptions): number | undefined {
    if (!this.#timestamps || timestamp === undefined || timestamp.echo === 0) return undefined;
    const millis = (this.#now - timestamp.echo) | 0;
    return millis < 0 ? undefined : Math.max(1, millis) * 1000;
  }
}
