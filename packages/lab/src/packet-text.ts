/**
 * A packet in one line, as `tcpdump -n` prints it (version 4.99). IPv4 with TCP, UDP and ICMP; sequence numbers are
 * relative when a flow table is given, as tcpdump does unless `-S`.
 */
import { formatIPv4 } from "@netfilter-lab/engine";

/** Remembers the first sequence numbers of each TCP flow, so that later ones print relative to them. */
export type FlowTable = Map<string, { readonly seq: number; readonly ack: number }>;

export interface PacketTextOptions {
  /** Print sequence numbers relative to the first seen of each flow. Absent: absolute numbers. */
  readonly flows?: FlowTable;
  /** `tcpdump -v`: the IP header in parentheses, checksums, a second line. */
  readonly verbose?: boolean;
}

const IPPROTO_ICMP = 1;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;

const u16 = (data: Uint8Array, at: number): number => (data[at] << 8) | data[at + 1];
const u32 = (data: Uint8Array, at: number): number => (u16(data, at) * 65536 + u16(data, at + 2)) >>> 0;

/** `IP 192.168.2.55.50798 > 217.254.1.76.443: Flags [S], seq 1, win 64240, length 0`. */
export function describePacket(packet: Uint8Array, options: PacketTextOptions = {}): string {
  if (packet.length < 20) return `IP [|ip] (${packet.length} bytes)`;
  const headerLength = (packet[0] & 15) * 4;
  const total = Math.min(u16(packet, 2), packet.length);
  const src = formatIPv4(u32(packet, 12));
  const dst = formatIPv4(u32(packet, 16));
  const payload = packet.subarray(headerLength, total);
  const protocol = packet[9];
  const head = options.verbose === true ? `IP (${ipHeader(packet)})\n    ` : "IP ";
  const fragmentOffset = (u16(packet, 6) & 0x1fff) * 8;
  const text = fragmentOffset > 0 ? null : transport(protocol, src, dst, payload, options, packet);
  if (text !== null) return `${head}${text}`;
  const name = PROTOCOL_NAMES.get(protocol) ?? `ip-proto-${protocol}`;
  return fragmentOffset > 0 ? `${head}${src} > ${dst}: ${name}` : `${head}${src} > ${dst}:  ${name} ${payload.length}`;
}

const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [IPPROTO_ICMP, "icmp"],
  [IPPROTO_TCP, "tcp"],
  [IPPROTO_UDP, "udp"],
]);

function ipHeader(packet: Uint8Array): string {
  const flagBits = packet[6] >> 5;
  const flags = `${flagBits & 2 ? "DF" : ""}${flagBits & 1 ? "+" : ""}` || "none";
  const offset = (u16(packet, 6) & 0x1fff) * 8;
  const name = { 1: "ICMP", 6: "TCP", 17: "UDP" }[packet[9]] ?? `unknown`;
  return (
    `tos 0x${packet[1].toString(16)}, ttl ${packet[8]}, id ${u16(packet, 4)}, offset ${offset}, flags [${flags}], ` +
    `proto ${name} (${packet[9]}), length ${u16(packet, 2)}`
  );
}

function transport(
  protocol: number,
  src: string,
  dst: string,
  data: Uint8Array,
  options: PacketTextOptions,
  packet: Uint8Array,
): string | null {
  if (protocol === IPPROTO_TCP && data.length >= 20) return tcp(src, dst, data, options, packet);
  if (protocol === IPPROTO_UDP && data.length >= 8) return udp(src, dst, data, options, packet);
  if (protocol === IPPROTO_ICMP && data.length >= 8) return `${src} > ${dst}: ${icmp(data, options)}`;
  return null;
}

