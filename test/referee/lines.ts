/**
 * Packets in one line each, for scenarios and tests that read as a conversation: ends as `10.0.0.1:80`, flags as `SA`.
 */
import { sack, tcpOptions, windowScale } from "./kinds/conversation.js";
import {
  ACK,
  FIN,
  get16,
  type IcmpFields,
  type IpFields,
  icmp,
  PSH,
  RST,
  SYN,
  echo as sendEcho,
  tcp as sendTcp,
  udp as sendUdp,
  URG,
} from "./packets.js";

const FLAGS: Readonly<Record<string, number>> = { S: SYN, A: ACK, F: FIN, R: RST, P: PSH, U: URG };

function endpoint(text: string): { readonly address: string; readonly port: number } {
  const [address, port] = text.split(":");
  return { address, port: Number(port ?? 0) };
}

/** Both ends of a packet, in the form that its builder takes. */
function between(from: string, to: string): { ip: IpFields; ports: { sport: number; dport: number } } {
  const [src, dst] = [endpoint(from), endpoint(to)];
  return { ip: { src: src.address, dst: dst.address, id: 0 }, ports: { sport: src.port, dport: dst.port } };
}

/** Options of {@link tcp}. */
export interface TcpLine {
  readonly seq?: number;
  readonly ack?: number;
  readonly win?: number;
  /** Bytes of payload. */
  readonly len?: number;
  readonly wscale?: number;
  readonly sackPermitted?: boolean;
  readonly sack?: readonly { left: number; right: number }[];
}

/** A TCP segment; flags by their letters, such as `SA`. */
export function tcp(from: string, to: string, flags: string, line: TcpLine = {}): Uint8Array {
  const { ip, ports } = between(from, to);
  const options = tcpOptions(
    ...(line.sackPermitted === true ? [[4, 2]] : []),
    ...(line.wscale === undefined ? [] : [windowScale(line.wscale)]),
    ...(line.sack === undefined ? [] : [sack(...line.sack.map(({ left, right }) => [left, right] as const))]),
  );
  return sendTcp(ip, {
    ...ports,
    seq: line.seq ?? 0,
    ack: line.ack ?? 0,
    flags: Array.from(flags).reduce((bits, letter) => bits | FLAGS[letter], 0),
    window: line.win ?? 64240,
    options,
    payload: new Uint8Array(line.len ?? 0).fill(120),
  });
}

/** A UDP datagram of one byte. */
export function udp(from: string, to: string, checksum = true): Uint8Array {
  const { ip, ports } = between(from, to);
  return sendUdp(ip, { ...ports, payload: Uint8Array.of(120), ...(checksum ? {} : { checksum: "none" }) });
}

/** An echo request or reply. */
export function echo(from: string, to: string, id: number, sequence: number, reply = false): Uint8Array {
  return sendEcho({ src: from, dst: to, id: 0 }, id, sequence, reply, new TextEncoder().encode("abcdefgh"));
}

/** An ICMP error about a packet, with its header and `carried` bytes of payload (8 as RFC 792 has it). */
export function icmpAbout(
  from: string,
  to: string,
  type: number,
  code: number,
  about: Uint8Array,
  carried = 8,
  rest = 0,
): Uint8Array {
  const fields: IcmpFields = { type, code, rest, payload: about.slice(0, (about[0] & 15) * 4 + carried) };
  return icmp({ src: from, dst: to, id: 0 }, fields);
}

/** Who talks to whom in a packet, for comparison: `tcp 10.0.0.1:80 > 10.0.0.2:90`. */
export function ends(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  const at = (bytes[0] & 15) * 4;
  const ip = (offset: number): string => bytes.subarray(offset, offset + 4).join(".");
  const name = { 1: "icmp", 6: "tcp", 17: "udp" }[bytes[9]] ?? String(bytes[9]);
  if (name !== "tcp" && name !== "udp")
    return `${name} ${ip(12)} > ${ip(16)}${name === "icmp" ? ` type ${bytes[at]} id ${get16(bytes, at + 4)}` : ""}`;
  return `${name} ${ip(12)}:${get16(bytes, at)} > ${ip(16)}:${get16(bytes, at + 2)}`;
}
