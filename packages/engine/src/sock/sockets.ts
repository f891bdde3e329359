/**
 * The end points of one network namespace: TCP, UDP and ping sockets. They make and answer the traffic.
 *
 * Everything is synchronous and by callback: a call acts at once, what takes time happens on `net.clock`, and handlers
 * are called from there. Errors of a call are thrown as {@link SystemError} (errno as on Linux); errors that come later
 * go to the handler's `onError` with a positive errno.
 *
 * ```ts
 * server.sockets.tcp.listen({ port: 443 }, { onAccept: (conn) => { conn.handlers = { onData: (d) => conn.write(d) }; } });
 * const c = client.sockets.tcp.connect({ address, port: 443 }, { onConnect: () => c.write(bytes), onData, onEnd, onError });
 * client.sockets.udp.open({ port: 53 }, { onMessage: (bytes, from, fromPort) => {} });
 * client.sockets.ping.open({}, { onReply: (reply) => {} }).send(address, sequence, payload);
 * ```
 */
import type { NetDevice } from "../dev/device.js";
import { EADDRINUSE, ENODEV, SystemError } from "../errno.js";
import type { IcmpError } from "../ip/icmp.js";
import type { Rtable } from "../ip/route.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { SysctlError } from "../sysctl.js";
import { type InetAddress, IPV6_WORDS } from "../wire/address.js";
import { ICMP_DEST_UNREACH, ICMP_ECHOREPLY, ICMP_PROT_UNREACH, ICMP_TYPE } from "../wire/icmp.js";
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_PIM,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPV4_PROTOCOL,
} from "../wire/ipv4.js";
import { Inet, Inet6, type SocketFamily } from "./family.js";
import { PingProtocol } from "./ping.js";
import { TcpProtocol } from "./tcp.js";
import { UdpProtocol } from "./udp.js";
import { receiveUdpLite } from "./udplite.js";

/** What the IP layer needs of the sockets; implemented in this folder. */
export interface SocketsApi {
  /** Delivers a packet addressed to this host to its transport protocol. Models `ip_protocol_deliver_rcu()`. */
  deliver(skb: SkBuff): void;
  /** TCP. */
  readonly tcp: TcpApi;
  /** UDP. */
  readonly udp: UdpApi;
  /** ICMP and ICMPv6 echo. */
  readonly ping: PingApi;
  /** Every socket, as `ss -an` lists them. */
  list(): SocketInfo[];
}

/** The kernel's functions that take the packets of a protocol, for the trace. */
const HANDLER_NAMES: Readonly<Record<number, string>> = {
  [IPPROTO_ICMP]: "icmp_rcv",
  [IPPROTO_TCP]: "tcp_v4_rcv",
  [IPPROTO_UDP]: "udp_rcv",
  [IPPROTO_UDPLITE]: "udplite_rcv",
};

/** Names of the TCP states as `ss` and /proc/net/tcp know them. */
export type TcpStateName =
  | "ESTABLISHED"
  | "SYN_SENT"
  | "SYN_RECV"
  | "FIN_WAIT1"
  | "FIN_WAIT2"
  | "TIME_WAIT"
  | "CLOSE"
  | "CLOSE_WAIT"
  | "LAST_ACK"
  | "LISTEN"
  | "CLOSING";

/** One socket in a listing. Addresses are those of its family, its "any" for none; ports 0 for none. */
export interface SocketInfo {
  /** Its protocol; `icmp` for ping sockets of both families. */
  readonly protocol: "tcp" | "udp" | "icmp" | "raw";
  /** TCP's state; `UNCONN` for sockets without a connection. */
  readonly state: TcpStateName | "UNCONN";
  /** Whether it is IPv6's socket with an IPv4 connection: its addresses are shown as `::ffff:a.b.c.d`. */
  readonly mapped: boolean;
  /** Its own address. */
  readonly localAddress: InetAddress;
  /** Its own port. */
  readonly localPort: number;
  /** The peer's address. */
  readonly remoteAddress: InetAddress;
  /** The peer's port. */
  readonly remotePort: number;
  /** Bytes received and not read (listeners: connections to accept). */
  readonly receiveQueue: number;
  /** Bytes written and not acknowledged (listeners: the backlog's size). */
  readonly sendQueue: number;
}