function transportChecksum(packet: Uint8Array, data: Uint8Array, at: number): string {
  const given = u16(data, at);
  let sum = packet[9] + data.length;
  for (let i = 12; i < 20; i += 2) sum += u16(packet, i);
  for (let i = 0; i < data.length; i += 2) if (i !== at) sum += i + 1 < data.length ? u16(data, i) : data[i] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const right = ~sum & 0xffff;
  const hex = (value: number): string => `0x${value.toString(16).padStart(4, "0")}`;
  return given === right || (given === 0xffff && right === 0)
    ? `${hex(given)} (correct)`
    : `${hex(given)} (incorrect -> ${hex(right)})`;
}

const TCP_FLAG_TEXT: readonly (readonly [number, string])[] = [
  [0x01, "F"],
  [0x02, "S"],
  [0x04, "R"],
  [0x08, "P"],
  [0x10, "."],
  [0x20, "U"],
  [0x40, "E"],
  [0x80, "W"],
];

function tcp(src: string, dst: string, data: Uint8Array, options: PacketTextOptions, packet: Uint8Array): string {
  const sport = u16(data, 0);
  const dport = u16(data, 2);
  const bits = data[13];
  const flags = TCP_FLAG_TEXT.map(([bit, letter]) => (bits & bit ? letter : "")).join("") || "none";
  const headerLength = Math.min((data[12] >> 4) * 4, data.length);
  const length = data.length - headerLength;
  let seq = u32(data, 4);
  let ack = u32(data, 8);
  if (options.flows !== undefined && (bits & 0x10) !== 0) {
    const forward = `${src}:${sport}>${dst}:${dport}`;
    const backward = `${dst}:${dport}>${src}:${sport}`;
    const known = options.flows.get(forward);
    const reverse = options.flows.get(backward);
    // As tcpdump has it: only packets with ACK count; the first of a flow, and each SYN with ACK, prints absolute
    // numbers, and those after it count from there. What it acknowledges is the byte after the other side's zero.
    if ((bits & 0x02) !== 0 || (known === undefined && reverse === undefined)) {
      options.flows.delete(backward);
      options.flows.set(forward, { seq, ack: (ack - 1) >>> 0 });
    } else if (known !== undefined) {
      seq = (seq - known.seq) >>> 0;
      ack = (ack - known.ack) >>> 0;
    } else if (reverse !== undefined) {
      seq = (seq - reverse.ack) >>> 0;
      ack = (ack - reverse.seq) >>> 0;
    }
  }
  const parts = [`Flags [${flags}]`];
  if (options.verbose === true) parts.push(`cksum ${transportChecksum(packet, data, 16)}`);
  if (length > 0) parts.push(`seq ${seq}:${(seq + length) >>> 0}`);
  else if ((bits & 0x07) !== 0) parts.push(`seq ${seq}`);
  if ((bits & 0x10) !== 0) parts.push(`ack ${ack}`);
  parts.push(`win ${u16(data, 14)}`);
  if ((bits & 0x20) !== 0) parts.push(`urg ${u16(data, 18)}`);
  const tcpOptions = tcpOptionText(data.subarray(20, headerLength));
  if (tcpOptions !== "") parts.push(`options [${tcpOptions}]`);
  parts.push(`length ${length}`);
  return `${src}.${sport} > ${dst}.${dport}: ${parts.join(", ")}`;
}

function tcpOptionText(data: Uint8Array): string {
  const parts: string[] = [];
  let at = 0;
  while (at < data.length) {
    const kind = data[at];
    if (kind === 0) {
      parts.push("eol");
      break;
    }
    if (kind === 1) {
      parts.push("nop");
      at++;
      continue;
    }
    const length = data[at + 1];
    if (length === undefined || length < 2 || at + length > data.length) {
      parts.push("[|tcp]");
      break;
    }
    const body = data.subarray(at + 2, at + length);
    if (kind === 2) parts.push(`mss ${u16(body, 0)}`);
    else if (kind === 3) parts.push(`wscale ${body[0]}`);
    else if (kind === 4) parts.push("sackOK");
    else if (kind === 8) parts.push(`TS val ${u32(body, 0)} ecr ${u32(body, 4)}`);
    else if (kind === 5) {
      const blocks: string[] = [];
      for (let i = 0; i + 8 <= body.length; i += 8) blocks.push(`{${u32(body, i)}:${u32(body, i + 4)}}`);
      parts.push(`sack ${blocks.length} ${blocks.join("")}`);
    } else parts.push(`unknown-${kind}`);
    at += length;
  }
  return parts.join(",");
}

