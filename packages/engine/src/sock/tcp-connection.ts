/**
 * One end of a TCP connection: handshake, data, acknowledgements, retransmission, closing. Segments look as Linux 6.18
 * sends them (options, windows, ids, PSH). Congestion control is slow start and additive increase with NewReno's fast
 * recovery, not CUBIC; tail loss probes, RACK, ECN, urgent data and keepalive are not modelled.
 * Models net/ipv4/tcp_input.c, tcp_output.c, tcp_timer.c and tcp_minisocks.c.
 */
import type { Timer } from "../clock.js";
import type { NetDevice } from "../dev/device.js";
import { ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT, SystemError } from "../errno.js";
import type { IcmpError } from "../ip/icmp.js";
import { DST_LOCAL_DELIVER, inetIif, Rtable } from "../ip/route.js";
import type { SkBuff } from "../skb.js";
import type { InetAddress } from "../wire/address.js";
import { put16, put32 } from "../wire/bytes.js";
import { IPPROTO_TCP } from "../wire/ipv4.js";
import {
  parseTcpOptions,
  TCP_ACK,
  TCP_ACK_SEQ,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_DST_PORT,
  TCP_FIN,
  TCP_FLAGS,
  TCP_HEADER_LENGTH,
  TCP_PSH,
  TCP_RST,
  TCP_SEQ,
  TCP_SRC_PORT,
  TCP_SYN,
  TCP_WINDOW,
  TCPOPT_MSS,
  TCPOPT_NOP,
  TCPOPT_SACK,
  TCPOPT_SACK_PERM,
  TCPOPT_TIMESTAMP,
  TCPOPT_WINDOW,
  type TcpOptions,
  tcpAckSeq,
  tcpFlags,
  tcpHeaderLength,
  tcpSeq,
  tcpWindow,
} from "../wire/tcp.js";
import { type SocketFamily, setTransportChecksum, type Way } from "./family.js";
import type { SocketOptions, TcpConnection, TcpHandlers, TcpStateName } from "./sockets.js";
import type { Listener, TcpProtocol } from "./tcp.js";

const SECOND = 1_000_000;
const RTO_MIN = 200_000;
const RTO_MAX = 120 * SECOND;
const TIMEWAIT_LENGTH = 60 * SECOND;
/** Least delay of an acknowledgement. */
const ATO_MIN = 40_000;
const TIMESTAMP_OPTION_LENGTH = 12;
const INITIAL_CWND = 10;
/** Acknowledgements that are sent at once at the beginning, at the most. */
const MAX_QUICKACKS = 16;
/** Exchanges after which a connection counts as interactive. */
const PINGPONG_THRESHOLD = 1;
/** Bytes of a send buffer once it has grown (`tcp_wmem`'s third value bounds it on Linux). */
const SEND_BUFFER = 4_194_304;

/** Whether a precedes b in sequence space. */
function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