/** Options every socket takes; absent ones have the kernel's defaults. */
export interface SocketOptions {
  /** `IP_TTL`; default the sysctl `net.ipv4.ip_default_ttl`. */
  readonly ttl?: number;
  /** `IP_TOS`. */
  readonly tos?: number;
  /** `SO_MARK`. */
  readonly mark?: number;
  /** Name of the device for `SO_BINDTODEVICE`. */
  readonly device?: string;
  /** The owner for `-m owner`; default 0. */
  readonly uid?: number;
  /** `IP_TRANSPARENT`: its address need not be this host's, and `-j TPROXY` may give it others' packets. */
  readonly transparent?: boolean;
}

/** A socket as netfilter meets it. Models what include/net/netfilter/nf_tproxy.h and nf_socket.h ask of one. */
export interface Sock {
  /** How it was opened. */
  readonly options: SocketOptions;
  /** What it is bound to. */
  readonly localAddress: InetAddress;
  /** Of TCP. */
  readonly state?: TcpStateName;
}

/** How a connection is opened. */
export interface TcpConnectOptions extends SocketOptions {
  /** The peer. */
  readonly address: InetAddress;
  /** The peer's, 1 to 65535. */
  readonly port: number;
  /** Bind before connecting; absent: chosen by routing and from the ephemeral range. */
  readonly localAddress?: InetAddress;
  /** Absent or 0: chosen from the ephemeral range. */
  readonly localPort?: number;
  /** `SO_REUSEADDR` for the bind; default true, as nc sets it. */
  readonly reuseAddress?: boolean;
}

/** What a listening socket accepts. */
export interface TcpListenOptions extends SocketOptions {
  /** The local address; absent or 0: any of IPv4, `::`: any of both families. */
  readonly address?: InetAddress;
  /** 0: an ephemeral one. */
  readonly port: number;
  /** Connections that may wait for accept; default 1 as nc asks for, capped by `net.core.somaxconn`. */
  readonly backlog?: number;
  /** `SO_REUSEADDR`; default true. */
  readonly reuseAddress?: boolean;
}

/** What a connection tells its owner. Every member is optional. */
export interface TcpHandlers {
  /** The handshake is over (active opens only). */
  onConnect?(): void;
  /** Bytes arrived, in order. The array is the handler's to keep. Not called while paused. */
  onData?(bytes: Uint8Array): void;
  /** The peer sent FIN and all data before it was given to `onData`. */
  onEnd?(): void;
  /** Room in the send buffer again after `write()` took less than it was given. */
  onWritable?(): void;
  /** The connection failed: ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH... `onClose` follows. */
  onError?(errno: number): void;
  /** The last callback: the connection is over (TIME_WAIT counts as over). */
  onClose?(): void;
}

/** One end of a TCP connection. */
export interface TcpConnection {
  /** May be replaced at any time. */
  handlers: TcpHandlers;
  /** Its state now. */
  readonly state: TcpStateName;
  /** Whether an IPv4 peer came to a socket of IPv6. */
  readonly mapped: boolean;
  /** Its own address. */
  readonly localAddress: InetAddress;
  /** Its own port. */
  readonly localPort: number;
  /** The peer's address. */
  readonly remoteAddress: InetAddress;
  /** The peer's port. */
  readonly remotePort: number;
  /** Room in the send buffer, in bytes. */
  readonly writable: number;
  /** Bytes written and not yet acknowledged. */
  readonly unacknowledged: number;
  /**
   * Appends bytes to the send buffer; returns how many it took (the rest must wait for `onWritable`). May be called
   * before the handshake is over. Throws EPIPE after `shutdown()` or a reset.
   */
  write(bytes: Uint8Array): number;
  /** No more writes: FIN follows the data. Models `shutdown(fd, SHUT_WR)`. */
  shutdown(): void;
  /** Gives the connection up as `close(2)` does: FIN after the data; RST when received data was not read. */
  close(): void;
  /** Gives it up at once with RST (close with `SO_LINGER` 0). */
  abort(): void;
  /** Stops reading: received bytes stay in the buffer, and the window closes. */
  pause(): void;
  /** Reads again; buffered bytes go to `onData` at once. */
  resume(): void;
}

