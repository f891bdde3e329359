/** Packets in one line each, for tests that read as a conversation. */
import { parseIPv4 } from "../../packages/engine/src/wire/address.js";
import { buildIcmp, type IcmpMessage, icmpEcho } from "../../packages/engine/src/wire/icmp.js";
import { buildIPv4, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../../packages/engine/src/wire/ipv4.js";
import { buildTcp, TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG } from "../../packages/engine/src/wire/tcp.js";
import { buildUdp } from "../../packages/engine/src/wire/udp.js";

const FLAGS: Readonly<Record<string, number>> = {
  S: TCP_SYN,
  A: TCP_ACK,
  F: TCP_FIN,
  R: TCP_RST,
  P: TCP_PSH,
  U: TCP_URG,
};

/** `10.0.0.1:80` as address and port. */
export function endpoint(text: string): { address: number; port: number } {
  const [address, port] = text.split(":");
  return { address: parseIPv4(address), port: Number(port ?? 0) };
}

/** Options of {@link tcp}. */
export interface TcpOptionsLine {
  readonly seq?: number;
  readonly ack?: number;
  readonly win?: number;
  readonly len?: number;
  readonly wscale?: number;
  readonly sackPermitted?: boolean;
  readonly sack?: readonly { left: number; right: number }[];
}

/** A TCP segment; flags by their letters, such as `SA`. */
export function tcp(from: string, to: string, flags: string, options: TcpOptionsLine = {}): Uint8Array {
  const src = endpoint(from);
  const dst = endpoint(to);
  const segment = buildTcp(
    {
      sport: src.port,
      dport: dst.port,
      seq: options.seq ?? 0,
      ack: options.ack ?? 0,
      flags: Array.from(flags).reduce((bits, letter) => bits | FLAGS[letter], 0),
      window: options.win ?? 64240,
      payload: new Uint8Array(options.len ?? 0).fill(120),
      options: {
        ...(options.wscale === undefined ? {} : { windowScale: options.wscale }),
        ...(options.sackPermitted === true ? { sackPermitted: true } : {}),
        ...(options.sack === undefined ? {} : { sack: options.sack }),
      },
    },
    src.address,
    dst.address,
  );
  return buildIPv4({ src: src.address, dst: dst.address, protocol: IPPROTO_TCP, dontFragment: true, payload: segment });
}

/** A UDP datagram. */
export function udp(from: string, to: string, checksum = true): Uint8Array {
  const src = endpoint(from);
  const dst = endpoint(to);
  const payload = buildUdp(
    { sport: src.port, dport: dst.port, payload: Uint8Array.of(120) },
    src.address,
    dst.address,
    checksum,
  );
  return buildIPv4({ src: src.address, dst: dst.address, protocol: IPPROTO_UDP, dontFragment: true, payload });
}

/** An ICMP message. */
export function icmp(from: string, to: string, message: IcmpMessage): Uint8Array {
  return buildIPv4({
    src: parseIPv4(from),
    dst: parseIPv4(to),
    protocol: IPPROTO_ICMP,
    dontFragment: true,
    payload: buildIcmp(message),
  });
}

/** An echo request or reply. */
export function echo(from: string, to: string, id: number, sequence: number, reply = false): Uint8Array {
  return icmp(from, to, icmpEcho(id, sequence, new TextEncoder().encode("abcdefgh"), reply));
}

/** An ICMP error about a packet, with its header and `carried` bytes of payload (8 as RFC 792 has it). */
export function icmpAbout(
  from: string,
  to: string,
  type: number,
  code: number,
  about: Uint8Array,
  carried = 8,
): Uint8Array {
  return icmp(from, to, { type, code, rest: 0, payload: about.slice(0, (about[0] & 15) * 4 + carried) });
}

/** Who talks to whom in a packet, for comparison: `tcp 10.0.0.1:80 > 10.0.0.2:90`. */
export function ends(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  const at = (bytes[0] & 15) * 4;
  const ip = (offset: number): string => bytes.subarray(offset, offset + 4).join(".");
  const port = (offset: number): number => (bytes[offset] << 8) | bytes[offset + 1];
  const name = { 1: "icmp", 6: "tcp", 17: "udp" }[bytes[9]] ?? String(bytes[9]);
  if (name !== "tcp" && name !== "udp")
    return `${name} ${ip(12)} > ${ip(16)}${name === "icmp" ? ` type ${bytes[at]} id ${port(at + 4)}` : ""}`;
  return `${name} ${ip(12)}:${port(at)} > ${ip(16)}:${port(at + 2)}`;
}
