/**
 * The way out of a connection: its addresses and ports, the route it holds, the ids its packets count, and the bytes of
 * a segment. Models `__tcp_transmit_skb()`, net/ipv4/tcp_output.c, and `ip_queue_xmit()`, net/ipv4/ip_output.c.
 */
import type { NetDevice } from "../../dev/device.js";
import { SystemError } from "../../errno.js";
import type { InetAddress } from "../../wire/address.js";
import { put16, put32 } from "../../wire/bytes.js";
import { IPPROTO_TCP } from "../../wire/ipv4.js";
import {
  TCP_ACK_SEQ,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_DST_PORT,
  TCP_FLAGS,
  TCP_HEADER_LENGTH,
  TCP_SEQ,
  TCP_SRC_PORT,
  TCP_WINDOW,
  type TcpOptions,
  tcpOptionBytes,
} from "../../wire/tcp.js";
import { type SocketFamily, setTransportChecksum, type Way } from "../family.js";
import type { SocketOptions } from "../sockets.js";

/** Who a connection is. */
export interface Ends {
  readonly family: SocketFamily;
  readonly localAddress: InetAddress;
  readonly localPort: number;
  readonly remoteAddress: InetAddress;
  readonly remotePort: number;
  readonly options: SocketOptions;
  /** What it is bound to. */
  readonly device: NetDevice | null;
}

/** What a segment says. */
export interface SegmentFields {
  readonly seq: number;
  readonly ack: number;
  /** Bits `TCP_*`. */
  readonly flags: number;
  /** The field as sent. */
  readonly window: number;
  readonly options: TcpOptions;
  readonly payload: Uint8Array | null;
  /** Whether the packet's id is one of the connection's own; a request's are 0, for it has no socket. */
  readonly counted: boolean;
}

export class SegmentOutput {
  readonly #ends: Ends;
  #way: Way;
  #ident: number;

  /** `ident`: the id of the first packet, 16 bits. */
  constructor(ends: Ends, way: Way, ident: number) {
    this.#ends = ends;
    this.#way = way;
    this.#ident = ident;
  }

  /** The greatest segment to ask the peer for, in bytes of data. */
  get advertisedMss(): number {
    return this.#ends.family.advertisedMss(this.#way);
  }

  /** What a packet on this way takes besides IP's header and TCP's, in bytes: options and data. */
  get room(): number {
    return this.#way.mtu - this.#ends.family.headerLength - TCP_HEADER_LENGTH;
  }

  /** Whether the route still holds. */
  get valid(): boolean {
    return this.#ends.family.valid(this.#way);
  }

  /** Routes anew. Returns false where there is no route: the one that was stays. */
  reroute(): boolean {
    const { family, localAddress, localPort, remoteAddress, remotePort, options, device } = this.#ends;
    try {
      this.#way = family.route({
        dst: remoteAddress,
        src: localAddress,
        protocol: IPPROTO_TCP,
        sport: localPort,
        dport: remotePort,
        options,
        device,
      });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return false;
    }
    return true;
  }

  /** Builds a segment and sends it. */
  send({ seq, ack, flags, window, options, payload, counted }: SegmentFields): void {
    const { family, localAddress, localPort, remoteAddress, remotePort, options: socket } = this.#ends;
    const optionBytes = tcpOptionBytes(options);
    const header = TCP_HEADER_LENGTH + optionBytes.length;
    const length = header + (payload === null ? 0 : payload.length);
    const skb = family.packet(
      this.#way,
      {
        src: localAddress,
        dst: remoteAddress,
        protocol: IPPROTO_TCP,
        options: socket,
        dontFragment: !this.#way.mtuLocked,
        id: counted ? this.#ident++ & 0xffff : 0,
      },
      length,
    );
    const at = family.headerLength;
    const { data } = skb;
    put16(data, at + TCP_SRC_PORT, localPort);
    put16(data, at + TCP_DST_PORT, remotePort);
    put32(data, at + TCP_SEQ, seq);
    put32(data, at + TCP_ACK_SEQ, ack);
    data[at + TCP_DATA_OFFSET] = (header >>> 2) << 4;
    data[at + TCP_FLAGS] = flags;
    put16(data, at + TCP_WINDOW, window);
    data.set(optionBytes, at + TCP_HEADER_LENGTH);
    if (payload !== null) data.set(payload, at + header);
    setTransportChecksum(family, data, at, at + TCP_CHECKSUM, IPPROTO_TCP, length);
    family.send(skb);
  }
}