/** A listening socket. */
export interface TcpListener {
  /** The address it listens on; its "any" for all. */
  readonly localAddress: InetAddress;
  /** The port it listens on. */
  readonly localPort: number;
  /** Stops listening; connections not accepted are reset. */
  close(): void;
  /** Stops accepting: finished handshakes wait in the backlog. */
  pause(): void;
  /** Accepts what waits and goes on. */
  resume(): void;
}

/** What a listening socket calls. */
export interface TcpListenHandlers {
  /** A handshake finished. Set `connection.handlers` here: data may follow in the same instant. */
  onAccept(connection: TcpConnection): void;
}

/** A connection as netfilter meets it. */
export interface TcpEstablished extends Sock {
  /** Its state now. */
  readonly state: TcpStateName;
  /** It is known no more, and sends nothing. Models `inet_twsk_deschedule_put()`. */
  forget(): void;
}

/** TCP, as programs use it. */
export interface TcpApi {
  /** Throws EADDRINUSE, EADDRNOTAVAIL. */
  listen(options: TcpListenOptions, handlers: TcpListenHandlers): TcpListener;
  /** Sends the SYN. Throws ENETUNREACH, EADDRNOTAVAIL, EADDRINUSE, EINVAL at once; the rest comes by `onError`. */
  connect(options: TcpConnectOptions, handlers?: TcpHandlers): TcpConnection;
  /** The connection between two ends, if there is one. Models `inet_lookup_established()`. */
  established(
    local: InetAddress,
    localPort: number,
    remote: InetAddress,
    remotePort: number,
  ): TcpEstablished | undefined;
  /** Who listens for an address and port, as asked on a device. Models `inet_lookup_listener()`. */
  listenerFor(address: InetAddress, port: number, dev: NetDevice | null): Sock | undefined;
}

/** How a UDP socket is opened. */
export interface UdpOpenOptions extends SocketOptions {
  /** The local address; absent or 0: any of IPv4, `::`: any of both families. */
  readonly address?: InetAddress;
  /** Absent or 0: an ephemeral one, bound at once. */
  readonly port?: number;
  /** `SO_REUSEADDR`. */
  readonly reuseAddress?: boolean;
  /** `SO_BROADCAST`. */
  readonly broadcast?: boolean;
}

/** What a UDP socket calls. */
export interface UdpHandlers {
  /** A datagram arrived from this address and port. The bytes are the handler's to keep. */
  onMessage?(bytes: Uint8Array, address: InetAddress, port: number): void;
  /** An ICMP error about a datagram sent; connected sockets only (ECONNREFUSED, EHOSTUNREACH...). */
  onError?(errno: number): void;
}

/** An open UDP socket. */
export interface UdpSocket {
  /** May be replaced at any time. */
  handlers: UdpHandlers;
  /** Its own address. */
  readonly localAddress: InetAddress;
  /** Its own port. */
  readonly localPort: number;
  /** The peer's address. */
  readonly remoteAddress: InetAddress;
  /** The peer's port. */
  readonly remotePort: number;
  /** Fixes the peer: only its datagrams are received, errors are reported. Throws ENETUNREACH and the like. */
  connect(address: InetAddress, port: number): void;
  /** Sends to the connected peer. Throws what the kernel answers (EPERM for a DROP in OUTPUT, EMSGSIZE...). */
  send(bytes: Uint8Array): void;
  /** Sends to an address and port. Throws as {@link send} does. */
  sendTo(bytes: Uint8Array, address: InetAddress, port: number): void;
  /** Receives no more. */
  close(): void;
}

/** A UDP socket as netfilter meets it. */
export interface UdpSock extends Sock {
  /** The peer's address; its family's "any" without one. */
  readonly remoteAddress: InetAddress;
}

