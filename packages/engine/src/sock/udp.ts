/**
 * UDP sockets, bound and connected, with the errors that ICMP brings. Receive buffers are not modelled: handlers get
 * datagrams at once. Multicast groups cannot be joined. Models net/ipv4/udp.c.
 */
import type { NetDevice } from "../dev/device.js";
import { EACCES, EADDRINUSE, EMSGSIZE, ENOBUFS, ENOTCONN, SystemError } from "../errno.js";
import type { IcmpError } from "../ip/icmp.js";
import { inetIif, RTN_BROADCAST } from "../ip/route.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { type InetAddress, isAnyAddress, sameAddress } from "../wire/address.js";
import { get16, put16 } from "../wire/bytes.js";
import { IPPROTO_UDP } from "../wire/ipv4.js";
import {
  checkUdp,
  UDP_CHECKSUM,
  UDP_DST_PORT,
  UDP_HEADER_LENGTH,
  UDP_LENGTH,
  UDP_SRC_PORT,
  udpChecksum,
  udpDstPort,
  udpLength,
  udpSrcPort,
} from "../wire/udp.js";
import { overlap, type SocketFamily, setTransportChecksum, takes, type Way } from "./family.js";
import type { SocketInfo, UdpApi, UdpHandlers, UdpOpenOptions, UdpSocket } from "./sockets.js";

class UdpEndpoint implements UdpSocket {
  readonly #protocol: UdpProtocol;
  handlers: UdpHandlers;
  readonly options: UdpOpenOptions;
  readonly device: NetDevice | null;
  /** Whether an IPv4 peer was connected to by a socket of IPv6. */
  mapped: boolean;
  localAddress: InetAddress;
  readonly localPort: number;
  remoteAddress: InetAddress;
  remotePort = 0;

  constructor(
    protocol: UdpProtocol,
    options: UdpOpenOptions,
    device: NetDevice | null,
    port: number,
    handlers: UdpHandlers,
  ) {
    this.#protocol = protocol;
    this.options = options;
    this.device = device;
    this.localAddress = options.address ?? 0;
    this.remoteAddress = protocol.anyOf(this.localAddress);
    this.mapped = false;
    this.localPort = port;
    this.handlers = handlers;
  }

  connect(address: InetAddress, port: number): void {
    this.#protocol.connect(this, address, port);
  }

  send(bytes: Uint8Array): void {
    if (isAnyAddress(this.remoteAddress)) throw new SystemError(ENOTCONN);
    this.#protocol.send(this, bytes, this.remoteAddress, this.remotePort);
  }

  sendTo(bytes: Uint8Array, address: InetAddress, port: number): void {
    this.#protocol.send(this, bytes, address, port);
  }

  close(): void {
    this.#protocol.close(this);
  }
}

export class UdpProtocol implements UdpApi {
  readonly #net: NetNamespace;
  #sockets: UdpEndpoint[] = [];

  constructor(net: NetNamespace) {
    this.#net = net;
  }

