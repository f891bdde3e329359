/**
 * One end of a TCP connection: its states from the handshake to the end, and who of its parts gets a segment. Segments
 * look as Linux 6.18 sends them (options, windows, ids, PSH). What is received is receiver.ts's, what is sent
 * sender.ts's, and output.ts puts it on the wire. ECN, urgent data and keepalive are not modelled. Models
 * net/ipv4/tcp_input.c, tcp_output.c, tcp_timer.c and tcp_minisocks.c.
 */
import type { Timer } from "../../clock.js";
import type { NetDevice } from "../../dev/device.js";
import { ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT, SystemError } from "../../errno.js";
import type { IcmpError } from "../../ip/icmp.js";
import { DST_LOCAL_DELIVER, inetIif, Rtable } from "../../ip/route.js";
import type { SkBuff } from "../../skb.js";
import type { InetAddress } from "../../wire/address.js";
import { after, seqAdd } from "../../wire/sequence.js";
import {
  parseTcpOptions,
  TCP_ACK,
  TCP_FIN,
  TCP_HEADER_LENGTH,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  type TcpOptions,
  tcpAckSeq,
  tcpFlags,
  tcpHeaderLength,
  tcpSeq,
  tcpWindow,
} from "../../wire/tcp.js";
import type { SocketFamily, Way } from "../family.js";
import type { SocketOptions, TcpConnection, TcpHandlers, TcpStateName } from "../sockets.js";
import { AckTiming } from "./ack-timing.js";
import type { Backlog, TcpHost } from "./host.js";
import { AgreedOptions, DEFAULT_MSS } from "./options.js";
import { type Ends, SegmentOutput } from "./output.js";
import { ReceiveWindow } from "./receive-window.js";
import { Receiver } from "./receiver.js";
import { RetransmissionTimeout, RTO_MAX, SECOND } from "./rto.js";
import type { OutSegment } from "./send-queue.js";
import { Sender } from "./sender.js";

const TIMEWAIT_LENGTH = 60 * SECOND;
/** Bytes of a send buffer once it has grown (`tcp_wmem`'s third value bounds it on Linux). */
const SEND_BUFFER = 4_194_304;

export class TcpSock implements TcpConnection, Ends {
  readonly #host: TcpHost<TcpSock>;
  handlers: TcpHandlers = {};
  state: TcpStateName = "CLOSE";
  readonly family: SocketFamily;
  readonly mapped: boolean;
  readonly localAddress: InetAddress;
  readonly localPort: number;
  readonly remoteAddress: InetAddress;
  readonly remotePort: number;
  readonly options: SocketOptions;
  readonly device: NetDevice | null;

  readonly #output: SegmentOutput;
  readonly #agreed: AgreedOptions;
  readonly #sender: Sender;
  readonly #rto: RetransmissionTimeout = new RetransmissionTimeout();
  readonly #window: ReceiveWindow;
  readonly #acks: AckTiming;
  readonly #receiver: Receiver;
  /** The received route and the device it holds for, once established. */
  #rxRoute: Rtable | null = null;
  #rxDevice: NetDevice | null = null;

  // The handshake.
  /** Null again once the connection was offered to it, and of a connection that this end opened. */
  #backlog: Backlog<TcpSock> | null = null;
  /** The peer's initial sequence number. */
  #irs = 0;
  #synAcksRepeated = 0;
  #connectPending = false;

  // The program.
  #paused = false;
  #writeBlocked = false;
  #shutdown = false;
  /** The program gave the connection up. */
  #orphan = false;
  #endDelivered = false;
  #closedToOwner = false;

  // The end.
  readonly #timer: Timer;
  #timerMode: "none" | "synack" | "timewait" | "finwait2" = "none";
  #timeWaitSinceMicros = 0;
  #softError = 0;

