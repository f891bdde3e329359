/**
 * TCP of one host: who listens, who is connected, and what happens to a segment that belongs to nobody. The connection
 * itself is in tcp/connection.ts. SYN cookies, fast open and TCP-MD5 are not modelled. Models net/ipv4/tcp_ipv4.c,
 * inet_connection_sock.c and inet_hashtables.c.
 */
import type { NetDevice } from "../dev/device.js";
import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENETUNREACH, SystemError } from "../errno.js";
import type { IcmpError } from "../ip/icmp.js";
import { buildOptions, echoOptions } from "../ip/options.js";
import { newPacket } from "../ip/output.js";
import { inetIif, RTN_LOCAL, RTN_UNICAST, type Rtable } from "../ip/route.js";
import { refuseTcp } from "../ip6/deliver.js";
import type { NetNamespace } from "../netns.js";
import { type SkBuff, UID_KERNEL } from "../skb.js";
import { SysctlError } from "../sysctl.js";
import { type InetAddress, isAnyAddress } from "../wire/address.js";
import { get32, put16, put32 } from "../wire/bytes.js";
import { IPPROTO_TCP, IPV4_DST, IPV4_SRC, IPV4_TOS } from "../wire/ipv4.js";
import {
  checkTcp,
  TCP_ACK,
  TCP_ACK_SEQ,
  TCP_DATA_OFFSET,
  TCP_DST_PORT,
  TCP_FIN,
  TCP_FLAGS,
  TCP_HEADER_LENGTH,
  TCP_RST,
  TCP_SEQ,
  TCP_SRC_PORT,
  TCP_SYN,
  TCPOPT_EOL,
  TCPOPT_NOP,
  tcpAckSeq,
  tcpDstPort,
  tcpFlags,
  tcpHeaderLength,
  tcpSeq,
  tcpSetChecksum,
  tcpSrcPort,
} from "../wire/tcp.js";
import { overlap, takes, type Way } from "./family.js";
import { presentConnections } from "./present.js";
import type {
  SocketInfo,
  TcpApi,
  TcpConnection,
  TcpConnectOptions,
  TcpHandlers,
  TcpListener,
  TcpListenHandlers,
  TcpListenOptions,
} from "./sockets.js";
import type { TcpSock } from "./tcp/connection.js";
import type { Backlog, TcpHost } from "./tcp/host.js";

let connections = presentConnections;

/**
 * Says what a connection is, where the program is loaded in parts: needed before the first is opened or listened for.
 */
export function registerTcpConnections(implementation: typeof TcpSock): void {
  connections = implementation;
}

function connectionClass(): typeof TcpSock {
  if (connections === null) throw new Error("TCP's connections have not been loaded");
  return connections;
}

const TCPOPT_MD5SIG = 19;
const TCPOLEN_MD5SIG = 18;
const TCPOPT_AO = 29;
/** Kind, length and the two key ids. */
const TCPOLEN_AO_LEAST = 4;

/**
 * How a segment is signed. The options are walked only as long as there is room for an MD5 signature, so that those at
 * the end may be malformed, or TCP-AO's, without anybody noticing. Models `tcp_parse_auth_options()`.
 */
function signature(data: Uint8Array, at: number): "none" | "md5" | "ao" | "malformed" {
  const end = at + tcpHeaderLength(data, at);
  let found: "none" | "md5" | "ao" = "none";
  for (let option = at + TCP_HEADER_LENGTH; end - option >= TCPOLEN_MD5SIG; ) {
    const kind = data[option];
    if (kind === TCPOPT_EOL) break;
    if (kind === TCPOPT_NOP) {
      option++;
      continue;
    }
    const size = data[option + 1];
    if (size < 2 || size > end - option) return "malformed";
    if (kind === TCPOPT_MD5SIG || kind === TCPOPT_AO) {
      const fits = kind === TCPOPT_MD5SIG ? size === TCPOLEN_MD5SIG : size >= TCPOLEN_AO_LEAST;
      if (!fits || found !== "none") return "malformed";
      found = kind === TCPOPT_MD5SIG ? "md5" : "ao";
    }
    option += size;
  }
  return found;
}

/** Whether a socket takes a segment; no socket here has a key. Models `tcp_inbound_hash()`. */
function mayComeIn(data: Uint8Array, at: number): boolean {
  const signed = signature(data, at);
  return signed === "none" || signed === "ao";
}