  open(options: UdpOpenOptions = {}, handlers: UdpHandlers = {}): UdpSocket {
    const { sockets } = this.#net;
    const address = options.address ?? 0;
    const device = sockets.boundDevice(options);
    sockets.familyOf(address).checkLocal(address, device, options);
    const taken = (port: number): boolean =>
      this.#sockets.some(
        (other) =>
          other.localPort === port &&
          overlap(address, other.localAddress) &&
          !(options.reuseAddress === true && other.options.reuseAddress === true),
      );
    let port = options.port ?? 0;
    if (port === 0) port = sockets.ephemeralPort((candidate) => !taken(candidate));
    else if (taken(port)) throw new SystemError(EADDRINUSE);
    const socket = new UdpEndpoint(this, options, device, port, handlers);
    this.#sockets.push(socket);
    return socket;
  }

  anyOf(address: InetAddress): InetAddress {
    return this.#net.sockets.anyOf(address);
  }

  connect(socket: UdpEndpoint, address: InetAddress, port: number): void {
    const way = this.#route(socket, address, port);
    if (way.type === RTN_BROADCAST && socket.options.broadcast !== true) throw new SystemError(EACCES);
    socket.mapped = typeof address === "number" && typeof socket.localAddress !== "number";
    if (isAnyAddress(socket.localAddress)) socket.localAddress = way.prefsrc;
    socket.remoteAddress = isAnyAddress(address) ? way.prefsrc : address;
    socket.remotePort = port;
  }

  /** The family of an address, and what the socket is bound to in it. */
  #ends({ localAddress }: UdpEndpoint, address: InetAddress): { family: SocketFamily; bound: InetAddress } {
    const { sockets } = this.#net;
    const family = sockets.familyOf(address);
    return { family, bound: isAnyAddress(localAddress) ? sockets.anyOf(address) : localAddress };
  }

  #route(socket: UdpEndpoint, address: InetAddress, port: number): Way {
    const { family, bound } = this.#ends(socket, address);
    const { localPort: sport, options, device } = socket;
    return family.route({ dst: address, src: bound, protocol: IPPROTO_UDP, sport, dport: port, options, device });
  }

  send(socket: UdpEndpoint, bytes: Uint8Array, address: InetAddress, port: number): void {
    const { family, bound } = this.#ends(socket, address);
    const { udp: mib } = this.#net.ip.snmp;
    const length = UDP_HEADER_LENGTH + bytes.length;
    if (length > 0xffff - (family.name === "ipv4" ? family.headerLength : 0)) throw new SystemError(EMSGSIZE);
    const way = this.#route(socket, address, port);
    const { options } = socket;
    if (way.type === RTN_BROADCAST && options.broadcast !== true) throw new SystemError(EACCES);
    const src = isAnyAddress(bound) ? way.prefsrc : bound;
    const skb = family.packet(
      way,
      {
        src,
        dst: isAnyAddress(address) ? src : address,
        protocol: IPPROTO_UDP,
        options,
        // Path MTU discovery "want": what fits goes unfragmented, what does not is cut here.
        dontFragment: family.headerLength + length <= way.mtu && !way.mtuLocked,
        id: null,
      },
      length,
    );
    const at = family.headerLength;
    const { data } = skb;
    put16(data, at + UDP_SRC_PORT, socket.localPort);
    put16(data, at + UDP_DST_PORT, port);
    put16(data, at + UDP_LENGTH, length);
    data.set(bytes, at + UDP_HEADER_LENGTH);
    setTransportChecksum(family, data, at, at + UDP_CHECKSUM, IPPROTO_UDP, length);
    // Zero would say that there is none.
    if (get16(data, at + UDP_CHECKSUM) === 0) put16(data, at + UDP_CHECKSUM, 0xffff);
    skb.checksumPartial = true;
    const error = family.send(skb);
    if (error === 0) mib.OutDatagrams++;
    // Of a device that does not take it a socket without IP_RECVERR is told nothing.
    else if (error === -ENOBUFS) mib.SndbufErrors++;
    else throw new SystemError(-error);
  }

  close(socket: UdpEndpoint): void {
    this.#sockets = this.#sockets.filter((other) => other !== socket);
  }

  /**
   * The socket that fits best: connected before bound to an address before bound to any. Models `udp4_lib_lookup2()`.
   */
  lookup(
    local: InetAddress,
    port: number,
    remote: InetAddress,
    remotePort: number,
    dev: NetDevice | null,
  ): UdpEndpoint | null {
    let best: UdpEndpoint | null = null;
    let bestScore = -1;
    for (const socket of this.#sockets) {
      if (socket.localPort !== port) continue;
      if (!takes(socket.localAddress, local)) continue;
      let score = isAnyAddress(socket.localAddress) ? 0 : 4;
      if (!isAnyAddress(socket.remoteAddress)) {
        if (!sameAddress(socket.remoteAddress, remote) || socket.remotePort !== remotePort) continue;
        score += 8;
      }
      if (socket.device !== null) {
        if (socket.device !== dev) continue;
        score += 4;
      }
      if (score > bestScore) {
        best = socket;
        bestScore = score;
      }
    }
    return best;
  }

  /** Models `udp_rcv()`. What comes after the datagram's own length is cut off. */
  receive(skb: SkBuff): void {
    const { ip, sockets, trace } = this.#net;
    const mib = ip.snmp.udp;
    const { data, transportOffset: at } = skb;
    const family = sockets.familyOfPacket(data, 0);
    const src = family.source(data, 0);
    const dst = family.destination(data, 0);
    // Over IPv6 a length of none stands for all there is (of a jumbogram).
    const jumbo = family.name === "ipv6" && skb.len - at >= UDP_HEADER_LENGTH && udpLength(data, at) === 0;
    if (!jumbo && !checkUdp(data, at, skb.len - at)) {
      mib.InErrors++;
      if (trace !== null) trace.note({ kind: "end", reason: "bad udp header" });
      return;
    }
    const length = jumbo ? skb.len - at : udpLength(data, at);
    skb.len = at + length;
    // A sender over IPv4 may say that it computed no checksum; over IPv6 a socket has to allow it, and none here does.
    const unchecked = udpChecksum(data, at) === 0;
    const ok = unchecked ? family.name === "ipv4" : family.intact(skb, at, IPPROTO_UDP, length);
    if (!ok) {
      mib.InCsumErrors++;
      mib.InErrors++;
      if (trace !== null) trace.note({ kind: "end", reason: "bad udp checksum" });
      return;
    }
    const sport = udpSrcPort(data, at);
    const dport = udpDstPort(data, at);
    const given = skb.sk instanceof UdpEndpoint ? skb.sk : null;
    const toMany = given === null && family.toMany(skb);
    const found = toMany
      ? this.#sockets.filter(
          (socket) =>
            socket.localPort === dport &&
            takes(socket.localAddress, dst) &&
            (isAnyAddress(socket.remoteAddress) ||
              (sameAddress(socket.remoteAddress, src) && socket.remotePort === sport)),
        )
      : [given ?? this.lookup(dst, dport, src, sport, inetIif(skb))];
    // A socket takes it, or an error is sent about it, which is tracked anew (unless a rule exempts it): the entry is
    // done with.
    ip.net.resetConntrack(skb);
    let delivered = false;
    for (const socket of found) {
      if (socket === null) continue;
      delivered = true;
      mib.InDatagrams++;
      if (trace !== null) trace.note({ kind: "end", reason: `delivered to udp:${dport}` });
      socket.handlers.onMessage?.(data.slice(at + UDP_HEADER_LENGTH, at + length), src, sport);
    }
    if (delivered) return;
    mib.NoPorts++;
    if (trace !== null) trace.note({ kind: "end", reason: `no socket at udp:${dport}` });
    if (!toMany) family.portUnreachable(skb);
  }

  /** Models `udp_err()`. */
  icmpError(error: IcmpError): void {
    const { data, inner, transport } = error;
    const family = this.#net.sockets.familyOfPacket(data, inner);
    const socket = this.lookup(
      family.source(data, inner),
      udpSrcPort(data, transport),
      family.destination(data, inner),
      udpDstPort(data, transport),
      null,
    );
    const meaning = family.meaning(error.type, error.code);
    if (socket === null) return;
    error.learn?.();
    if (meaning === null || isAnyAddress(socket.remoteAddress)) return;
    if (family.tooBig(error.type, error.code)) return;
    // Without IP_RECVERR only hard errors are reported to a connected socket.
    if (meaning.hard) socket.handlers.onError?.(meaning.errno);
  }

  list(): SocketInfo[] {
    return this.#sockets.map((socket) => ({
      protocol: "udp",
      mapped: socket.mapped,
      state: isAnyAddress(socket.remoteAddress) ? "UNCONN" : "ESTABLISHED",
      localAddress: socket.localAddress,
      localPort: socket.localPort,
      remoteAddress: socket.remoteAddress,
      remotePort: socket.remotePort,
      receiveQueue: 0,
      sendQueue: 0,
    }));
  }
}