function after(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

function add(a: number, n: number): number {
  return (a + n) >>> 0;
}

/** A part of the stream to send: kept until it is acknowledged. */
interface OutSegment {
  seq: number;
  data: Uint8Array;
  fin: boolean;
  syn: boolean;
  push: boolean;
  /** When it was first sent; -1 before. */
  firstSentMicros: number;
  retransmitted: boolean;
  sacked: boolean;
}

/** Data that arrived before what precedes it. */
interface EarlyData {
  seq: number;
  data: Uint8Array;
  fin: boolean;
}

export class TcpSock implements TcpConnection {
  readonly #protocol: TcpProtocol;
  handlers: TcpHandlers = {};
  state: TcpStateName = "CLOSE";
  readonly family: SocketFamily;
  readonly mapped: boolean;
  readonly localAddress: InetAddress;
  readonly localPort: number;
  readonly remoteAddress: InetAddress;
  readonly remotePort: number;
  readonly options: SocketOptions;
  readonly #device: NetDevice | null;
  #listener: Listener | null = null;
  #way: Way;
  /** The received route and the device it holds for, once established. */
  #rxRoute: Rtable | null = null;
  #rxDevice: NetDevice | null = null;

  // Sending.
  readonly #iss: number;
  #sndUna: number;
  #sndNxt: number;
  /** What the peer allows beyond #sndUna, in bytes. */
  #sndWnd = 0;
  #sndWl1 = 0;
  #maxWindow = 0;
  #writeSeq: number;
  /** End of the last small segment sent (Minshall's rule). */
  #smallSeq: number;
  readonly #queue: OutSegment[] = [];
  /** Index in the queue of the first segment never sent. */
  #unsent = 0;
  #mss = 536;
  #peerMss = 536;
  #sndScale = 0;
  #cwnd = INITIAL_CWND;
  #cwndCount = 0;
  #ssthresh = 0x7fffffff;
  #dupAcks = 0;
  /** Recovery lasts until this is acknowledged; null outside. */
  #recover: number | null = null;
  #writeBlocked = false;

  // Receiving.
  #irs = 0;
  #rcvNxt = 0;
  #rcvWup = 0;
  #rcvWnd = 0;
  #rcvScale = 0;
  #rcvSsthresh = 0;
  #rcvMss = 536;
  readonly #early: EarlyData[] = [];
  /** The block to report first. */
  #lastEarly: EarlyData | null = null;
  readonly #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #finReceived = false;
  #endDelivered = false;
  #paused = false;

  // Options in force.
  #tsOk = false;
  #sackOk = false;
  #tsOffset: number;
  #tsRecent = 0;
  #ident: number;

  // Acknowledging.
  #quick = 0;
  #pingpong = 0;
  #ato = 0;
  #ackScheduled = false;
  #ackPushed = false;
  #ackNow = false;
  #lastReceiveMicros = 0;

  // Timing.
  #srtt = 0;
  #rttvar = 0;
  #rto = SECOND;
  #backoff = 0;
  #retransmits = 0;
  #probes = 0;
  /** When the stretch of unanswered retransmissions began. */
  #stalledSinceMicros = 0;
  readonly #timer: Timer;
  #timerMode: "none" | "retransmit" | "probe" | "synack" | "timewait" | "finwait2" = "none";
  readonly #delayedAck: Timer;

  #softError = 0;
  #shutdown = false;
  /** The program gave the connection up. */
  #orphan = false;
  #closedToOwner = false;
  #connectPending = false;

  constructor(
    protocol: TcpProtocol,
    family: SocketFamily,
    local: InetAddress,
    localPort: number,
    remote: InetAddress,
    remotePort: number,
    options: SocketOptions,
    device: NetDevice | null,
    way: Way,
    mapped = false,
  ) {
    this.#protocol = protocol;
    this.family = family;
    this.mapped = mapped;
    this.localAddress = local;
    this.localPort = localPort;
    this.remoteAddress = remote;
    this.remotePort = remotePort;
    this.options = options;
    this.#device = device;
    this.#way = way;
    const { random, clock } = protocol.net;
    this.#iss = random.u32();
    this.#sndUna = this.#iss;
    this.#sndNxt = this.#iss;
    this.#writeSeq = this.#iss;
    this.#smallSeq = this.#iss;
    this.#tsOffset = random.u32();
    this.#ident = random.u32() & 0xffff;
    this.#timer = clock.timer(() => this.#onTimer());
    this.#delayedAck = clock.timer(() => this.#onDelayedAck());
  }

  // --- calls of the program ---------------------------------------------------------------------------------------

  get unread(): number {
    return this.#inboxBytes;
  }

  get unacknowledged(): number {
    return this.state === "TIME_WAIT" || this.state === "CLOSE" ? 0 : (this.#writeSeq - this.#sndUna) >>> 0;
  }

  get writable(): number {
    return Math.max(0, SEND_BUFFER - this.unacknowledged);
  }

  write(bytes: Uint8Array): number {
    if (
      this.#shutdown ||
      this.#orphan ||
      !(
        this.state === "ESTABLISHED" ||
        this.state === "CLOSE_WAIT" ||
        this.state === "SYN_SENT" ||
        this.state === "SYN_RECV"
      )
    )
      throw new SystemError(EPIPE);
    const take = Math.min(bytes.length, this.writable);
    this.#writeBlocked = take < bytes.length;
    let from = 0;
    while (from < take) {
      let tail = this.#queue.at(-1);
      if (tail === undefined || tail.syn || tail.firstSentMicros >= 0 || tail.data.length >= this.#mss) {
        tail = this.#newSegment(new Uint8Array(0));
        this.#queue.push(tail);
      }
      const size = Math.min(take - from, this.#mss - tail.data.length);
      const joined = new Uint8Array(tail.data.length + size);
      joined.set(tail.data, 0);
      joined.set(bytes.subarray(from, from + size), tail.data.length);
      tail.data = joined;
      from += size;
      this.#writeSeq = add(this.#writeSeq, size);
    }
    const last = this.#queue.at(-1);
    if (take > 0 && last !== undefined) last.push = true;
    if (this.state === "ESTABLISHED" || this.state === "CLOSE_WAIT") this.#push();
    return take;
  }

  #newSegment(data: Uint8Array): OutSegment {
    return {
      seq: this.#writeSeq,
      data,
      fin: false,
      syn: false,
      push: false,
      firstSentMicros: -1,
      retransmitted: false,
      sacked: false,
    };
  }

  shutdown(): void {
    if (this.#shutdown) return;
    this.#shutdown = true;
    if (this.state === "SYN_SENT") return;
    this.#sendFin();
  }

  close(): void {
    if (this.#orphan) return;
    this.#orphan = true;
    this.handlers = {};
    if (this.state === "SYN_SENT") {
      this.#finish();
      return;
    }
    if (this.#inboxBytes > 0) {
      this.#protocol.net.ip.snmp.tcp.TCPAbortOnClose++;
      this.abort();
      return;
    }
    this.#paused = false;
    const shut = this.#shutdown;
    this.#shutdown = true;
    if (!shut) this.#sendFin();
    if (this.state === "FIN_WAIT2") this.#arm("finwait2", this.#protocol.finTimeout * SECOND);
  }

  abort(): void {
    this.#orphan = true;
    this.handlers = {};
    if (this.state !== "CLOSE" && this.state !== "SYN_SENT" && this.state !== "TIME_WAIT")
      this.#sendControl(TCP_RST | TCP_ACK, this.#sndNxt);
    this.#finish();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.deliver();
  }

  /** Gives buffered bytes, and the end, to the program. */
  deliver(): void {
    if (this.#listener !== null) return;
    if (this.#connectPending) {
      this.#connectPending = false;
      this.handlers.onConnect?.();
    }
    let copied = false;
    while (!this.#paused && this.#inbox.length > 0) {
      const bytes = this.#inbox.shift() as Uint8Array;
      this.#inboxBytes -= bytes.length;
      copied = true;
      this.handlers.onData?.(bytes);
    }
    if (copied) this.#afterRead();
    if (!this.#paused && this.#finReceived && !this.#endDelivered && this.#inbox.length === 0) {
      this.#endDelivered = true;
      this.handlers.onEnd?.();
    }
  }

  /** The program read: the window may open, and a waiting acknowledgement need wait no longer. Models `tcp_cleanup_rbuf()`. */
  #afterRead(): void {
    if (this.state === "CLOSE" || this.state === "TIME_WAIT") return;
    let now = false;
    if (this.#ackScheduled)
      now =
        ((this.#rcvNxt - this.#rcvWup) | 0) > this.#rcvMss ||
        (this.#ackPushed && this.#pingpong < PINGPONG_THRESHOLD && this.#inboxBytes === 0);
    if (!now && !this.#finReceived) {
      const left = this.#windowLeft();
      if (2 * left <= this.#windowClamp()) {
        const fresh = this.#selectWindow();
        now = fresh > 0 && fresh >= 2 * left;
      }
    }
    if (now) this.#sendAck();
  }

  /** Forgets the connection without a word. */
  forget(): void {
    this.#finish();
  }

  // --- handshake --------------------------------------------------------------------------------------------------

  sendSyn(): void {
    this.state = "SYN_SENT";
    this.#setMss(536);
    this.#initialWindow(this.#advertisedMss());
    const syn = this.#newSegment(new Uint8Array(0));
    syn.syn = true;
    this.#queue.push(syn);
    this.#writeSeq = add(this.#iss, 1);
    this.#smallSeq = this.#writeSeq;
    this.#unsent = 1;
    this.#sndNxt = this.#writeSeq;
    this.#transmit(syn);
    this.#arm("retransmit", this.#rto);
  }

  /** Begins a handshake that a SYN asked for. Models `tcp_conn_request()`. */
  answerSyn(listener: Listener, skb: SkBuff, at: number): void {
    this.#listener = listener;
    this.#takeSyn(skb, at);
    this.state = "SYN_RECV";
    this.#writeSeq = add(this.#iss, 1);
    this.#smallSeq = this.#writeSeq;
    this.#sndNxt = this.#writeSeq;
    this.#sendSynAck();
    this.#arm("synack", SECOND);
  }

  /** Learns from a SYN (or SYN-ACK) what the peer can do. */
  #takeSyn(skb: SkBuff, at: number): void {
    const { data } = skb;
    const options = parseTcpOptions(data, at);
    const protocol = this.#protocol;
    this.#irs = tcpSeq(data, at);
    this.#rcvNxt = add(this.#irs, 1);
    this.#rcvWup = this.#rcvNxt;
    this.#tsOk = options.timestamp !== undefined && protocol.timestamps !== 0;
    if (this.#tsOk && options.timestamp !== undefined) this.#tsRecent = options.timestamp.value;
    this.#sackOk = options.sackPermitted === true && protocol.sack !== 0;
    const advertised = this.#advertisedMss();
    if (this.#rcvWnd === 0) this.#initialWindow(advertised - (this.#tsOk ? TIMESTAMP_OPTION_LENGTH : 0));
    if (options.windowScale !== undefined && protocol.windowScaling !== 0)
      this.#sndScale = Math.min(options.windowScale, 14);
    else {
      this.#sndScale = 0;
      this.#rcvScale = 0;
    }
    // The window of a SYN is never scaled.
    this.#sndWnd = tcpWindow(data, at);
    this.#maxWindow = this.#sndWnd;
    this.#sndWl1 = this.#irs;
    this.#setMss(options.mss ?? 536);
    this.#rcvMss = Math.min(this.#mss, Math.max(536, 88), advertised);
  }

  #advertisedMss(): number {
    return this.family.advertisedMss(this.#way);
  }

  /** Models `tcp_select_initial_window()`. */
  #initialWindow(mss: number): void {
    const { rmem, windowScaling } = this.#protocol;
    const space = Math.min(rmem[1] >> 1, 65535 + 1);
    this.#rcvWnd = mss > 0 && space > mss ? Math.floor(space / mss) * mss : space;
    this.#rcvWnd = Math.min(this.#rcvWnd, 65535);
    this.#rcvSsthresh = this.#rcvWnd;
    this.#rcvScale = windowScaling === 0 ? 0 : Math.max(0, Math.min(14, Math.floor(Math.log2(rmem[2])) - 15));
    if (this.#rcvScale > 0) {
      const unit = 1 << this.#rcvScale;
      this.#rcvSsthresh = Math.ceil(this.#rcvWnd / unit) * unit;
    }
  }

  /** The most this end's buffer takes, in bytes of data. */
  #windowClamp(): number {
    return Math.floor((this.#protocol.rmem[1] * 95) / 128);
  }

  #setMss(peer: number): void {
    this.#peerMss = peer;
    const room = this.#way.mtu - this.family.headerLength - TCP_HEADER_LENGTH;
    this.#mss = Math.max(36, Math.min(peer, room) - (this.#tsOk ? TIMESTAMP_OPTION_LENGTH : 0));
  }

  #establish(skb: SkBuff): void {
    this.state = "ESTABLISHED";
    this.#disarm();
    this.#backoff = 0;
    this.#retransmits = 0;
    this.#keepRoute(skb);
  }

  /** Keeps the route that a segment arrived by for those to come. Models `inet_sk_rx_dst_set()`. */
  #keepRoute(skb: SkBuff): void {
    const rt = skb.dst;
    if (rt instanceof Rtable && rt.input === DST_LOCAL_DELIVER) {
      this.#rxRoute = rt;
      this.#rxDevice = inetIif(skb);
    }
  }

  receivedRoute(dev: NetDevice): Rtable | null {
    if (this.state === "SYN_RECV" || this.state === "SYN_SENT" || this.state === "TIME_WAIT") return null;
    if (this.#orphan && this.state === "FIN_WAIT2") return null;
    const rt = this.#rxRoute;
    return rt !== null && this.#rxDevice === dev && this.#protocol.net.ip.routing.valid(rt) ? rt : null;
  }

  // --- segments in ------------------------------------------------------------------------------------------------

  /** Whether a new connection may take these addresses and ports. */
  get canBeReplaced(): boolean {
    // A second of TIME_WAIT passes first, so that timestamps move on. Models tcp_twsk_unique().
    return (
      this.state === "TIME_WAIT" &&
      this.#tsOk &&
      this.#protocol.net.clock.nowMicros - this.#stalledSinceMicros >= SECOND
    );
  }

  /** Whether a segment opens a new connection in place of this one, which is then forgotten. Models `tcp_timewait_state_process()`. */
  yieldsTo(skb: SkBuff, at: number): boolean {
    if (this.state !== "TIME_WAIT") return false;
    const { data } = skb;
    if ((tcpFlags(data, at) & (TCP_SYN | TCP_RST | TCP_ACK)) !== TCP_SYN) return false;
    const options = parseTcpOptions(data, at);
    const newer =
      after(tcpSeq(data, at), this.#rcvNxt) ||
      (this.#tsOk && options.timestamp !== undefined && after(options.timestamp.value, this.#tsRecent));
    if (newer) this.#finish();
    return newer;
  }

  receive(skb: SkBuff, at: number, length: number): void {
    const { data } = skb;
    const flags = tcpFlags(data, at);
    if (this.state === "SYN_SENT") this.#inSynSent(skb, at, flags, length);
    else if (this.state === "TIME_WAIT") this.#inTimeWait(skb, at, flags, length);
    else this.#inConnection(skb, at, flags, length);
    if (this.state !== "SYN_RECV") this.deliver();
  }

  #inSynSent(skb: SkBuff, at: number, flags: number, length: number): void {
    const { data } = skb;
    const ack = tcpAckSeq(data, at);
    if ((flags & TCP_ACK) !== 0 && (!after(ack, this.#iss) || after(ack, this.#sndNxt))) {
      this.#protocol.sendReset(skb, at, length, this.options.transparent);
      return;
    }
    if ((flags & TCP_RST) !== 0) {
      if ((flags & TCP_ACK) !== 0) this.#fail(ECONNREFUSED);
      return;
    }
    if ((flags & TCP_SYN) === 0) return;
    if ((flags & TCP_ACK) === 0) {
      // Both ends opened at once.
      this.#takeSyn(skb, at);
      this.state = "SYN_RECV";
      this.#sendSynAck();
      return;
    }
    this.#sampleRtt(this.#queue[0]);
    this.#queue.shift();
    this.#unsent = Math.max(0, this.#unsent - 1);
    this.#takeSyn(skb, at);
    this.#resegment();
    this.#sndUna = ack;
    this.#establish(skb);
    this.#connectPending = true;
    const had = this.#queue.length > 0 || this.#shutdown;
    if (!had) this.#sendAck();
    else {
      this.#ackScheduled = true;
      if (this.#shutdown) this.#sendFin();
      this.#push();
      if (this.#ackScheduled) this.#sendAck();
    }
  }

  #inTimeWait(skb: SkBuff, at: number, flags: number, length: number): void {
    const { data } = skb;
    if ((flags & TCP_RST) !== 0) {
      if (tcpSeq(data, at) === this.#rcvNxt) this.#finish();
      return;
    }
    const payload = length - tcpHeaderLength(data, at);
    if (payload > 0 || (flags & (TCP_FIN | TCP_SYN)) !== 0 || tcpSeq(data, at) !== this.#rcvNxt) {
      this.#sendAck();
      this.#arm("timewait", TIMEWAIT_LENGTH);
    }
  }

  /** Every state from SYN_RECV on. Models `tcp_rcv_established()` and `tcp_rcv_state_process()`. */
  #inConnection(skb: SkBuff, at: number, flags: number, length: number): void {
    const { data } = skb;
    const seq = tcpSeq(data, at);
    const header = tcpHeaderLength(data, at);
    const payload = length - header;
    const end = add(seq, payload + ((flags & TCP_FIN) !== 0 ? 1 : 0) + ((flags & TCP_SYN) !== 0 ? 1 : 0));
    const options: TcpOptions = header > TCP_HEADER_LENGTH ? parseTcpOptions(data, at) : {};
    const stamp = this.#tsOk ? options.timestamp : undefined;
    if (stamp !== undefined && (flags & TCP_RST) === 0 && before(stamp.value, this.#tsRecent)) {
      // Older than what was seen: a ghost (RFC 7323).
      this.#protocol.net.ip.snmp.tcp.PAWSEstab++;
      this.#duplicateAck();
      return;
    }
    if (this.state === "SYN_RECV" && (flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN && seq === this.#irs) {
      this.#sendSynAck();
      return;
    }
    const windowEnd = add(this.#rcvWup, this.#rcvWnd);
    if (before(end, this.#rcvWup) || after(seq, windowEnd)) {
      if ((flags & TCP_RST) === 0) this.#duplicateAck();
      return;
    }
    if ((flags & TCP_RST) !== 0) {
      if (seq === this.#rcvNxt) this.#reset();
      else this.#sendAck();
      return;
    }
    if ((flags & TCP_SYN) !== 0) {
      // A challenge: the peer's answer tells (RFC 5961).
      if (
        this.state === "SYN_RECV" &&
        (flags & TCP_ACK) !== 0 &&
        this.#listener === null &&
        tcpAckSeq(data, at) === this.#sndNxt
      ) {
        this.#queue.length = 0;
        this.#unsent = 0;
        this.#sndUna = this.#sndNxt;
        this.#establish(skb);
        this.#connectPending = true;
      }
      this.#sendAck();
      return;
    }
    if ((flags & TCP_ACK) === 0) return;
    const ack = tcpAckSeq(data, at);
    if (this.state === "SYN_RECV" && !this.#finishHandshake(skb, at, length, ack)) return;
    if (stamp !== undefined && !after(seq, this.#rcvWup)) this.#tsRecent = stamp.value;
    if (this.#rxRoute === null) this.#keepRoute(skb);
    if (after(ack, this.#sndNxt)) {
      this.#sendAck();
      return;
    }
    this.#takeAck(ack, seq, tcpWindow(data, at), payload, options, stamp?.echo);
    // The acknowledgement may have ended the connection or moved it on.
    const state: TcpStateName = this.state;
    if (state === "CLOSE" || state === "TIME_WAIT") return;
    if (this.#orphan && payload > 0 && (state === "FIN_WAIT1" || state === "FIN_WAIT2") && after(end, this.#rcvNxt)) {
      // Nobody is left to read it.
      this.#protocol.net.ip.snmp.tcp.TCPAbortOnData++;
      this.#protocol.sendReset(skb, at, length, this.options.transparent);
      this.#finish();
      return;
    }
    if (payload > 0 || (flags & TCP_FIN) !== 0)
      this.#takeData(
        seq,
        data.slice(at + header, at + length),
        (flags & (TCP_FIN | TCP_PSH)) !== 0,
        (flags & TCP_FIN) !== 0,
      );
    if (this.state === "CLOSE") return;
    this.#push();
    this.#ackCheck();
  }

  /** The last step of a passive open. Returns false when the segment was not it. */
  #finishHandshake(skb: SkBuff, at: number, length: number, ack: number): boolean {
    if (ack !== this.#sndNxt) {
      this.#protocol.sendReset(skb, at, length, this.options.transparent);
      return false;
    }
    const listener = this.#listener;
    if (listener !== null && listener.full) {
      this.#protocol.net.ip.snmp.tcp.ListenOverflows++;
      return false;
    }
    this.#sndUna = ack;
    this.#queue.length = 0;
    this.#unsent = 0;
    if (this.#retransmits === 0) this.#rttSample(this.#protocol.net.clock.nowMicros - this.#stalledSinceMicros);
    this.#establish(skb);
    this.#sndWnd = tcpWindow(skb.data, at) << this.#sndScale;
    this.#sndWl1 = tcpSeq(skb.data, at);
    if (listener === null) {
      this.#connectPending = true;
      return true;
    }
    this.#listener = null;
    this.#protocol.net.ip.snmp.tcp.PassiveOpens++;
    listener.offer(this);
    return true;
  }

  // --- acknowledgements in ----------------------------------------------------------------------------------------

  #takeAck(
    ack: number,
    seq: number,
    window: number,
    payload: number,
    options: TcpOptions,
    echo: number | undefined,
  ): void {
    if (before(ack, this.#sndUna)) return;
    const scaled = window << this.#sndScale;
    const windowBefore = this.#sndWnd;
    if (after(ack, this.#sndUna) || after(seq, this.#sndWl1) || (seq === this.#sndWl1 && scaled > this.#sndWnd)) {
      this.#sndWnd = scaled;
      this.#sndWl1 = seq;
      this.#maxWindow = Math.max(this.#maxWindow, scaled);
    }
    this.#probes = 0;
    if (options.sack !== undefined && this.#sackOk)
      for (const block of options.sack)
        for (let i = 0; i < this.#unsent; i++) {
          const segment = this.#queue[i];
          const end = this.#endOf(segment);
          if (!before(segment.seq, block.left) && !after(end, block.right)) segment.sacked = true;
        }
    if (ack === this.#sndUna) {
      const outstanding = this.#unsent > 0;
      if (outstanding && payload === 0 && scaled === windowBefore) this.#onDuplicateAck();
      if (!outstanding && this.#timerMode === "probe" && this.#sndWnd > 0) {
        this.#disarm();
        this.#backoff = 0;
      }
      return;
    }
    this.#onNewAck(ack, echo);
  }

  #onNewAck(ack: number, echo: number | undefined): void {
    let acked = 0;
    let newest: OutSegment | null = null;
    while (this.#unsent > 0) {
      const segment = this.#queue[0];
      const end = this.#endOf(segment);
      if (after(end, ack)) {
        if (after(ack, segment.seq)) {
          // A part of it was acknowledged.
          segment.data = segment.data.subarray((ack - segment.seq) >>> 0);
          segment.seq = ack;
        }
        break;
      }
      if (!segment.retransmitted) newest = segment;
      this.#queue.shift();
      this.#unsent--;
      acked++;
    }
    this.#sndUna = ack;
    const { clock } = this.#protocol.net;
    if (newest !== null) this.#sampleRtt(newest);
    else if (echo !== undefined && echo !== 0 && this.#tsOk) {
      const millis = (this.#timestamp() - echo) | 0;
      if (millis >= 0) this.#rttSample(Math.max(1, millis) * 1000);
    }
    this.#retransmits = 0;
    this.#backoff = 0;
    this.#softError = 0;
    this.#stalledSinceMicros = clock.nowMicros;
    if (this.#recover !== null) {
      if (before(ack, this.#recover)) {
        // A partial acknowledgement: the next hole (RFC 6582).
        this.#dupAcks = 0;
        const hole = this.#firstHole();
        if (hole !== null) this.#retransmit(hole);
      } else {
        this.#recover = null;
        this.#dupAcks = 0;
        this.#cwnd = Math.max(2, this.#ssthresh);
      }
    } else {
      this.#dupAcks = 0;
      this.#growCwnd(acked);
    }
    if (this.#unsent > 0) this.#arm("retransmit", this.#rto);
    else if (this.#timerMode === "retransmit" || this.#timerMode === "probe") this.#disarm();
    if (this.#shutdown && this.#sndUna === this.#writeSeq) this.#finAcknowledged();
    if (this.#writeBlocked && this.writable >= SEND_BUFFER / 3) {
      this.#writeBlocked = false;
      this.handlers.onWritable?.();
    }
  }

  #growCwnd(acked: number): void {
    if (this.#cwnd < this.#ssthresh) {
      this.#cwnd += acked;
      return;
    }
    this.#cwndCount += acked;
    if (this.#cwndCount >= this.#cwnd) {
      this.#cwndCount -= this.#cwnd;
      this.#cwnd++;
    }
  }

  #onDuplicateAck(): void {
    this.#dupAcks++;
    if (this.#recover !== null) {
      this.#cwnd++;
      return;
    }
    if (this.#dupAcks < 3) return;
    this.#ssthresh = Math.max(2, this.#inFlight() >> 1);
    this.#cwnd = this.#ssthresh + 3;
    this.#recover = this.#sndNxt;
    const hole = this.#firstHole();
    if (hole !== null) this.#retransmit(hole);
  }

  #firstHole(): OutSegment | null {
    for (let i = 0; i < this.#unsent; i++) if (!this.#queue[i].sacked) return this.#queue[i];
    return null;
  }

  #inFlight(): number {
    let count = 0;
    for (let i = 0; i < this.#unsent; i++) if (!this.#queue[i].sacked) count++;
    return count;
  }

  #finAcknowledged(): void {
    if (this.state === "FIN_WAIT1") {
      this.state = "FIN_WAIT2";
      if (this.#orphan) this.#arm("finwait2", this.#protocol.finTimeout * SECOND);
    } else if (this.state === "CLOSING") this.#timeWait();
    else if (this.state === "LAST_ACK") this.#finish();
  }

  // --- data in ----------------------------------------------------------------------------------------------------

  #takeData(seq: number, bytes: Uint8Array, push: boolean, fin: boolean): void {
    let data = bytes;
    let from = seq;
    if (before(from, this.#rcvNxt)) {
      const old = (this.#rcvNxt - from) >>> 0;
      if (old > data.length || (old === data.length && !fin)) {
        // Seen already: the peer missed our acknowledgement.
        this.#enterQuickAck();
        this.#ackNow = true;
        return;
      }
      data = data.subarray(old);
      from = this.#rcvNxt;
    }
    const room = (add(this.#rcvWup, this.#rcvWnd) - from) | 0;
    if (data.length > room) {
      if (room <= 0 && data.length > 0) {
        this.#ackNow = true;
        this.#enterQuickAck();
        return;
      }
      data = data.subarray(0, room);
      fin = false;
    }
    if (this.#finReceived) return;
    if (from !== this.#rcvNxt) {
      this.#keepEarly(from, data, fin);
      this.#ackNow = true;
      return;
    }
    this.#received(data, push);
    if (fin) this.#takeFin();
    this.#joinEarly();
  }

  #received(data: Uint8Array, push: boolean): void {
    if (data.length === 0) return;
    const now = this.#protocol.net.clock.nowMicros;
    this.#rcvNxt = add(this.#rcvNxt, data.length);
    if (!this.#orphan) {
      this.#inbox.push(data.slice());
      this.#inboxBytes += data.length;
    }
    if (data.length >= this.#rcvMss) this.#rcvMss = Math.min(data.length, this.#advertisedMss());
    else if (push) this.#ackPushed = true;
    this.#ackScheduled = true;
    if (this.#ato === 0) {
      this.#quickAcks(MAX_QUICKACKS);
      this.#ato = ATO_MIN;
    } else {
      const gap = now - this.#lastReceiveMicros;
      if (gap <= ATO_MIN / 2) this.#ato = (this.#ato >> 1) + ATO_MIN / 2;
      else if (gap < this.#ato) this.#ato = Math.min((this.#ato >> 1) + gap, this.#rto);
      else if (gap > this.#rto) this.#quickAcks(MAX_QUICKACKS);
    }
    this.#lastReceiveMicros = now;
    if (data.length >= 128)
      this.#rcvSsthresh = Math.min(this.#rcvSsthresh + 2 * Math.max(data.length, this.#rcvMss), this.#windowClamp());
  }

  #quickAcks(max: number): void {
    const quick = Math.max(2, Math.floor(this.#rcvWnd / (2 * this.#rcvMss)));
    this.#quick = Math.max(this.#quick, Math.min(quick, max));
  }

  #enterQuickAck(): void {
    this.#quickAcks(MAX_QUICKACKS);
    this.#pingpong = 0;
    this.#ato = ATO_MIN;
  }

  #keepEarly(seq: number, data: Uint8Array, fin: boolean): void {
    if (data.length === 0 && !fin) return;
    this.#enterQuickAck();
    let piece: EarlyData = { seq, data: data.slice(), fin };
    // Blocks that touch become one.
    for (let i = 0; i < this.#early.length; ) {
      const other = this.#early[i];
      const otherEnd = add(other.seq, other.data.length);
      const end = add(piece.seq, piece.data.length);
      if (after(other.seq, end) || after(piece.seq, otherEnd)) {
        i++;
        continue;
      }
      const start = before(other.seq, piece.seq) ? other.seq : piece.seq;
      const stop = after(otherEnd, end) ? otherEnd : end;
      const joined = new Uint8Array((stop - start) >>> 0);
      joined.set(other.data, (other.seq - start) >>> 0);
      joined.set(piece.data, (piece.seq - start) >>> 0);
      piece = { seq: start, data: joined, fin: piece.fin || other.fin };
      this.#early.splice(i, 1);
    }
    this.#early.push(piece);
    this.#early.sort((a, b) => (a.seq - b.seq) | 0);
    this.#lastEarly = piece;
  }

  #joinEarly(): void {
    while (this.#early.length > 0) {
      const piece = this.#early[0];
      if (after(piece.seq, this.#rcvNxt)) break;
      this.#early.shift();
      if (this.#lastEarly === piece) this.#lastEarly = null;
      const old = (this.#rcvNxt - piece.seq) >>> 0;
      if (old <= piece.data.length) {
        this.#received(piece.data.subarray(old), false);
        if (piece.fin) this.#takeFin();
      }
      this.#ackNow = true;
    }
  }

  #takeFin(): void {
    if (this.#finReceived) return;
    this.#finReceived = true;
    this.#rcvNxt = add(this.#rcvNxt, 1);
    this.#ackScheduled = true;
    if (this.state === "ESTABLISHED") {
      this.state = "CLOSE_WAIT";
      // No data will follow: acknowledgements may wait for ours.
      this.#pingpong = PINGPONG_THRESHOLD;
    } else if (this.state === "FIN_WAIT1") {
      this.state = "CLOSING";
      this.#sendAck();
    } else if (this.state === "FIN_WAIT2") {
      this.#sendAck();
      this.#timeWait();
    }
  }

  /** Acknowledges now, soon, or not. Models `__tcp_ack_snd_check()`. */
  #ackCheck(): void {
    if (this.state === "TIME_WAIT" || this.state === "CLOSE") return;
    if (this.#ackNow) {
      this.#sendAck();
      return;
    }
    if (!this.#ackScheduled) return;
    const behind = (this.#rcvNxt - this.#rcvWup) | 0;
    const quick = this.#quick > 0 && this.#pingpong < PINGPONG_THRESHOLD;
    if ((behind > this.#rcvMss && this.#selectWindow() >= this.#windowLeft()) || quick || this.#early.length > 0) {
      this.#sendAck();
      return;
    }
    if (!this.#delayedAck.pending) {
      const { clock } = this.#protocol.net;
      // Before any data came the delay is none but the timer's own step.
      const wait = this.#ato === 0 ? 0 : Math.min(this.#ato, Math.max(this.#srtt, ATO_MIN), 200_000);
      clock.rearmOnWheel(this.#delayedAck, wait);
    }
  }

  #onDelayedAck(): void {
    if (this.state === "CLOSE" || this.state === "TIME_WAIT" || !this.#ackScheduled) return;
    if (this.#pingpong < PINGPONG_THRESHOLD) this.#ato = Math.min(this.#ato << 1, this.#rto);
    else {
      this.#pingpong = 0;
      this.#ato = ATO_MIN;
    }
    this.#sendAck();
  }

  #duplicateAck(): void {
    this.#enterQuickAck();
    this.#sendAck();
  }

  // --- windows ----------------------------------------------------------------------------------------------------

  /** What remains of the window advertised last. Models `tcp_receive_window()`. */
  #windowLeft(): number {
    return Math.max(0, (add(this.#rcvWup, this.#rcvWnd) - this.#rcvNxt) | 0);
  }

  /** The window to advertise. Models `__tcp_select_window()`. */
  #selectWindow(): number {
    const full = this.#windowClamp();
    const mss = Math.min(this.#rcvMss, full);
    let free = full - this.#inboxBytes;
    if (free < full >> 1 && (free < full >> 4 || free < mss)) return 0;
    free = Math.min(free, this.#rcvSsthresh);
    if (this.#rcvScale > 0) {
      const unit = 1 << this.#rcvScale;
      return Math.ceil(free / unit) * unit;
    }
    return Math.min(free, 65535);
  }

  /** Chooses the window field and remembers what was promised. Models `tcp_select_window()`. */
  #advertise(): number {
    const left = this.#windowLeft();
    let fresh = this.#selectWindow();
    const unit = 1 << this.#rcvScale;
    if (fresh < left) fresh = Math.ceil(left / unit) * unit;
    fresh = Math.min(fresh, 65535 << this.#rcvScale);
    this.#rcvWnd = fresh;
    this.#rcvWup = this.#rcvNxt;
    return fresh >>> this.#rcvScale;
  }

  // --- segments out -----------------------------------------------------------------------------------------------

  #endOf(segment: OutSegment): number {
    return add(segment.seq, segment.data.length + (segment.fin ? 1 : 0) + (segment.syn ? 1 : 0));
  }

  /** Sends what windows and rules allow. Models `tcp_write_xmit()`. */
  #push(): void {
    if (
      this.state !== "ESTABLISHED" &&
      this.state !== "CLOSE_WAIT" &&
      this.state !== "FIN_WAIT1" &&
      this.state !== "LAST_ACK" &&
      this.state !== "CLOSING"
    )
      return;
    let sent = false;
    while (this.#unsent < this.#queue.length) {
      const segment = this.#queue[this.#unsent];
      if (this.#inFlight() >= this.#cwnd) break;
      const room = (add(this.#sndUna, this.#sndWnd) - segment.seq) | 0;
      const size = segment.data.length;
      if (size > 0 && room <= 0) break;
      if (size === 0 && room < 0) break;
      const limit = Math.min(room, this.#mss);
      if (size > limit) {
        // Less than half of the largest window at a time would be silly.
        if (limit < this.#mss && this.#unsent > 0) break;
        this.#split(this.#unsent, limit);
        if (limit < size && limit < this.#mss && this.#inFlight() > 0) break;
        continue;
      }
      const small = size < this.#mss;
      const isLast = this.#unsent === this.#queue.length - 1;
      // Nagle, with Minshall's change: one small segment under way at a time.
      if (small && !segment.fin && isLast && after(this.#smallSeq, this.#sndUna) && this.#unsent > 0) break;
      this.#unsent++;
      this.#sndNxt = this.#endOf(segment);
      if (small && size > 0) this.#smallSeq = this.#sndNxt;
      this.#dataSent();
      this.#transmit(segment);
      sent = true;
    }
    if (sent && this.#timerMode !== "retransmit") this.#arm("retransmit", this.#rto);
    // Data, no window, nothing under way: ask until the window opens.
    if (this.#unsent === 0 && this.#queue.length > 0 && this.#timerMode === "none") this.#arm("probe", this.#rto);
  }

  /** Models `tcp_event_data_sent()`. */
  #dataSent(): void {
    if (this.#protocol.net.clock.nowMicros - this.#lastReceiveMicros < this.#ato) this.#pingpong++;
  }

  #split(index: number, size: number): void {
    const segment = this.#queue[index];
    const rest: OutSegment = { ...segment, seq: add(segment.seq, size), data: segment.data.subarray(size) };
    segment.data = segment.data.subarray(0, size);
    segment.fin = false;
    segment.push = false;
    this.#queue.splice(index + 1, 0, rest);
    if (index < this.#unsent) this.#unsent++;
  }

  /** Cuts segments that the maximum segment size no longer allows. */
  #resegment(): void {
    for (let i = 0; i < this.#queue.length; i++) if (this.#queue[i].data.length > this.#mss) this.#split(i, this.#mss);
  }

  #sendFin(): void {
    if (this.state === "ESTABLISHED" || this.state === "SYN_RECV") this.state = "FIN_WAIT1";
    else if (this.state === "CLOSE_WAIT") this.state = "LAST_ACK";
    else return;
    const tail = this.#queue.at(-1);
    if (tail !== undefined && tail.firstSentMicros < 0 && !tail.syn) tail.fin = true;
    else {
      const segment = this.#newSegment(new Uint8Array(0));
      segment.fin = true;
      this.#queue.push(segment);
    }
    this.#writeSeq = add(this.#writeSeq, 1);
    this.#push();
  }

  #transmit(segment: OutSegment): void {
    const now = this.#protocol.net.clock.nowMicros;
    if (segment.firstSentMicros < 0) {
      segment.firstSentMicros = now;
      if (this.#inFlight() <= 1 && this.#retransmits === 0) this.#stalledSinceMicros = now;
    }
    let flags = segment.syn ? TCP_SYN : TCP_ACK;
    if (segment.fin) flags |= TCP_FIN;
    if (segment.push && segment.data.length > 0) flags |= TCP_PSH;
    this.#emit(segment.seq, flags, segment.data);
  }

  #retransmit(segment: OutSegment): void {
    segment.retransmitted = true;
    this.#protocol.net.ip.snmp.tcp.RetransSegs++;
    if (segment.data.length > this.#mss) this.#split(this.#queue.indexOf(segment), this.#mss);
    this.#transmit(segment);
  }

  #sendAck(): void {
    this.#emit(this.#sndNxt, TCP_ACK, null);
  }

  #sendControl(flags: number, seq: number): void {
    if ((flags & TCP_RST) !== 0) this.#protocol.net.ip.snmp.tcp.OutRsts++;
    this.#emit(seq, flags, null);
  }

  #sendSynAck(): void {
    this.#stalledSinceMicros = this.#protocol.net.clock.nowMicros;
    this.#emit(this.#iss, TCP_SYN | TCP_ACK, null);
  }

  /** Milliseconds, from a start of the connection's own. */
  #timestamp(): number {
    return (this.#tsOffset + Math.floor(this.#protocol.net.clock.nowMicros / 1000)) >>> 0;
  }

  /** Builds a segment and sends it. Models `__tcp_transmit_skb()`. */
  #emit(seq: number, flags: number, payload: Uint8Array | null): void {
    const protocol = this.#protocol;
    const { net } = protocol;
    const syn = (flags & TCP_SYN) !== 0;
    const options = syn ? this.#synOptions((flags & TCP_ACK) !== 0) : this.#segmentOptions();
    const size = payload === null ? 0 : payload.length;
    const header = TCP_HEADER_LENGTH + options.length;
    const { family } = this;
    if (!family.valid(this.#way)) this.#route();
    // A SYN-ACK is sent before there is a socket to count ids.
    const counted = !(syn && (flags & TCP_ACK) !== 0);
    const skb = family.packet(
      this.#way,
      {
        src: this.localAddress,
        dst: this.remoteAddress,
        protocol: IPPROTO_TCP,
        options: this.options,
        dontFragment: !this.#way.mtuLocked,
        id: counted ? this.#ident++ & 0xffff : 0,
      },
      header + size,
    );
    const at = family.headerLength;
    const { data } = skb;
    put16(data, at + TCP_SRC_PORT, this.localPort);
    put16(data, at + TCP_DST_PORT, this.remotePort);
    put32(data, at + TCP_SEQ, seq);
    put32(data, at + TCP_ACK_SEQ, (flags & TCP_ACK) !== 0 ? this.#rcvNxt : 0);
    data[at + TCP_DATA_OFFSET] = (header >>> 2) << 4;
    data[at + TCP_FLAGS] = flags;
    const window = syn
      ? Math.min(this.#rcvWnd, 65535)
      : (flags & TCP_RST) !== 0 && this.#orphan
        ? 0
        : this.state === "TIME_WAIT"
          ? this.#rcvWnd >>> this.#rcvScale
          : this.#advertise();
    put16(data, at + TCP_WINDOW, window);
    data.set(options, at + TCP_HEADER_LENGTH);
    if (payload !== null) data.set(payload, at + header);
    setTransportChecksum(family, data, at, at + TCP_CHECKSUM, IPPROTO_TCP, header + size);
    if ((flags & TCP_ACK) !== 0) {
      this.#ackScheduled = false;
      this.#ackPushed = false;
      this.#ackNow = false;
      if (this.#quick > 0) this.#quick--;
      net.clock.cancel(this.#delayedAck);
    }
    net.ip.snmp.tcp.OutSegs++;
    family.send(skb);
  }

  /** Routes anew; without a route the one that was stays. */
  #route(): void {
    try {
      this.#way = this.family.route({
        dst: this.remoteAddress,
        src: this.localAddress,
        protocol: IPPROTO_TCP,
        sport: this.localPort,
        dport: this.remotePort,
        options: this.options,
        device: this.#device,
      });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return;
    }
    if (this.state !== "SYN_SENT" && this.state !== "CLOSE") {
      this.#setMss(this.#peerMss);
      this.#resegment();
    }
  }

  /** Models `tcp_syn_options()` and `tcp_synack_options()` with their layout in `tcp_options_write()`. */
  #synOptions(answer: boolean): Uint8Array {
    const protocol = this.#protocol;
    const mss = this.#advertisedMss();
    const bytes: number[] = [TCPOPT_MSS, 4, mss >>> 8, mss & 255];
    const stamps = answer ? this.#tsOk : protocol.timestamps !== 0;
    const sack = answer ? this.#sackOk : protocol.sack !== 0;
    const scale = answer ? this.#rcvScale > 0 || this.#sndScale > 0 : protocol.windowScaling !== 0;
    if (stamps) {
      bytes.push(...(sack ? [TCPOPT_SACK_PERM, 2] : [TCPOPT_NOP, TCPOPT_NOP]), TCPOPT_TIMESTAMP, 10);
      pushWord(bytes, this.#timestamp());
      pushWord(bytes, answer ? this.#tsRecent : 0);
    } else if (sack) bytes.push(TCPOPT_NOP, TCPOPT_NOP, TCPOPT_SACK_PERM, 2);
    if (scale) bytes.push(TCPOPT_NOP, TCPOPT_WINDOW, 3, this.#rcvScale);
    return Uint8Array.from(bytes);
  }

  #segmentOptions(): Uint8Array {
    const bytes: number[] = [];
    if (this.#tsOk) {
      bytes.push(TCPOPT_NOP, TCPOPT_NOP, TCPOPT_TIMESTAMP, 10);
      pushWord(bytes, this.#timestamp());
      pushWord(bytes, this.#tsRecent);
    }
    if (this.#sackOk && this.#early.length > 0) {
      const blocks = [...this.#early];
      const latest = this.#lastEarly === null ? -1 : blocks.indexOf(this.#lastEarly);
      if (latest > 0) blocks.unshift(...blocks.splice(latest, 1));
      const shown = blocks.slice(0, this.#tsOk ? 3 : 4);
      bytes.push(TCPOPT_NOP, TCPOPT_NOP, TCPOPT_SACK, 2 + 8 * shown.length);
      for (const block of shown) {
        pushWord(bytes, block.seq);
        pushWord(bytes, add(block.seq, block.data.length + (block.fin ? 1 : 0)));
      }
    }
    return Uint8Array.from(bytes);
  }

  // --- timers -----------------------------------------------------------------------------------------------------

  #arm(mode: "retransmit" | "probe" | "synack" | "timewait" | "finwait2", delay: number): void {
    const { clock } = this.#protocol.net;
    this.#timerMode = mode;
    clock.rearmOnWheel(this.#timer, delay);
  }

  #disarm(): void {
    this.#timerMode = "none";
    this.#protocol.net.clock.cancel(this.#timer);
  }

  #onTimer(): void {
    const mode = this.#timerMode;
    this.#timerMode = "none";
    if (mode === "retransmit") this.#onRetransmit();
    else if (mode === "probe") this.#onProbe();
    else if (mode === "synack") this.#onSynAckTimer();
    else if (mode !== "none") this.#finish();
  }

  #sampleRtt(segment: OutSegment): void {
    if (!segment.retransmitted && segment.firstSentMicros >= 0)
      this.#rttSample(this.#protocol.net.clock.nowMicros - segment.firstSentMicros);
  }

  /** Models `tcp_rtt_estimator()` and `tcp_set_rto()`. */
  #rttSample(micros: number): void {
    const sample = Math.max(1, micros);
    if (this.#srtt === 0) {
      this.#srtt = sample;
      this.#rttvar = Math.max(sample * 2, RTO_MIN);
    } else {
      const error = Math.abs(sample - this.#srtt);
      this.#srtt += (sample - this.#srtt) / 8;
      this.#rttvar = Math.max(this.#rttvar + (4 * error - this.#rttvar) / 4, RTO_MIN);
    }
    this.#rto = Math.min(RTO_MAX, Math.ceil(this.#srtt + this.#rttvar));
  }

  #onRetransmit(): void {
    const protocol = this.#protocol;
    const head = this.#firstHole() ?? this.#queue[0];
    if (head === undefined || this.#unsent === 0) return;
    const { clock, ip } = protocol.net;
    if (this.state === "SYN_SENT") {
      if (this.#retransmits >= protocol.synRetries + protocol.synLinearTimeouts) {
        this.#timedOut();
        return;
      }
    } else {
      const boundary = this.#orphan ? (protocol.orphanRetries === 0 ? 8 : protocol.orphanRetries) : protocol.retries2;
      if (this.#retransmits > 0 && clock.nowMicros - this.#stalledSinceMicros >= timeoutOf(boundary)) {
        this.#timedOut();
        return;
      }
    }
    ip.snmp.tcp.TCPTimeouts++;
    if (this.#retransmits === 0 && this.state !== "SYN_SENT") {
      this.#ssthresh = Math.max(2, this.#inFlight() >> 1);
      this.#stalledSinceMicros = head.firstSentMicros;
    }
    this.#cwnd = 1;
    // Everything sent and not reported received is taken for lost.
    this.#recover = this.#unsent > 1 ? this.#sndNxt : null;
    this.#dupAcks = 0;
    this.#retransmits++;
    this.#retransmit(head);
    if (this.state !== "SYN_SENT" || this.#retransmits > protocol.synLinearTimeouts) {
      this.#backoff++;
    }
    this.#arm("retransmit", Math.min(this.#rto * 2 ** this.#backoff, RTO_MAX));
  }

  #onProbe(): void {
    const protocol = this.#protocol;
    if (this.#unsent > 0 || this.#queue.length === 0) return;
    if (this.#probes >= (this.#orphan ? 8 : protocol.retries2)) {
      this.#timedOut();
      return;
    }
    if (this.#sndWnd > 0) {
      this.#push();
      if (this.#unsent > 0) return;
      // The window takes less than a segment: send what fits.
      const room = Math.min(this.#sndWnd, this.#mss);
      if (this.#queue[0].data.length > room) this.#split(0, room);
      this.#push();
      if (this.#unsent > 0) return;
    }
    this.#probes++;
    this.#backoff++;
    // An old sequence number: the peer answers with its window.
    this.#emit(add(this.#sndUna, -1), TCP_ACK, null);
    this.#arm("probe", Math.min(this.#rto * 2 ** this.#backoff, RTO_MAX));
  }

  #onSynAckTimer(): void {
    if (this.#retransmits >= this.#protocol.synackRetries) {
      this.#listener?.requests.delete(this);
      this.#finish();
      return;
    }
    this.#retransmits++;
    this.#protocol.net.ip.snmp.tcp.RetransSegs++;
    this.#sendSynAck();
    this.#arm("synack", Math.min(SECOND * 2 ** this.#retransmits, RTO_MAX));
  }

  // --- ends -------------------------------------------------------------------------------------------------------

  /** Models `tcp_v4_err()` for one connection. */
  icmpError(error: IcmpError, seq: number): void {
    if (this.state === "TIME_WAIT" || this.state === "CLOSE") return;
    // Only about something that is under way.
    if (before(seq, this.#sndUna) || after(seq, this.#sndNxt)) return;
    if (error.mtu > 0) {
      if (this.state === "SYN_RECV") return;
      error.learn?.();
      if (this.state === "SYN_SENT") return;
      const known = this.#mss;
      this.#route();
      if (this.#mss < known && this.#unsent > 0) {
        for (let i = 0; i < this.#unsent; i++) if (!this.#queue[i].sacked) this.#retransmit(this.#queue[i]);
        this.#arm("retransmit", this.#rto);
      }
      return;
    }
    // A redirect: what is sent next goes the better way.
    if (error.learn !== null) {
      error.learn();
      return;
    }
    const meaning = this.family.meaning(error.type, error.code);
    if (meaning === null) return;
    if (this.state === "SYN_SENT") this.#fail(meaning.errno);
    else if (this.state === "SYN_RECV" && this.#listener !== null) {
      if (seq === this.#iss) {
        this.#listener.requests.delete(this);
        this.#finish();
      }
    } else this.#softError = meaning.errno;
  }

  #timedOut(): void {
    this.#protocol.net.ip.snmp.tcp.TCPAbortOnTimeout++;
    this.#fail(this.#softError === 0 ? ETIMEDOUT : this.#softError);
  }

  #reset(): void {
    if (this.state === "SYN_RECV" && this.#listener !== null) {
      this.#listener.requests.delete(this);
      this.#finish();
      return;
    }
    this.#protocol.net.ip.snmp.tcp.EstabResets++;
    this.#fail(this.state === "CLOSE_WAIT" ? EPIPE : this.state === "SYN_RECV" ? ECONNREFUSED : ECONNRESET);
  }

  #fail(errno: number): void {
    const { handlers } = this;
    if (this.state === "SYN_SENT" || this.state === "SYN_RECV") this.#protocol.net.ip.snmp.tcp.AttemptFails++;
    this.#remove();
    handlers.onError?.(errno);
    this.#tellClosed(handlers);
  }

  #timeWait(): void {
    this.state = "TIME_WAIT";
    this.#protocol.net.ip.snmp.tcp.TW++;
    this.#protocol.net.clock.cancel(this.#delayedAck);
    this.#stalledSinceMicros = this.#protocol.net.clock.nowMicros;
    this.#arm("timewait", TIMEWAIT_LENGTH);
    const { handlers } = this;
    this.deliver();
    this.#tellClosed(handlers);
  }

  #finish(): void {
    const { handlers } = this;
    this.#remove();
    this.#tellClosed(handlers);
  }

  #remove(): void {
    this.state = "CLOSE";
    this.#disarm();
    this.#protocol.net.clock.cancel(this.#delayedAck);
    this.#protocol.remove(this);
  }

  #tellClosed(handlers: TcpHandlers): void {
    if (this.#closedToOwner) return;
    this.#closedToOwner = true;
    handlers.onClose?.();
  }
}

/** How long retransmissions go unanswered before the connection is given up. Models `tcp_model_timeout()`. */
function timeoutOf(retries: number): number {
  const doublings = Math.floor(Math.log2(RTO_MAX / RTO_MIN));
  if (retries <= doublings) return (2 * 2 ** retries - 1) * RTO_MIN;
  return (2 * 2 ** doublings - 1) * RTO_MIN + (retries - doublings) * RTO_MAX;
}

function pushWord(bytes: number[], value: number): void {
  bytes.push((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}