/** A listening socket with its queue of finished handshakes. */
export class Listener implements TcpListener, Backlog<TcpSock> {
  readonly #protocol: TcpProtocol;
  readonly options: TcpListenOptions;
  readonly handlers: TcpListenHandlers;
  readonly device: NetDevice | null;
  readonly localAddress: InetAddress;
  readonly localPort: number;
  readonly backlog: number;
  /** Handshakes under way. */
  readonly requests: Set<TcpSock> = new Set();
  /** Finished ones that were not accepted. */
  readonly acceptQueue: TcpSock[] = [];
  #paused = false;

  constructor(
    protocol: TcpProtocol,
    options: TcpListenOptions,
    port: number,
    device: NetDevice | null,
    handlers: TcpListenHandlers,
  ) {
    this.#protocol = protocol;
    this.options = options;
    this.handlers = handlers;
    this.device = device;
    this.localAddress = options.address ?? 0;
    this.localPort = port;
    this.backlog = Math.min(options.backlog ?? 1, protocol.somaxconn);
  }

  /** Whether no further handshake may finish. Models `sk_acceptq_is_full()`. */
  get full(): boolean {
    return this.acceptQueue.length > this.backlog;
  }

  /** A handshake finished. */
  offer(connection: TcpSock): void {
    this.requests.delete(connection);
    if (this.#paused) this.acceptQueue.push(connection);
    else this.handlers.onAccept(connection);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const connection of this.acceptQueue.splice(0)) {
      this.handlers.onAccept(connection);
      connection.deliver();
    }
  }

  close(): void {
    this.#protocol.removeListener(this);
    for (const connection of this.requests) connection.forget();
    this.requests.clear();
    for (const connection of this.acceptQueue.splice(0)) connection.abort();
  }
}

/** The words of an IPv6 address are joined by commas, so that no two connections have one key. */
function key(local: InetAddress, localPort: number, remote: InetAddress, remotePort: number): string {
  return `${local.toString()}:${localPort} ${remote.toString()}:${remotePort}`;
}

export class TcpProtocol implements TcpApi, TcpHost<TcpSock> {
  readonly net: NetNamespace;
  readonly #connections = new Map<string, TcpSock>();
  #listeners: Listener[] = [];
  /** Sysctls, under the names of their files in net.ipv4. */
  synRetries = 6;
  synackRetries = 5;
  synLinearTimeouts = 4;
  retries2 = 15;
  orphanRetries = 0;
  /** Seconds. */
  finTimeout = 60;
  timestamps = 1;
  sack = 1;
  windowScaling = 1;
  /** `net.ipv4.tcp_fwmark_accept`: a connection takes the mark of the packet that opened it. */
  fwmarkAccept = 0;
  rmem: readonly [number, number, number] = [4096, 131072, 33554432];
  /** `net.core.somaxconn`. */
  somaxconn = 4096;

  constructor(net: NetNamespace) {
    this.net = net;
    this.#registerSysctls();
  }

  // --- calls of programs ------------------------------------------------------------------------------------------

  listen(options: TcpListenOptions, handlers: TcpListenHandlers): TcpListener {
    const { sockets } = this.net;
    const address = options.address ?? 0;
    const device = sockets.boundDevice(options);
    sockets.familyOf(address).checkLocal(address, device, options);
    const taken = (port: number): boolean => this.#bindConflict(address, port, options.reuseAddress ?? true);
    let { port } = options;
    if (port === 0) port = sockets.ephemeralPort((candidate) => !taken(candidate));
    else if (taken(port)) throw new SystemError(EADDRINUSE);
    const listener = new Listener(this, options, port, device, handlers);
    this.#listeners.push(listener);
    return listener;
  }