/** UDP, as programs use it. */
export interface UdpApi {
  /** Throws EADDRINUSE, EADDRNOTAVAIL, ENODEV. */
  open(options?: UdpOpenOptions, handlers?: UdpHandlers): UdpSocket;
  /** The socket that fits a datagram best. Models `udp4_lib_lookup()` and `udp6_lib_lookup()`. */
  lookup(
    local: InetAddress,
    port: number,
    remote: InetAddress,
    remotePort: number,
    dev: NetDevice | null,
  ): UdpSock | null;
}

/** An echo reply, as `ping` reports it. */
export interface PingReply {
  /** Who answered. */
  readonly address: InetAddress;
  /** The request's sequence number. */
  readonly sequence: number;
  /** The reply's time to live or hop limit. */
  readonly ttl: number;
  /** The ICMP message's length in bytes, header included: `64 bytes from`. */
  readonly bytes: number;
  /** What the reply brought back. */
  readonly payload: Uint8Array;
  /** The device it came by. */
  readonly device: string | null;
  /** Where the reply was addressed to. */
  readonly localAddress: InetAddress;
}

/** An ICMP error about an echo request, as `ping` reports it. */
export interface PingError {
  /** Who sent the error. */
  readonly address: InetAddress;
  /** The type of the ICMP or ICMPv6 message. */
  readonly type: number;
  /** Its code. */
  readonly code: number;
  /** The second word of the ICMP header: next-hop MTU, gateway. */
  readonly info: number;
  /** The request's sequence number. */
  readonly sequence: number;
  /** The device it came by. */
  readonly device: string | null;
}

/** What a ping socket calls. */
export interface PingHandlers {
  /** An echo reply came. */
  onReply?(reply: PingReply): void;
  /** An ICMP error about a request came. */
  onError?(error: PingError): void;
}

/** How a ping socket is opened. */
export interface PingOpenOptions extends SocketOptions {
  /** Default: chosen by routing. The socket is of IPv6 where {@link ipv6} says so. */
  readonly localAddress?: InetAddress;
  /** Whether it sends ICMPv6 echo requests. */
  readonly ipv6?: boolean;
  /** The echo identifier; absent: chosen from `net.random`, none of another socket. */
  readonly id?: number;
  /** Don't-fragment bit on requests; default true, as ping's raw socket under path MTU discovery "want". */
  readonly dontFragment?: boolean;
}

/** An open ICMP echo socket. */
export interface PingSocket {
  /** May be replaced at any time. */
  handlers: PingHandlers;
  /** The echo identifier of its requests. */
  readonly id: number;
  /** The source that requests to `address` get. Throws ENETUNREACH. */
  sourceFor(address: InetAddress): InetAddress;
  /** Sends one echo request. Throws what the kernel answers: ENETUNREACH, EPERM, EMSGSIZE... */
  send(address: InetAddress, sequence: number, payload: Uint8Array): void;
  close(): void;
}

/** ICMP echo, as `ping` uses it. */
export interface PingApi {
  open(options?: PingOpenOptions, handlers?: PingHandlers): PingSocket;
}

export class Sockets implements SocketsApi {
  readonly net: NetNamespace;
  readonly tcp: TcpProtocol;
  readonly udp: UdpProtocol;
  readonly ping: PingProtocol;
  readonly inet: SocketFamily;
  readonly inet6: SocketFamily;
  /** `net.ipv4.ip_local_port_range`. */
  portRange: readonly [number, number] = [32768, 60999];

  constructor(net: NetNamespace) {
    this.net = net;
    this.inet = new Inet(net);
    this.inet6 = new Inet6(net);
    this.tcp = new TcpProtocol(net);
    this.udp = new UdpProtocol(net);
    this.ping = new PingProtocol(net);
    net.sysctl.register({
      name: "net.ipv4.ip_local_port_range",
      get: () => this.portRange.join("\t"),
      set: (text) => {
        const [low, high] = text.split(/\s+/).map(Number);
        if (!(low >= 1 && high <= 65535 && low <= high))
          throw new SysctlError("EINVAL", "net.ipv4.ip_local_port_range");
        this.portRange = [low, high];
      },
    });
  }

