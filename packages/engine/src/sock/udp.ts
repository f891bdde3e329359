/**
 * UDP sockets, bound and connected, with the errors that ICMP brings. Receive buffers are not modelled: handlers get
 * datagrams at once. Multicast groups cannot be joined. Models net/ipv4/udp.c.
 */
import type { NetDevice } from "../dev/device.js";
import { EACCES, EADDRINUSE, EMSGSIZE, ENOTCONN, SystemError } from "../errno.js";
import { type IcmpError, icmpErrno } from "../ip/icmp.js";
import { newPacket } from "../ip/output.js";
import { inetIif, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, type Rtable } from "../ip/route.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { get32, put16 } from "../wire/bytes.js";
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PORT_UNREACH } from "../wire/icmp.js";
import { IPPROTO_UDP, IPV4_DST, IPV4_HEADER_LENGTH, IPV4_SRC } from "../wire/ipv4.js";
import {
  checkUdp,
  UDP_DST_PORT,
  UDP_HEADER_LENGTH,
  UDP_LENGTH,
  UDP_SRC_PORT,
  udpChecksumOk,
  udpDstPort,
  udpLength,
  udpSetChecksum,
  udpSrcPort,
} from "../wire/udp.js";
import type { SocketInfo, UdpApi, UdpHandlers, UdpOpenOptions, UdpSocket } from "./sockets.js";