  connect(options: TcpConnectOptions, handlers: TcpHandlers = {}): TcpConnection {
    const { ip, sockets } = this.net;
    const family = sockets.familyOf(options.address);
    const bound = options.localAddress ?? sockets.anyOf(options.address);
    const device = sockets.boundDevice(options);
    family.checkLocal(bound, device, options);
    if (
      options.localPort !== undefined &&
      options.localPort !== 0 &&
      this.#bindConflict(bound, options.localPort, options.reuseAddress ?? true)
    )
      throw new SystemError(EADDRINUSE);
    const way = family.route({
      dst: options.address,
      src: bound,
      protocol: IPPROTO_TCP,
      sport: options.localPort ?? 0,
      dport: options.port,
      options,
      device,
    });
    if (way.type !== RTN_UNICAST && way.type !== RTN_LOCAL) throw new SystemError(ENETUNREACH);
    const local = isAnyAddress(bound) ? way.prefsrc : bound;
    // "Any" stands for this host.
    const remote = isAnyAddress(options.address) ? local : options.address;
    if (options.port < 1 || options.port > 65535) throw new SystemError(EINVAL);
    const free = (port: number): boolean => {
      const other = this.#connections.get(key(local, port, remote, options.port));
      return other === undefined || other.canBeReplaced;
    };
    let localPort = options.localPort ?? 0;
    if (localPort === 0) {
      // Even steps first: odd and even ports are kept for bind() and connect(). Models __inet_hash_connect().
      const listening = (port: number): boolean => this.#listeners.some((listener) => listener.localPort === port);
      try {
        localPort = sockets.ephemeralPort((port) => free(port) && !listening(port));
      } catch {
        throw new SystemError(EADDRNOTAVAIL);
      }
    } else if (!free(localPort)) throw new SystemError(EADDRNOTAVAIL);
    this.#connections.get(key(local, localPort, remote, options.port))?.forget();
    const Connection = connectionClass();
    const connection = new Connection(this, family, local, localPort, remote, options.port, options, device, way);
    connection.handlers = handlers;
    this.add(connection);
    ip.snmp.tcp.ActiveOpens++;
    connection.sendSyn();
    return connection;
  }

