/**
 * The socket of `ping`: echo requests out, replies and errors back, told apart by the echo identifier. The packets are
 * those of iputils' ping over its raw socket. Models the part of net/ipv4/raw.c and ping.c that it uses.
 */
import type { NetDevice } from "../dev/device.js";
import { EACCES, EMSGSIZE, SystemError } from "../errno.js";
import type { IcmpError } from "../ip/icmp.js";
import { inetIif, RTN_BROADCAST } from "../ip/route.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import type { InetAddress } from "../wire/address.js";
import { put16 } from "../wire/bytes.js";
import {
  checkIcmp,
  ICMP_CHECKSUM,
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
import { ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST } from "../wire/icmpv6.js";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPV4_TTL } from "../wire/ipv4.js";
import { IPV6_HOP_LIMIT } from "../wire/ipv6.js";
import { type SocketFamily, setTransportChecksum, type Way } from "./family.js";
import type { PingApi, PingHandlers, PingOpenOptions, PingSocket, SocketInfo } from "./sockets.js";

/** The messages of a family's echo. */
interface Echo {
  readonly protocol: number;
  readonly request: number;
  readonly reply: number;
  /** Where the IP header holds the hop limit. */
  readonly ttlAt: number;
}

const ECHO: Readonly<Record<SocketFamily["name"], Echo>> = {
  ipv4: { protocol: IPPROTO_ICMP, request: ICMP_ECHO, reply: ICMP_ECHOREPLY, ttlAt: IPV4_TTL },
  ipv6: {
    protocol: IPPROTO_ICMPV6,
    request: ICMPV6_ECHO_REQUEST,
    reply: ICMPV6_ECHO_REPLY,
    ttlAt: IPV6_HOP_LIMIT,
  },
};

class PingEndpoint implements PingSocket {
  readonly #protocol: PingProtocol;
  handlers: PingHandlers;
  readonly options: PingOpenOptions;
  readonly device: NetDevice | null;
  readonly family: SocketFamily;
  readonly id: number;

  constructor(
    protocol: PingProtocol,
    options: PingOpenOptions,
    device: NetDevice | null,
    family: SocketFamily,
    id: number,
    handlers: PingHandlers,
  ) {
    this.#protocol = protocol;
    this.options = options;
    this.device = device;
    this.family = family;
    this.id = id;
    this.handlers = handlers;
  }

  sourceFor(address: InetAddress): InetAddress {
    return this.options.localAddress ?? this.#protocol.route(this, address).prefsrc;
  }

  send(address: InetAddress, sequence: number, payload: Uint8Array): void {
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
    const device = sockets.boundDevice(options);
    const family = options.ipv6 === true ? sockets.inet6 : sockets.inet;
    if (options.localAddress !== undefined) family.checkLocal(options.localAddress, device, options);
    let id = options.id ?? random.u16();
    if (options.id === undefined)
      while (id === 0 || this.#sockets.some((other) => other.family === family && other.id === id)) id = random.u16();
    const socket = new PingEndpoint(this, options, device, family, id, handlers);
    this.#sockets.push(socket);
    return socket;
  }

  /** The way to an address. Throws what the kernel answers. */
  route({ family, options, device }: PingEndpoint, address: InetAddress): Way {
    const way = family.route({
      dst: address,
      src: options.localAddress ?? this.#net.sockets.anyOf(address),
      protocol: ECHO[family.name].protocol,
      sport: 0,
      // Type and code lie where rules look for the port. Models `union flowi_uli`.
      dport: family.name === "ipv4" ? ICMP_ECHO << 8 : 0,
      options,
      device,
    });
    if (way.type === RTN_BROADCAST) throw new SystemError(EACCES);
    return way;
  }

  send(socket: PingEndpoint, address: InetAddress, sequence: number, payload: Uint8Array): void {
    const way = this.route(socket, address);
    const { options, family } = socket;
    const { protocol, request } = ECHO[family.name];
    const at = family.headerLength;
    const length = ICMP_HEADER_LENGTH + payload.length;
    if (at + length > 0xffff) throw new SystemError(EMSGSIZE);
    const fits = at + length <= way.mtu;
    const strict = options.dontFragment === true;
    if (strict && !fits) throw new SystemError(EMSGSIZE);
    const skb = family.packet(
      way,
      {
        src: options.localAddress ?? way.prefsrc,
        dst: address,
        protocol,
        options,
        dontFragment: options.dontFragment ?? (fits && !way.mtuLocked),
        id: strict ? 0 : null,
      },
      length,
    );
    const { data } = skb;
    data[at + ICMP_TYPE] = request;
    put16(data, at + ICMP_ID, socket.id);
    put16(data, at + ICMP_SEQUENCE, sequence);
    data.set(payload, at + ICMP_HEADER_LENGTH);
    if (protocol === IPPROTO_ICMP) icmpSetChecksum(data, at, length);
    else setTransportChecksum(family, data, at, at + ICMP_CHECKSUM, protocol, length);
    const error = family.send(skb);
    if (error !== 0) throw new SystemError(-error);
  }

  close(socket: PingEndpoint): void {
    this.#sockets = this.#sockets.filter((other) => other !== socket);
  }

  /** Shows an arriving ICMP message to the sockets. Models `raw_local_deliver()` with ping's filter. */
  receive(skb: SkBuff): void {
    if (this.#sockets.length === 0) return;
    const { data, transportOffset: at } = skb;
    const family = this.#net.sockets.familyOfPacket(data, 0);
    const { protocol, reply, ttlAt } = ECHO[family.name];
    const length = skb.len - at;
    if (!checkIcmp(length) || data[at + ICMP_TYPE] !== reply) return;
    const ok = protocol === IPPROTO_ICMP ? icmpChecksumOk(data, at, length) : family.intact(skb, at, protocol, length);
    if (!ok) return;
    const id = icmpId(data, at);
    for (const socket of this.#sockets)
      if (socket.family === family && socket.id === id && (socket.device === null || socket.device === inetIif(skb)))
        socket.handlers.onReply?.({
          address: family.source(data, 0),
          localAddress: family.destination(data, 0),
          sequence: icmpSequence(data, at),
          ttl: data[ttlAt],
          bytes: length,
          device: skb.iif?.name ?? null,
          payload: data.slice(at + ICMP_HEADER_LENGTH, at + length),
        });
  }

  /** An error about an echo request; `learned`: routing knows of it. */
  icmpError(error: IcmpError, learned: boolean): void {
    const { data, inner, transport } = error;
    const family = this.#net.sockets.familyOfPacket(data, inner);
    if (data[transport + ICMP_TYPE] !== ECHO[family.name].request) return;
    const id = icmpId(data, transport);
    for (const socket of this.#sockets) {
      if (socket.family !== family || socket.id !== id) continue;
      if (!learned) error.learn?.();
      // IPv6's redirects are no errors.
      if (error.type < 128)
        socket.handlers.onError?.({
          address: error.from,
          type: error.type,
          code: error.code,
          info: error.info,
          sequence: icmpSequence(data, transport),
          device: error.device,
        });
    }
  }

  list(): SocketInfo[] {
    return this.#sockets.map((socket) => ({
      protocol: "icmp",
      mapped: false,
      state: "UNCONN",
      localAddress: socket.options.localAddress ?? this.#any(socket.family),
      localPort: socket.id,
      remoteAddress: this.#any(socket.family),
      remotePort: 0,
      receiveQueue: 0,
      sendQueue: 0,
    }));
  }

  #any(family: SocketFamily): InetAddress {
    return family.name === "ipv4" ? 0 : new Int32Array(4);
  }
}