  constructor(
    host: TcpHost<TcpSock>,
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
    this.#host = host;
    this.family = family;
    this.mapped = mapped;
    this.localAddress = local;
    this.localPort = localPort;
    this.remoteAddress = remote;
    this.remotePort = remotePort;
    this.options = options;
    this.device = device;
    const { random, clock } = host.net;
    this.#sender = new Sender(host, this.#rto, random.u32(), {
      opening: () => this.state === "SYN_SENT",
      orphan: () => this.#orphan,
      transmit: (segment, fresh) => this.#transmit(segment, fresh),
      probe: (seq) => this.#emit(seq, TCP_ACK, null),
      timedOut: () => this.#timedOut(),
    });
    this.#agreed = new AgreedOptions(host, clock, random.u32());
    this.#output = new SegmentOutput(this, way, random.u32() & 0xffff);
    this.#window = new ReceiveWindow(host);
    this.#acks = new AckTiming(clock, this.#window, this.#rto, () => this.#sendAck());
    this.#receiver = new Receiver(this.#window, this.#acks, {
      advertisedMss: () => this.#output.advertisedMss,
      onFin: () => this.#onFin(),
    });
    this.#timer = clock.timer(() => this.#onTimer());
  }

  // --- calls of the program ---------------------------------------------------------------------------------------

  /** Bytes received that the program has not read. */
  get unread(): number {
    return this.#receiver.unread;
  }

  get unacknowledged(): number {
    return this.#over ? 0 : this.#sender.unacknowledged;
  }

  /** Whether nothing more is sent or received. */
  get #over(): boolean {
    return this.state === "CLOSE" || this.state === "TIME_WAIT";
  }

  get writable(): number {
    return Math.max(0, SEND_BUFFER - this.unacknowledged);
  }

  write(bytes: Uint8Array): number {
    const { state } = this;
    const open = state === "ESTABLISHED" || state === "CLOSE_WAIT" || state === "SYN_SENT" || state === "SYN_RECV";
    if (this.#shutdown || this.#orphan || !open) throw new SystemError(EPIPE);
    const take = Math.min(bytes.length, this.writable);
    this.#writeBlocked = take < bytes.length;
    this.#sender.append(bytes.subarray(0, take));
    this.#push();
    return take;
  }

  shutdown(): void {
    if (this.#shutdown) return;
    this.#shutdown = true;
    if (this.state === "SYN_SENT") return;
    this.#sendFin();
  }

  close(): void {
    if (this.#orphan) return;
    this.#giveUp();
    if (this.state === "SYN_SENT") {
      this.#finish();
      return;
    }
    if (this.#receiver.unread > 0) {
      this.#host.net.ip.snmp.tcp.TCPAbortOnClose++;
      this.abort();
      return;
    }
    this.#paused = false;
    this.shutdown();
    if (this.state === "FIN_WAIT2") this.#arm("finwait2", this.#host.finTimeout * SECOND);
  }

  abort(): void {
    this.#giveUp();
    if (this.state !== "CLOSE" && this.state !== "SYN_SENT" && this.state !== "TIME_WAIT")
      this.#sendControl(TCP_RST | TCP_ACK, this.#sender.nxt);
    this.#finish();
  }

  /** Nobody reads or hears of it any more. */
  #giveUp(): void {
    this.#orphan = true;
    this.#receiver.discard();
    this.handlers = {};
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
    if (this.#backlog !== null) return;
    if (this.#connectPending) {
      this.#connectPending = false;
      this.handlers.onConnect?.();
    }
    const receiver = this.#receiver;
    let copied = false;
    while (!this.#paused) {
      const bytes = receiver.read();
      if (bytes === undefined) break;
      copied = true;
      this.handlers.onData?.(bytes);
    }
    if (copied && !this.#over && receiver.dueAfterRead) this.#sendAck();
    if (!this.#paused && receiver.finished && !this.#endDelivered && receiver.unread === 0) {
      this.#endDelivered = true;
      this.handlers.onEnd?.();
    }
  }

  /** Forgets the connection without a word. */
  forget(): void {
    this.#finish();
  }

  // --- handshake --------------------------------------------------------------------------------------------------

  /** Begins a handshake. Models `tcp_connect()`. */
  sendSyn(): void {
    this.state = "SYN_SENT";
    this.#fitMss();
    this.#window.open(this.#output.advertisedMss);
    this.#sender.open();
  }

  /** Begins a handshake that a SYN asked for. Models `tcp_conn_request()`. */
  answerSyn(backlog: Backlog<TcpSock>, skb: SkBuff, at: number): void {
    this.#backlog = backlog;
    this.#takeSyn(skb, at);
    this.state = "SYN_RECV";
    this.#sender.countSyn();
    this.#sendSynAck();
    this.#arm("synack", SECOND);
  }

  /** Learns from a SYN (or SYN-ACK) what the peer can do. */
  #takeSyn(skb: SkBuff, at: number): void {
    const { data } = skb;
    const agreed = this.#agreed;
    const window = this.#window;
    const sender = this.#sender;
    const advertised = this.#output.advertisedMss;
    this.#irs = tcpSeq(data, at);
    agreed.agree(parseTcpOptions(data, at));
    window.start(this.#irs);
    if (window.size === 0) window.open(advertised - agreed.length);
    if (agreed.peerScale === null) window.scale = 0;
    sender.scale = agreed.peerScale ?? 0;
    sender.firstWindow(tcpWindow(data, at), this.#irs);
    this.#fitMss();
    window.segment = Math.min(sender.mss, DEFAULT_MSS, advertised);
  }

  /** The greatest segment is what the peer takes and the way allows. Models `tcp_sync_mss()`. */
  #fitMss(): void {
    this.#sender.mss = Math.max(36, Math.min(this.#agreed.peerMss, this.#output.room) - this.#agreed.length);
  }

  /** The peer has this end's SYN. Returns it, if it was sent once only. */
  #establish(skb: SkBuff, ack: number): OutSegment | null {
    this.state = "ESTABLISHED";
    this.#disarm();
    this.#keepRoute(skb);
    return this.#sender.opened(ack);
  }

  /** Keeps the route that a segment arrived by for those to come. Models `inet_sk_rx_dst_set()`. */
  #keepRoute(skb: SkBuff): void {
    const rt = skb.dst;
    if (rt instanceof Rtable && rt.input === DST_LOCAL_DELIVER) {
      this.#rxRoute = rt;
      this.#rxDevice = inetIif(skb);
    }
  }

  /** The route that its segments arrive by, while it holds for this device; null where routing must decide anew. */
  receivedRoute(dev: NetDevice): Rtable | null {
    if (this.state === "SYN_RECV" || this.state === "SYN_SENT" || this.state === "TIME_WAIT") return null;
    if (this.#orphan && this.state === "FIN_WAIT2") return null;
    const rt = this.#rxRoute;
    return rt !== null && this.#rxDevice === dev && this.#host.net.ip.routing.valid(rt) ? rt : null;
  }

  // --- segments in ------------------------------------------------------------------------------------------------

  /** Whether a new connection may take these addresses and ports. */
  get canBeReplaced(): boolean {
    // A second of TIME_WAIT passes first, so that timestamps move on. Models tcp_twsk_unique().
    return (
      this.state === "TIME_WAIT" &&
      this.#agreed.timestamps &&
      this.#host.net.clock.nowMicros - this.#timeWaitSinceMicros >= SECOND
    );
  }

  /**
   * Whether a segment opens a new connection in place of this one, which is then forgotten. Models
   * `tcp_timewait_state_process()`.
   */
  yieldsTo(skb: SkBuff, at: number): boolean {
    if (this.state !== "TIME_WAIT") return false;
    const { data } = skb;
    if ((tcpFlags(data, at) & (TCP_SYN | TCP_RST | TCP_ACK)) !== TCP_SYN) return false;
    const newer = after(tcpSeq(data, at), this.#window.nxt) || this.#agreed.precedes(parseTcpOptions(data, at));
    if (newer) this.#finish();
    return newer;
  }

  /** Takes a segment of `length` bytes at `at`. */
  receive(skb: SkBuff, at: number, length: number): void {
    const { data } = skb;
    const flags = tcpFlags(data, at);
    if (this.state === "SYN_SENT") this.#inSynSent(skb, at, flags, length);
    else if (this.state === "TIME_WAIT") this.#inTimeWait(skb, at, flags, length);
    else this.#inConnection(skb, at, flags, length);
    if (this.state !== "SYN_RECV") this.deliver();
  }

  /** Models `tcp_rcv_synsent_state_process()`. */
  #inSynSent(skb: SkBuff, at: number, flags: number, length: number): void {
    const { data } = skb;
    const sender = this.#sender;
    const ack = tcpAckSeq(data, at);
    if ((flags & TCP_ACK) !== 0 && (!after(ack, sender.iss) || after(ack, sender.nxt))) {
      this.#refuse(skb, at, length);
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
    this.#takeSyn(skb, at);
    sender.cut();
    const syn = this.#establish(skb, ack);
    if (syn !== null) sender.measure(syn);
    this.#connectPending = true;
    if (sender.idle && !this.#shutdown) {
      this.#sendAck();
      return;
    }
    this.#acks.owe();
    if (this.#shutdown) this.#sendFin();
    this.#push();
    if (this.#acks.owed) this.#sendAck();
  }

  #inTimeWait(skb: SkBuff, at: number, flags: number, length: number): void {
    const { data } = skb;
    if ((flags & TCP_RST) !== 0) {
      if (tcpSeq(data, at) === this.#window.nxt) this.#finish();
      return;
    }
    const payload = length - tcpHeaderLength(data, at);
    if (payload > 0 || (flags & (TCP_FIN | TCP_SYN)) !== 0 || tcpSeq(data, at) !== this.#window.nxt) {
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
    const fin = (flags & TCP_FIN) !== 0;
    const end = seqAdd(seq, payload + (fin ? 1 : 0) + ((flags & TCP_SYN) !== 0 ? 1 : 0));
    const options: TcpOptions = header > TCP_HEADER_LENGTH ? parseTcpOptions(data, at) : {};
    if (!this.#acceptable(skb, at, flags, end, options)) return;
    if ((flags & TCP_ACK) === 0) return;
    const ack = tcpAckSeq(data, at);
    if (this.state === "SYN_RECV" && !this.#finishHandshake(skb, at, length, ack)) return;
    if (!after(seq, this.#window.told)) this.#agreed.keep(options);
    if (this.#rxRoute === null) this.#keepRoute(skb);
    if (after(ack, this.#sender.nxt)) {
      this.#sendAck();
      return;
    }
    const isNew = this.#sender.acknowledged({
      ack,
      seq,
      window: tcpWindow(data, at),
      hasData: payload > 0,
      sack: this.#agreed.sack ? options.sack : undefined,
      roundTripMicros: this.#agreed.roundTripMicros(options),
    });
    if (isNew) this.#onAcknowledged();
    // The acknowledgement may have ended the connection or moved it on.
    if (this.#over) return;
    const { state } = this;
    const waitsForFin = state === "FIN_WAIT1" || state === "FIN_WAIT2";
    if (this.#orphan && payload > 0 && waitsForFin && after(end, this.#window.nxt)) {
      // Nobody is left to read it.
      this.#host.net.ip.snmp.tcp.TCPAbortOnData++;
      this.#refuse(skb, at, length);
      this.#finish();
      return;
    }
    if (payload > 0 || fin) {
      const push = fin || (flags & TCP_PSH) !== 0;
      this.#receiver.take(seq, data.slice(at + header, at + length), push, fin);
    }
    if (this.state === "CLOSE") return;
    this.#push();
    if (!this.#over) this.#acks.check(this.#receiver.unread, !this.#receiver.early.empty);
  }

  /**
   * Whether a segment is to be looked at further; one that is not is answered, or ends the connection. Models
   * `tcp_validate_incoming()`.
   */
  #acceptable(skb: SkBuff, at: number, flags: number, end: number, options: TcpOptions): boolean {
    const { data } = skb;
    const seq = tcpSeq(data, at);
    if ((flags & TCP_RST) === 0 && this.#agreed.outdates(options)) {
      this.#host.net.ip.snmp.tcp.PAWSEstab++;
      this.#duplicateAck();
      return false;
    }
    const asks = (flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN;
    if (this.state === "SYN_RECV" && asks && seq === this.#irs) {
      this.#sendSynAck();
      return false;
    }
    if (!this.#window.takes(seq, end)) {
      if ((flags & TCP_RST) === 0) this.#duplicateAck();
      return false;
    }
    if ((flags & TCP_RST) !== 0) {
      if (seq === this.#window.nxt) this.#reset();
      else this.#sendAck();
      return false;
    }
    if ((flags & TCP_SYN) !== 0) {
      const answersOpening = this.state === "SYN_RECV" && (flags & TCP_ACK) !== 0 && this.#backlog === null;
      const opens = answersOpening && tcpAckSeq(data, at) === this.#sender.nxt;
      if (opens) {
        this.#establish(skb, this.#sender.nxt);
        this.#connectPending = true;
      }
      // Else a challenge: the peer's answer tells (RFC 5961).
      this.#sendAck();
      if (opens) this.#push();
      return false;
    }
    return true;
  }

  /** The last step of a passive open. Returns false when the segment was not it. */
  #finishHandshake(skb: SkBuff, at: number, length: number, ack: number): boolean {
    const sender = this.#sender;
    const tcp = this.#host.net.ip.snmp.tcp;
    if (ack !== sender.nxt) {
      this.#refuse(skb, at, length);
      return false;
    }
    const backlog = this.#backlog;
    if (backlog !== null && backlog.full) {
      tcp.ListenOverflows++;
      return false;
    }
    if (this.#synAcksRepeated === 0 && sender.atFirstAttempt)
      this.#rto.measured(this.#host.net.clock.nowMicros - sender.stalledSinceMicros);
    this.#establish(skb, ack);
    sender.firstWindow(tcpWindow(skb.data, at) << sender.scale, tcpSeq(skb.data, at));
    if (backlog === null) {
      this.#connectPending = true;
      return true;
    }
    this.#backlog = null;
    tcp.PassiveOpens++;
    backlog.offer(this);
    return true;
  }

  #refuse(skb: SkBuff, at: number, length: number): void {
    this.#host.sendReset(skb, at, length, this.options.transparent);
  }

  /** What was sent has arrived, in part or all of it. */
  #onAcknowledged(): void {
    this.#softError = 0;
    if (this.#shutdown && this.#sender.unacknowledged === 0) this.#finAcknowledged();
    if (this.#writeBlocked && this.writable >= SEND_BUFFER / 3) {
      this.#writeBlocked = false;
      this.handlers.onWritable?.();
    }
  }

  #finAcknowledged(): void {
    if (this.state === "FIN_WAIT1") {
      this.state = "FIN_WAIT2";
      if (this.#orphan) this.#arm("finwait2", this.#host.finTimeout * SECOND);
    } else if (this.state === "CLOSING") this.#timeWait();
    else if (this.state === "LAST_ACK") this.#finish();
  }

  /** The peer will send no more. Models `tcp_fin()`. */
  #onFin(): void {
    if (this.state === "ESTABLISHED") {
      this.state = "CLOSE_WAIT";
      this.#acks.relax();
    } else if (this.state === "FIN_WAIT1") {
      this.state = "CLOSING";
      this.#sendAck();
    } else if (this.state === "FIN_WAIT2") {
      this.#sendAck();
      this.#timeWait();
    }
  }

  // --- segments out -----------------------------------------------------------------------------------------------

  #push(): void {
    if (
      this.state === "ESTABLISHED" ||
      this.state === "CLOSE_WAIT" ||
      this.state === "FIN_WAIT1" ||
      this.state === "LAST_ACK" ||
      this.state === "CLOSING"
    )
      this.#sender.push();
  }

  #sendFin(): void {
    if (this.state === "ESTABLISHED" || this.state === "SYN_RECV") this.state = "FIN_WAIT1";
    else if (this.state === "CLOSE_WAIT") this.state = "LAST_ACK";
    else return;
    this.#sender.appendFin();
    this.#push();
  }

  #transmit(segment: OutSegment, fresh: boolean): void {
    if (fresh) this.#acks.dataSent();
    let flags = segment.syn ? TCP_SYN : TCP_ACK;
    if (segment.fin) flags |= TCP_FIN;
    if (segment.push && segment.data.length > 0) flags |= TCP_PSH;
    this.#emit(segment.seq, flags, segment.data);
  }

  #sendAck(): void {
    this.#emit(this.#sender.nxt, TCP_ACK, null);
  }

  #duplicateAck(): void {
    this.#acks.quicken();
    this.#sendAck();
  }

  #sendControl(flags: number, seq: number): void {
    if ((flags & TCP_RST) !== 0) this.#host.net.ip.snmp.tcp.OutRsts++;
    this.#emit(seq, flags, null);
  }

  #sendSynAck(): void {
    this.#sender.stalledSinceMicros = this.#host.net.clock.nowMicros;
    this.#emit(this.#sender.iss, TCP_SYN | TCP_ACK, null);
  }

  /** Sends a segment. Models `__tcp_transmit_skb()`. */
  #emit(seq: number, flags: number, payload: Uint8Array | null): void {
    const acknowledges = (flags & TCP_ACK) !== 0;
    const syn = (flags & TCP_SYN) !== 0;
    const options = this.#optionsOf(syn, acknowledges);
    if (!this.#output.valid) this.#route();
    const window = this.#windowField(flags);
    if (acknowledges) this.#acks.sent();
    this.#host.net.ip.snmp.tcp.OutSegs++;
    this.#output.send({
      seq,
      ack: acknowledges ? this.#window.nxt : 0,
      flags,
      window,
      options,
      payload,
      // A SYN-ACK is sent before there is a socket to count ids.
      counted: !(syn && acknowledges),
    });
  }

  #windowField(flags: number): number {
    const window = this.#window;
    // The window of a SYN is never scaled.
    if ((flags & TCP_SYN) !== 0) return Math.min(window.size, 65535);
    if ((flags & TCP_RST) !== 0 && this.#orphan) return 0;
    if (this.state === "TIME_WAIT") return window.size >>> window.scale;
    return window.tell(this.#receiver.unread);
  }

  /** Routes anew; without a route the one that was stays. */
  #route(): void {
    if (!this.#output.reroute() || this.state === "SYN_SENT" || this.state === "CLOSE") return;
    this.#fitMss();
    this.#sender.cut();
  }

  #optionsOf(syn: boolean, acknowledges: boolean): TcpOptions {
    const agreed = this.#agreed;
    if (!syn) return agreed.ofSegment((most) => this.#receiver.early.blocks(most));
    const { advertisedMss } = this.#output;
    const { scale } = this.#window;
    return acknowledges ? agreed.ofSynAck(advertisedMss, scale) : agreed.ofSyn(advertisedMss, scale);
  }

  // --- ends -------------------------------------------------------------------------------------------------------

  #arm(mode: "synack" | "timewait" | "finwait2", delay: number): void {
    this.#timerMode = mode;
    this.#host.net.clock.rearmOnWheel(this.#timer, delay);
  }

  #disarm(): void {
    this.#timerMode = "none";
    this.#host.net.clock.cancel(this.#timer);
  }

  #onTimer(): void {
    if (this.#timerMode === "synack") this.#repeatSynAck();
    else this.#finish();
  }

  /** Models `reqsk_timer_handler()`. */
  #repeatSynAck(): void {
    const host = this.#host;
    if (this.#synAcksRepeated >= host.synackRetries) {
      this.#forgetRequest();
      return;
    }
    this.#synAcksRepeated++;
    host.net.ip.snmp.tcp.RetransSegs++;
    this.#sendSynAck();
    this.#arm("synack", Math.min(SECOND * 2 ** this.#synAcksRepeated, RTO_MAX));
  }

  /** A handshake comes to nothing; the program never heard of it. */
  #forgetRequest(): void {
    this.#backlog?.requests.delete(this);
    this.#finish();
  }

  /** Models `tcp_v4_err()` for one connection. */
  icmpError(error: IcmpError, seq: number): void {
    const { state } = this;
    const sender = this.#sender;
    // Only about something that is under way.
    if (this.#over || !sender.covers(seq)) return;
    if (error.mtu > 0) {
      if (state === "SYN_RECV") return;
      error.learn?.();
      if (state === "SYN_SENT") return;
      const known = sender.mss;
      this.#route();
      if (sender.mss < known) sender.repeatAll();
      return;
    }
    // A redirect: what is sent next goes the better way.
    if (error.learn !== null) {
      error.learn();
      return;
    }
    const meaning = this.family.meaning(error.type, error.code);
    if (meaning === null) return;
    if (state === "SYN_SENT") this.#fail(meaning.errno);
    else if (state === "SYN_RECV" && this.#backlog !== null) {
      if (seq === sender.iss) this.#forgetRequest();
    } else this.#softError = meaning.errno;
  }

  #timedOut(): void {
    this.#host.net.ip.snmp.tcp.TCPAbortOnTimeout++;
    this.#fail(this.#softError === 0 ? ETIMEDOUT : this.#softError);
  }

  /** The peer ended it. Models `tcp_reset()`. */
  #reset(): void {
    if (this.state === "SYN_RECV" && this.#backlog !== null) {
      this.#forgetRequest();
      return;
    }
    this.#host.net.ip.snmp.tcp.EstabResets++;
    this.#fail(this.state === "CLOSE_WAIT" ? EPIPE : this.state === "SYN_RECV" ? ECONNREFUSED : ECONNRESET);
  }

  #fail(errno: number): void {
    const { handlers } = this;
    if (this.state === "SYN_SENT" || this.state === "SYN_RECV") this.#host.net.ip.snmp.tcp.AttemptFails++;
    this.#remove();
    handlers.onError?.(errno);
    this.#tellClosed(handlers);
  }

  /** Models `tcp_time_wait()`. */
  #timeWait(): void {
    const { net } = this.#host;
    this.state = "TIME_WAIT";
    net.ip.snmp.tcp.TW++;
    this.#acks.stop();
    this.#sender.stop();
    this.#timeWaitSinceMicros = net.clock.nowMicros;
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
    this.#sender.stop();
    this.#acks.stop();
    this.#host.remove(this);
  }

  #tellClosed(handlers: TcpHandlers): void {
    if (this.#closedToOwner) return;
    this.#closedToOwner = true;
    handlers.onClose?.();
  }
}