  /**
   * Whether a bind clashes: with a listener always, with connections unless SO_REUSEADDR. Models
   * `inet_csk_bind_conflict()`.
   */
  #bindConflict(address: InetAddress, port: number, reuse: boolean): boolean {
    if (this.#listeners.some((other) => other.localPort === port && overlap(address, other.localAddress))) return true;
    if (reuse) return false;
    for (const connection of this.#connections.values())
      if (connection.localPort === port && overlap(address, connection.localAddress)) return true;
    return false;
  }

  // --- what connections need --------------------------------------------------------------------------------------

  add(connection: TcpSock): void {
    const { localAddress, localPort, remoteAddress, remotePort } = connection;
    this.#connections.set(key(localAddress, localPort, remoteAddress, remotePort), connection);
  }

  remove(connection: TcpSock): void {
    const { localAddress, localPort, remoteAddress, remotePort } = connection;
    const name = key(localAddress, localPort, remoteAddress, remotePort);
    if (this.#connections.get(name) === connection) this.#connections.delete(name);
  }

  removeListener(listener: Listener): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  // --- segments ---------------------------------------------------------------------------------------------------

  #find({ data }: SkBuff, at: number): TcpSock | undefined {
    const family = this.net.sockets.familyOfPacket(data, 0);
    return this.established(
      family.destination(data, 0),
      tcpDstPort(data, at),
      family.source(data, 0),
      tcpSrcPort(data, at),
    );
  }

  established(local: InetAddress, localPort: number, remote: InetAddress, remotePort: number): TcpSock | undefined {
    return this.#connections.get(key(local, localPort, remote, remotePort));
  }

  /** The received route that an established connection keeps. Models `tcp_v4_early_demux()`. */
  earlyDemux(skb: SkBuff, dev: NetDevice): Rtable | null {
    const at = skb.transportOffset;
    if (this.#connections.size === 0 || !checkTcp(skb.data, at, skb.len - at)) return null;
    const connection = this.#find(skb, at);
    return connection === undefined ? null : connection.receivedRoute(dev);
  }

  /** Models `tcp_v4_rcv()`. The packet is only looked at. */
  receive(skb: SkBuff): void {
    const { ip, trace } = this.net;
    const { data, transportOffset: at } = skb;
    const mib = ip.snmp.tcp;
    const length = skb.len - at;
    mib.InSegs++;
    const family = this.net.sockets.familyOfPacket(data, 0);
    const end = (reason: string): void => {
      if (trace !== null) trace.note({ kind: "end", reason });
    };
    if (!family.toOne(skb)) {
      end("tcp to many");
      return;
    }
    if (!checkTcp(data, at, length)) {
      mib.InErrs++;
      end("bad tcp header");
      return;
    }
    if (!family.intact(skb, at, IPPROTO_TCP, length)) {
      mib.InCsumErrors++;
      mib.InErrs++;
      end("bad tcp checksum");
      return;
    }
    const port = tcpDstPort(data, at);
    const given = skb.sk instanceof Listener ? skb.sk : undefined;
    const connection = given === undefined ? this.#find(skb, at) : undefined;
    if (connection !== undefined && !connection.yieldsTo(skb, at)) {
      // What is left of a connection that has ended does not ask.
      if (connection.state !== "TIME_WAIT" && !mayComeIn(data, at)) {
        end("signed, and there is no key");
        return;
      }
      end(`delivered to tcp:${port}`);
      connection.receive(skb, at, length);
      return;
    }
    const listener = given ?? this.listenerFor(family.destination(data, 0), port, inetIif(skb));
    if (listener !== undefined) {
      if (!mayComeIn(data, at)) {
        end("signed, and there is no key");
        return;
      }
      end(`delivered to tcp:${port}`);
      this.#toListener(listener, skb, at, length);
      return;
    }
    end(`no socket at tcp:${port}`);
    this.sendReset(skb, at, length);
  }

  listenerFor(address: InetAddress, port: number, dev: NetDevice | null): Listener | undefined {
    let best: Listener | undefined;
    for (const listener of this.#listeners) {
      if (listener.localPort !== port) continue;
      if (!takes(listener.localAddress, address)) continue;
      if (listener.device !== null && listener.device !== dev) continue;
      if (best === undefined || (isAnyAddress(best.localAddress) && !isAnyAddress(listener.localAddress)))
        best = listener;
    }
    return best;
  }

  /** A segment for a listening socket that belongs to no handshake. Models `tcp_rcv_state_process()` in LISTEN. */
  #toListener(listener: Listener, skb: SkBuff, at: number, length: number): void {
    const { data } = skb;
    const flags = tcpFlags(data, at);
    if ((flags & TCP_RST) !== 0) return;
    if ((flags & TCP_ACK) !== 0) {
      this.sendReset(skb, at, length, listener.options.transparent);
      return;
    }
    if ((flags & TCP_SYN) === 0 || (flags & TCP_FIN) !== 0) return;
    const { ip } = this.net;
    if (listener.full) {
      ip.snmp.tcp.ListenOverflows++;
      ip.snmp.tcp.ListenDrops++;
      return;
    }
    const family = this.net.sockets.familyOfPacket(data, 0);
    const local = family.destination(data, 0);
    const remote = family.source(data, 0);
    // The connection may inherit the mark of its first packet. Models inet_request_mark().
    const { mark: own = 0 } = listener.options;
    const mark = own === 0 && this.fwmarkAccept !== 0 ? skb.mark : own;
    const options = mark === own ? listener.options : { ...listener.options, mark };
    const device = listener.device ?? family.linkOf(remote, skb.iif);
    // A transparent socket has connections to other ports than its own.
    const localPort = tcpDstPort(data, at);
    const sport = tcpSrcPort(data, at);
    let way: Way;
    try {
      way = family.route({
        dst: remote,
        src: local,
        protocol: IPPROTO_TCP,
        sport: localPort,
        dport: sport,
        options,
        device,
      });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return;
    }
    const mapped = family.name === "ipv4" && typeof listener.localAddress !== "number";
    const Connection = connectionClass();
    const connection = new Connection(this, family, local, localPort, remote, sport, options, device, way, mapped);
    listener.requests.add(connection);
    this.add(connection);
    connection.answerSyn(listener, skb, at);
  }

  /** A segment that is signed is answered by who has the key, and nobody has. Models `tcp_v4_send_reset()`. */
  sendReset(skb: SkBuff, at: number, length: number, transparent = false): void {
    const { ip } = this.net;
    const { data } = skb;
    const flags = tcpFlags(data, at);
    if ((flags & TCP_RST) !== 0 || signature(data, at) !== "none") return;
    if (data[0] >>> 4 === 6) {
      refuseTcp(this.net.ip6, skb, at);
      return;
    }
    const acknowledges = (flags & TCP_ACK) !== 0;
    const size =
      length - tcpHeaderLength(data, at) + ((flags & TCP_SYN) !== 0 ? 1 : 0) + ((flags & TCP_FIN) !== 0 ? 1 : 0);
    const src = get32(data, IPV4_DST);
    const dst = get32(data, IPV4_SRC);
    const tos = data[IPV4_TOS] & 0xfc;
    const echoed = echoOptions(ip, skb);
    if (echoed === null) return;
    const firstHop = echoed.firstHop === 0 ? dst : echoed.firstHop;
    const mark = ip.fwmarkReflect ? skb.mark : 0;
    const sport = tcpDstPort(data, at);
    const dport = tcpSrcPort(data, at);
    const rt = transparent
      ? ip.routing.outputAnySource(firstHop, src, mark, tos, null, IPPROTO_TCP, sport, dport)
      : ip.routing.output(firstHop, src, mark, tos, null, IPPROTO_TCP, sport, dport);
    if (rt === null) return;
    const reset = newPacket(
      { src, dst: firstHop, protocol: IPPROTO_TCP, ttl: 0, tos, dontFragment: true, id: 0 },
      TCP_HEADER_LENGTH,
      echoed.bytes.length,
    );
    if (echoed.bytes.length > 0) buildOptions(ip, reset, echoed, dst);
    const to = reset.transportOffset;
    reset.mark = mark;
    put16(reset.data, to + TCP_SRC_PORT, sport);
    put16(reset.data, to + TCP_DST_PORT, dport);
    put32(reset.data, to + TCP_SEQ, acknowledges ? tcpAckSeq(data, at) : 0);
    put32(reset.data, to + TCP_ACK_SEQ, acknowledges ? 0 : (tcpSeq(data, at) + size) >>> 0);
    reset.data[to + TCP_DATA_OFFSET] = 5 << 4;
    reset.data[to + TCP_FLAGS] = TCP_RST | (acknowledges ? 0 : TCP_ACK);
    tcpSetChecksum(reset.data, to, TCP_HEADER_LENGTH, src, dst);
    reset.dst = rt;
    reset.uid = UID_KERNEL;
    ip.snmp.tcp.OutSegs++;
    ip.snmp.tcp.OutRsts++;
    ip.localOut(reset);
  }

  /** Models `tcp_v4_err()`. */
  icmpError(error: IcmpError): void {
    const { data, inner, transport } = error;
    const family = this.net.sockets.familyOfPacket(data, inner);
    this.#connections
      .get(
        key(
          family.source(data, inner),
          tcpSrcPort(data, transport),
          family.destination(data, inner),
          tcpDstPort(data, transport),
        ),
      )
      ?.icmpError(error, tcpSeq(data, transport));
  }

  list(): SocketInfo[] {
    const all: SocketInfo[] = this.#listeners.map((listener) => ({
      protocol: "tcp",
      mapped: false,
      state: "LISTEN",
      localAddress: listener.localAddress,
      localPort: listener.localPort,
      remoteAddress: this.net.sockets.anyOf(listener.localAddress),
      remotePort: 0,
      receiveQueue: listener.acceptQueue.length,
      sendQueue: listener.backlog,
    }));
    for (const connection of this.#connections.values())
      all.push({
        protocol: "tcp",
        mapped: connection.mapped,
        state: connection.state,
        localAddress: connection.localAddress,
        localPort: connection.localPort,
        remoteAddress: connection.remoteAddress,
        remotePort: connection.remotePort,
        receiveQueue: connection.unread,
        sendQueue: connection.unacknowledged,
      });
    return all;
  }

  #registerSysctls(): void {
    const { sysctl } = this.net;
    const int = (
      file: string,
      field:
        | "synRetries"
        | "synackRetries"
        | "synLinearTimeouts"
        | "retries2"
        | "orphanRetries"
        | "finTimeout"
        | "timestamps"
        | "sack"
        | "windowScaling"
        | "fwmarkAccept",
      min: number,
      max: number,
    ): void =>
      sysctl.registerInt(
        `net.ipv4.${file}`,
        () => this[field],
        (value) => {
          this[field] = value;
        },
        min,
        max,
      );
    int("tcp_syn_retries", "synRetries", 1, 127);
    int("tcp_synack_retries", "synackRetries", 0, 255);
    int("tcp_syn_linear_timeouts", "synLinearTimeouts", 0, 127);
    int("tcp_retries2", "retries2", 0, 255);
    int("tcp_orphan_retries", "orphanRetries", 0, 255);
    int("tcp_fin_timeout", "finTimeout", 0, 0x7fffffff);
    int("tcp_timestamps", "timestamps", 0, 2);
    int("tcp_sack", "sack", 0, 1);
    int("tcp_window_scaling", "windowScaling", 0, 1);
    int("tcp_fwmark_accept", "fwmarkAccept", 0, 255);
    sysctl.registerInt(
      "net.core.somaxconn",
      () => this.somaxconn,
      (value) => {
        this.somaxconn = value;
      },
      0,
    );
    sysctl.register({
      name: "net.ipv4.tcp_rmem",
      get: () => this.rmem.join("\t"),
      set: (text) => {
        const values = text.split(/\s+/).map(Number);
        if (values.some((value) => !(value >= 1 && value <= 0x7fffffff)))
          throw new SysctlError("EINVAL", "net.ipv4.tcp_rmem");
        this.rmem = [values[0] ?? this.rmem[0], values[1] ?? this.rmem[1], values[2] ?? this.rmem[2]];
      },
    });
  }
}
