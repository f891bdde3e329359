/**
 * The socket of `ping`: echo requests out, replies and errors back, told apart by the echo identifier. The packets are
 * those of iputils' ping over its raw socket. Models the part of net/ipv4/raw.c and ping.c that it uses.
 */
import type { NetDevice } from "../dev/device.js";
import { EACCES, EMSGSIZE, SystemError } from "../errno.js";
import type { IcmpError } from "../ip/icmp.js";
import { newPacket } from "../ip/output.js";
import { inetIif, RTN_BROADCAST, type Rtable } from "../ip/route.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { get32, put16 } from "../wire/bytes.js";
import {
  checkIcmp,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_HEADER_LENGTH,
  ICMP_ID,
  ICMP_SEQUENCE,
  ICMP_TYPE,
  icmpChecksumOk,
  icmpId,
  icmpSequence,
  icmpSetChecksum,
} from "../wire/icmp.js";
import { IPPROTO_ICMP, IPV4_DST, IPV4_HEADER_LENGTH, IPV4_SRC, IPV4_TTL } from "../wire/ipv4.js";
import type { PingApi, PingHandlers, PingOpenOptions, PingSocket, SocketInfo } from "./sockets.js";

class PingEndpoint implements PingSocket {
  readonly #protocol: PingProtocol;
  handlers: PingHandlers;
  readonly options: PingOpenOptions;
  readonly device: NetDevice | null;
  readonly id: number;

  constructor(
    protocol: PingProtocol,
    options: PingOpenOptions,
    device: NetDevice | null,
    id: number,
    handlers: PingHandlers,
  ) {
    this.#protocol = protocol;
    this.options = options;
    this.device = device;
    this.id = id;
    this.handlers = handlers;
  }

  sourceFor(address: number): number {
    return this.options.localAddress ?? this.#protocol.route(this, address).prefsrc;
  }

  send(address: number, sequence: number, payload: Uint8Array): void {
    this.#protocol.send(this, address, sequence, payload);
  }

  close(): void {
    this.#protocol.close(this);
  }
}

export class PingProtocol implements PingApi {
  readonly #net: NetNamespace;
  #sockets: PingEndpoint[] = [];

  constructor(net: NetNamespace) {
    this.#net = net;
  }

  open(options: PingOpenOptions = {}, handlers: PingHandlers = {}): PingSocket {
    const { sockets, random } = this.#net;
    sockets.checkLocal(options.localAddress ?? 0);
    let id = options.id ?? random.u16();
    if (options.id === undefined) while (id === 0 || this.#sockets.some((other) => other.id === id)) id = random.u16();
    const socket = new PingEndpoint(this, options, sockets.boundDevice(options), id, handlers);
    this.#sockets.push(socket);
    return socket;
  }

  /** The way to an address. Throws what the kernel answers. */
  route(socket: PingEndpoint, address: number): Rtable {
    const { routing } = this.#net.ip;
    const { options } = socket;
    const rt = routing.output(
      address,
      options.localAddress ?? 0,
      options.mark ?? 0,
      options.tos ?? 0,
      socket.device,
      IPPROTO_ICMP,
      0,
      // Type and code lie where rules look for the port. Models `union flowi_uli`.
      ICMP_ECHO << 8,
    );
    if (rt === null) {
      this.#net.ip.snmp.ip.OutNoRoutes++;
      throw new SystemError(routing.error);
    }
    if (rt.type === RTN_BROADCAST) throw new SystemError(EACCES);
    return rt;
  }

  send(socket: PingEndpoint, address: number, sequence: number, payload: Uint8Array): void {
    const { ip } = this.#net;
    const rt = this.route(socket, address);
    const { options } = socket;
    const length = ICMP_HEADER_LENGTH + payload.length;
    if (IPV4_HEADER_LENGTH + length > 0xffff) throw new SystemError(EMSGSIZE);
    const fits = IPV4_HEADER_LENGTH + length <= rt.mtu;
    const strict = options.dontFragment === true;
    if (strict && !fits) throw new SystemError(EMSGSIZE);
    const src = options.localAddress ?? rt.prefsrc;
    const skb = newPacket(
      {
        src,
        dst: address,
        protocol: IPPROTO_ICMP,
        ttl: options.ttl ?? 0,
        tos: options.tos ?? 0,
        dontFragment: options.dontFragment ?? (fits && !rt.mtuLocked),
        id: strict ? 0 : ip.idents.next(ip, address, src, IPPROTO_ICMP),
      },
      length,
    );
    const at = IPV4_HEADER_LENGTH;
    skb.data[at + ICMP_TYPE] = ICMP_ECHO;
    put16(skb.data, at + ICMP_ID, socket.id);
    put16(skb.data, at + ICMP_SEQUENCE, sequence);
    skb.data.set(payload, at + ICMP_HEADER_LENGTH);
    icmpSetChecksum(skb.data, at, length);
    skb.dst = rt;
    skb.mark = options.mark ?? 0;
    skb.uid = options.uid ?? 0;
    const error = ip.localOut(skb);
    if (error !== 0) throw new SystemError(-error);
  }

  close(socket: PingEndpoint): void {
    this.#sockets = this.#sockets.filter((other) => other !== socket);
  }

  /** Shows an arriving ICMP message to the sockets. Models `raw_local_deliver()` with ping's filter. */
  receive(skb: SkBuff): void {
    if (this.#sockets.length === 0) return;
    const { data, transportOffset: at } = skb;
    const length = skb.len - at;
    if (!checkIcmp(length) || data[at + ICMP_TYPE] !== ICMP_ECHOREPLY || !icmpChecksumOk(data, at, length)) return;
    const id = icmpId(data, at);
    for (const socket of this.#sockets)
      if (socket.id === id && (socket.device === null || socket.device === inetIif(skb)))
        socket.handlers.onReply?.({
          address: get32(data, IPV4_SRC),
          localAddress: get32(data, IPV4_DST),
          sequence: icmpSequence(data, at),
          ttl: data[IPV4_TTL],
          bytes: length,
          payload: data.slice(at + ICMP_HEADER_LENGTH, at + length),
        });
  }

  icmpError(error: IcmpError): void {
    const { data, transport } = error;
    if (data[transport + ICMP_TYPE] !== ICMP_ECHO) return;
    const id = icmpId(data, transport);
    for (const socket of this.#sockets)
      if (socket.id === id)
        socket.handlers.onError?.({
          address: error.from,
          type: error.type,
          code: error.code,
          info: error.info,
          sequence: icmpSequence(data, transport),
        });
  }

  list(): SocketInfo[] {
    return this.#sockets.map((socket) => ({
      protocol: "icmp",
      state: "UNCONN",
      localAddress: socket.options.localAddress ?? 0,
      localPort: socket.id,
      remoteAddress: 0,
      remotePort: 0,
      receiveQueue: 0,
      sendQueue: 0,
    }));
  }
}