class UdpEndpoint implements UdpSocket {
  readonly #protocol: UdpProtocol;
  handlers: UdpHandlers;
  readonly options: UdpOpenOptions;
  readonly device: NetDevice | null;
  localAddress: number;
  readonly localPort: number;
  remoteAddress = 0;
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
    this.localPort = port;
    this.handlers = handlers;
  }

  connect(address: number, port: number): void {
    this.#protocol.connect(this, address, port);
  }

  send(bytes: Uint8Array): void {
    if (this.remoteAddress === 0) throw new SystemError(ENOTCONN);
    this.#protocol.send(this, bytes, this.remoteAddress, this.remotePort);
  }

  sendTo(bytes: Uint8Array, address: number, port: number): void {
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
    sockets.checkLocal(address);
    const taken = (port: number): boolean =>
      this.#sockets.some(
        (other) =>
          other.localPort === port &&
          (address === 0 || other.localAddress === 0 || other.localAddress === address) &&
          !(options.reuseAddress === true && other.options.reuseAddress === true),
      );
    let port = options.port ?? 0;
    if (port === 0) port = sockets.ephemeralPort((candidate) => !taken(candidate));
    else if (taken(port)) throw new SystemError(EADDRINUSE);
    const socket = new UdpEndpoint(this, options, sockets.boundDevice(options), port, handlers);
    this.#sockets.push(socket);
    return socket;
  }

  connect(socket: UdpEndpoint, address: number, port: number): void {
    const rt = this.#route(socket, address, port);
    if (rt.type === RTN_BROADCAST && socket.options.broadcast !== true) throw new SystemError(EACCES);
    if (socket.localAddress === 0) socket.localAddress = rt.prefsrc;
    socket.remoteAddress = address === 0 ? rt.prefsrc : address;
    socket.remotePort = port;
  }

  #route(socket: UdpEndpoint, address: number, port: number): Rtable {
    const { routing } = this.#net.ip;
    const { options } = socket;
    const rt = routing.output(
      address,
      socket.localAddress,
      options.mark ?? 0,
      options.tos ?? 0,
      socket.device,
      IPPROTO_UDP,
      socket.localPort,
      port,
    );
    if (rt === null) {
      this.#net.ip.snmp.ip.OutNoRoutes++;
      throw new SystemError(routing.error);
    }
    return rt;
  }

  send(socket: UdpEndpoint, bytes: Uint8Array, address: number, port: number): void {
    const { ip } = this.#net;
    if (bytes.length > 65507) throw new SystemError(EMSGSIZE);
    const rt = this.#route(socket, address, port);
    const { options } = socket;
    if (rt.type === RTN_BROADCAST && options.broadcast !== true) throw new SystemError(EACCES);
    const length = UDP_HEADER_LENGTH + bytes.length;
    const src = socket.localAddress !== 0 ? socket.localAddress : rt.prefsrc;
    // Path MTU discovery "want": what fits goes unfragmented, what does not is cut here.
    const whole = IPV4_HEADER_LENGTH + length <= rt.mtu && !rt.mtuLocked;
    const skb = newPacket(
      {
        src,
        dst: address === 0 ? src : address,
        protocol: IPPROTO_UDP,
        ttl: options.ttl ?? (rt.type === RTN_MULTICAST ? 1 : 0),
        tos: options.tos ?? 0,
        dontFragment: whole,
        id: ip.idents.next(ip, address === 0 ? src : address, src, IPPROTO_UDP),
      },
      length,
    );
    const at = IPV4_HEADER_LENGTH;
    put16(skb.data, at + UDP_SRC_PORT, socket.localPort);
    put16(skb.data, at + UDP_DST_PORT, port);
    put16(skb.data, at + UDP_LENGTH, length);
    skb.data.set(bytes, at + UDP_HEADER_LENGTH);
    udpSetChecksum(skb.data, at, length, src, get32(skb.data, IPV4_DST));
    skb.dst = rt;
    skb.mark = options.mark ?? 0;
    skb.uid = options.uid ?? 0;
    const error = ip.localOut(skb);
    if (error !== 0) {
      ip.snmp.udp.SndbufErrors++;
      throw new SystemError(-error);
    }
    ip.snmp.udp.OutDatagrams++;
  }

  close(socket: UdpEndpoint): void {
    this.#sockets = this.#sockets.filter((other) => other !== socket);
  }

  /** The socket that fits best: connected before bound to an address before bound to any. Models `udp4_lib_lookup2()`. */
  #lookup(local: number, port: number, remote: number, remotePort: number, dev: NetDevice | null): UdpEndpoint | null {
    let best: UdpEndpoint | null = null;
    let bestScore = -1;
    for (const socket of this.#sockets) {
      if (socket.localPort !== port) continue;
      let score = 0;
      if (socket.localAddress !== 0) {
        if (socket.localAddress !== local) continue;
        score += 4;
      }
      if (socket.remoteAddress !== 0) {
        if (socket.remoteAddress !== remote || socket.remotePort !== remotePort) continue;
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
    const { ip, trace } = this.#net;
    const mib = ip.snmp.udp;
    const { data, transportOffset: at } = skb;
    const src = get32(data, IPV4_SRC);
    const dst = get32(data, IPV4_DST);
    if (!checkUdp(data, at, skb.len - at)) {
      mib.InErrors++;
      if (trace !== null) trace.note({ kind: "end", reason: "bad udp header" });
      return;
    }
    const length = udpLength(data, at);
    skb.len = at + length;
    if (!udpChecksumOk(data, at, length, src, dst)) {
      mib.InCsumErrors++;
      mib.InErrors++;
      if (trace !== null) trace.note({ kind: "end", reason: "bad udp checksum" });
      return;
    }
    const sport = udpSrcPort(data, at);
    const dport = udpDstPort(data, at);
    const rt = skb.dst as Rtable;
    const toMany = rt.type !== RTN_LOCAL;
    const found = toMany
      ? this.#sockets.filter(
          (socket) =>
            socket.localPort === dport &&
            (socket.localAddress === 0 || socket.localAddress === dst) &&
            (socket.remoteAddress === 0 || (socket.remoteAddress === src && socket.remotePort === sport)),
        )
      : [this.#lookup(dst, dport, src, sport, inetIif(skb))];
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
    if (!toMany) ip.icmpSend(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
  }

  /** Models `udp_err()`. */
  icmpError(error: IcmpError): void {
    const { data, inner, transport } = error;
    const socket = this.#lookup(
      get32(data, inner + IPV4_SRC),
      udpSrcPort(data, transport),
      get32(data, inner + IPV4_DST),
      udpDstPort(data, transport),
      null,
    );
    const meaning = icmpErrno(error.type, error.code);
    if (socket === null || meaning === null || socket.remoteAddress === 0) return;
    if (error.type === ICMP_DEST_UNREACH && error.code === ICMP_FRAG_NEEDED) return;
    // Without IP_RECVERR only hard errors are reported to a connected socket.
    if (meaning.hard) socket.handlers.onError?.(meaning.errno);
  }

  list(): SocketInfo[] {
    return this.#sockets.map((socket) => ({
      protocol: "udp",
      state: socket.remoteAddress === 0 ? "UNCONN" : "ESTABLISHED",
      localAddress: socket.localAddress,
      localPort: socket.localPort,
      remoteAddress: socket.remoteAddress,
      remotePort: socket.remotePort,
      receiveQueue: 0,
      sendQueue: 0,
    }));
  }
}