  deliver(skb: SkBuff): void {
    const { net } = this;
    net.ip.snmp.ip.InDelivers++;
    const trace = net.trace;
    if (trace !== null) trace.done(skb, null);
    const protocol = skb.data[IPV4_PROTOCOL];
    const handler = HANDLER_NAMES[protocol];
    if (trace !== null && handler !== undefined) trace.enter(handler, null, skb);
    if (protocol === IPPROTO_TCP) this.tcp.receive(skb);
    else if (protocol === IPPROTO_UDP) this.udp.receive(skb);
    else if (protocol === IPPROTO_UDPLITE) receiveUdpLite(net, skb);
    else if (protocol === IPPROTO_ICMP) {
      if (trace !== null) trace.note({ kind: "end", reason: "delivered to icmp" });
      this.ping.receive(skb);
      net.ip.icmp.receive(skb);
    } else if (protocol === IPPROTO_IGMP || protocol === IPPROTO_PIM) {
      // Taken by the kernel; this host is in no group that it would report, and routes no multicasts.
      if (trace !== null)
        trace.note({ kind: "end", reason: `delivered to ${protocol === IPPROTO_IGMP ? "igmp" : "pim"}` });
    } else {
      net.ip.snmp.ip.InUnknownProtos++;
      if (trace !== null) trace.note({ kind: "end", reason: `no protocol ${protocol}` });
      net.ip.icmpSend(skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
    }
    // The entry is done with: what sockets keep does not hold it. Models the nf_reset_ct() on delivery.
    net.free(skb);
    if (trace !== null && handler !== undefined) trace.leave();
  }

  /**
   * The route that a known connection's packets take, so that routing need not be asked. TCP only: UDP sockets keep no
   * received route here. Models `tcp_v4_early_demux()`.
   */
  earlyDemux(skb: SkBuff, dev: NetDevice): Rtable | null {
    return this.tcp.earlyDemux(skb, dev);
  }

  /** An ICMP error about a packet of this host. */
  icmpError(error: IcmpError): void {
    if (error.protocol === IPPROTO_TCP) this.tcp.icmpError(error);
    else if (error.protocol === IPPROTO_UDP) this.udp.icmpError(error);
    else if (error.protocol === IPPROTO_ICMP || error.protocol === IPPROTO_ICMPV6) {
      // This host's own answers to echo requests are nobody's; in IPv6 nobody need have sent the packet at all.
      const own = error.protocol === IPPROTO_ICMPV6 || error.data[error.transport + ICMP_TYPE] === ICMP_ECHOREPLY;
      if (own) error.learn?.();
      this.ping.icmpError(error, own);
    }
  }

  list(): SocketInfo[] {
    return [...this.udp.list(), ...this.ping.list(), ...this.tcp.list()];
  }

  /** The device that `SO_BINDTODEVICE` names. Throws ENODEV. */
  boundDevice(options: SocketOptions): NetDevice | null {
    if (options.device === undefined) return null;
    const dev = this.net.devices.get(options.device);
    if (dev === undefined) throw new SystemError(ENODEV);
    return dev;
  }

  /** The family of an address. */
  familyOf(address: InetAddress): SocketFamily {
    return typeof address === "number" ? this.inet : this.inet6;
  }

  /** The family of a packet whose header begins at `at`. */
  familyOfPacket(data: Uint8Array, at: number): SocketFamily {
    return data[at] >>> 4 === 6 ? this.inet6 : this.inet;
  }

  /** "Any" of an address's family. */
  anyOf(address: InetAddress): InetAddress {
    return typeof address === "number" ? 0 : new Int32Array(IPV6_WORDS);
  }

  /** A free port of the ephemeral range, tried from a random one on. Throws EADDRINUSE. */
  ephemeralPort(free: (port: number) => boolean, step = 1): number {
    const [low, high] = this.portRange;
    const size = high - low + 1;
    const start = this.net.random.u32() % size;
    for (let i = 0; i < size; i++) {
      const port = low + ((start + i * step) % size);
      if (free(port)) return port;
    }
    throw new SystemError(EADDRINUSE);
  }
}