function udp(src: string, dst: string, data: Uint8Array, options: PacketTextOptions, packet: Uint8Array): string {
  const length = data.length - 8;
  const checksum =
    options.verbose === true
      ? u16(data, 6) === 0
        ? "[no cksum] "
        : `[udp ${transportChecksum(packet, data, 6)
            .replace(/^(0x\w+) \(correct\)$/, "sum ok")
            .replace(/^(0x\w+) \(incorrect -> (0x\w+)\)$/, "bad udp cksum $1 -> $2!")}] `
      : "";
  return `${src}.${u16(data, 0)} > ${dst}.${u16(data, 2)}: ${checksum.replace("[udp bad", "[bad").replace("[udp sum", "[udp sum")}UDP, length ${length}`;
}

const UNREACHABLE_TEXT: Readonly<Record<number, string>> = {
  0: "net %d unreachable",
  1: "host %d unreachable",
  5: "%d unreachable - source route failed",
  6: "net %d unreachable - unknown",
  7: "host %d unreachable - unknown",
  9: "net %d unreachable - admin prohibited",
  10: "host %d unreachable - admin prohibited",
  13: "host %d unreachable - admin prohibited filter",
};

function icmp(data: Uint8Array, options: PacketTextOptions): string {
  const [type, code] = data;
  const length = data.length;
  return `ICMP ${icmpBody(type, code, data)}, length ${length}${innerText(type, data, options)}`;
}

function innerText(type: number, data: Uint8Array, options: PacketTextOptions): string {
  if (options.verbose !== true || (type !== 3 && type !== 11)) return "";
  const inner = data.subarray(8);
  if (inner.length < 20) return "";
  return `\n\t${describePacket(inner, { verbose: true }).split("\n").join("\n").replace("\n    ", "\n    ")}`;
}

function icmpBody(type: number, code: number, data: Uint8Array): string {
  if (type === 8 || type === 0)
    return `echo ${type === 8 ? "request" : "reply"}, id ${u16(data, 4)}, seq ${u16(data, 6)}`;
  if (type === 3) return unreachable(code, data);
  if (type === 11) {
    if (code === 0) return "time exceeded in-transit";
    if (code === 1) return "ip reassembly time exceeded";
    return `time exceeded-#${code}`;
  }
  if (type === 5) return `redirect ${formatIPv4(u32(data, 24))} to host ${formatIPv4(u32(data, 4))}`;
  return `type-#${type}`;
}

function unreachable(code: number, data: Uint8Array): string {
  const inner = data.subarray(8);
  const destination = inner.length >= 20 ? formatIPv4(u32(inner, 16)) : "?";
  if (code === 2) return `${destination} protocol ${inner[9]} unreachable`;
  if (code === 3) {
    const innerHeader = (inner[0] & 15) * 4;
    const protocol = inner[9];
    const name = protocol === IPPROTO_TCP ? "tcp" : protocol === IPPROTO_UDP ? "udp" : null;
    if (name !== null && inner.length >= innerHeader + 4)
      return `${destination} ${name} port ${u16(inner, innerHeader + 2)} unreachable`;
    return `${destination} protocol ${protocol} port ${u16(inner, innerHeader + 2)} unreachable`;
  }
  if (code === 4) {
    const mtu = u16(data, 6);
    return `${destination} unreachable - need to frag${mtu === 0 ? "" : ` (mtu ${mtu})`}`;
  }
  const text = UNREACHABLE_TEXT[code];
  return text === undefined ? `${destination} unreachable - #${code}` : text.replace("%d", destination);
}
