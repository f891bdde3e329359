/**
 * The kernel log's line about a packet, for `-j LOG` and the legacy `-j TRACE`. Models nf_log_ip_packet() and
 * dump_ipv4_packet(), net/netfilter/nf_log_syslog.c.
 */
import { packetMacs } from "../dev/device.js";
import { type HookState, NFPROTO_IPV4 } from "../hooks.js";
import type { SkBuff } from "../skb.js";
import { formatIPv4 } from "../wire/address.js";
import { get16, get32 } from "../wire/bytes.js";
import type { Chain } from "./chain.js";
import { dumpPacket6 } from "./log6.js";
import type { Table } from "./table.js";

/** What to tell beyond the ordinary. Models `NF_LOG_*`. */
export const LOG_TCPSEQ = 0x01;
export const LOG_TCPOPT = 0x02;
export const LOG_IPOPT = 0x04;
export const LOG_UID = 0x08;
export const LOG_MACDECODE = 0x20;
/** What is told where nobody says how much. Models `NF_LOG_DEFAULT_MASK`. */
export const LOG_DEFAULT_MASK: number = LOG_TCPSEQ | LOG_TCPOPT | LOG_IPOPT | LOG_UID;

const ICMP_WITH_ID = new Set([0, 8]);
/** The shortest ICMP message of each type that the dump believes. */
const ICMP_MINIMUM: ReadonlyMap<number, number> = new Map([
  [0, 4],
  [3, 28],
  [4, 28],
  [5, 28],
  [8, 4],
  [11, 28],
  [12, 28],
  [13, 20],
  [14, 20],
  [17, 12],
  [18, 12],
]);

function hexBytes(data: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += data[i].toString(16).toUpperCase().padStart(2, "0");
  return text;
}

function byte2(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, "0");
}

/** TCP of either family. Models nf_log_dump_tcp_header(). */
export function dumpTcp(data: Uint8Array, at: number, end: number, flags: number): string {
  if (end - at < 20) return `INCOMPLETE [${end - at} bytes] `;
  let text = `SPT=${get16(data, at)} DPT=${get16(data, at + 2)} `;
  if (flags & LOG_TCPSEQ) text += `SEQ=${get32(data, at + 4)} ACK=${get32(data, at + 8)} `;
  text += `WINDOW=${get16(data, at + 14)} RES=0x${((data[at + 12] & 0x0f) << 2).toString(16).padStart(2, "0")} `;
  const bits = data[at + 13];
  const names = ["CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN"];
  for (let i = 0; i < 8; i++) if (bits & (0x80 >> i)) text += `${names[i]} `;
  text += `URGP=${get16(data, at + 18)} `;
  const optionsEnd = at + (data[at + 12] >> 4) * 4;
  if (flags & LOG_TCPOPT && optionsEnd > at + 20 && optionsEnd <= end)
    text += `OPT (${hexBytes(data, at + 20, optionsEnd)}) `;
  return text;
}

/** UDP of either family. Models nf_log_dump_udp_header(). */
export function dumpUdp(data: Uint8Array, at: number, end: number): string {
  if (end - at < 8) return `INCOMPLETE [${end - at} bytes] `;
  return `SPT=${get16(data, at)} DPT=${get16(data, at + 2)} LEN=${get16(data, at + 4)} `;
}

function dumpIcmp(data: Uint8Array, at: number, end: number, flags: number, inner: boolean): string {
  if (end - at < 8) return `INCOMPLETE [${end - at} bytes] `;
  const type = data[at];
  const code = data[at + 1];
  let text = `TYPE=${type} CODE=${code} `;
  const minimum = ICMP_MINIMUM.get(type);
  if (minimum !== undefined && end - at < minimum) return `${text}INCOMPLETE [${end - at} bytes] `;
  if (ICMP_WITH_ID.has(type)) text += `ID=${get16(data, at + 4)} SEQ=${get16(data, at + 6)} `;
  else if (type === 12) text += `PARAMETER=${data[at + 4]} `;
  else if (type === 5 || type === 3 || type === 4 || type === 11) {
    if (type === 5) text += `GATEWAY=${formatIPv4(get32(data, at + 4))} `;
    if (!inner) text += `[${dumpPacket(data, at + 8, end, flags, 0, -1, true)}] `;
    if (type === 3 && code === 4 && !inner) text += `MTU=${get16(data, at + 6)} `;
  }
  return text;
}

function dumpPacket(
  data: Uint8Array,
  at: number,
  end: number,
  flags: number,
  mark: number,
  uid: number,
  inner: boolean,
): string {
  if (end - at < 20) return "TRUNCATED";
  let text = `SRC=${formatIPv4(get32(data, at + 12))} DST=${formatIPv4(get32(data, at + 16))} `;
  const tos = data[at + 1];
  text += `LEN=${get16(data, at + 2)} TOS=0x${byte2(tos & 0x1e)} PREC=0x${byte2(tos & 0xe0)} `;
  text += `TTL=${data[at + 8]} ID=${get16(data, at + 4)} `;
  const fragment = get16(data, at + 6);
  if (fragment & 0x8000) text += "CE ";
  if (fragment & 0x4000) text += "DF ";
  if (fragment & 0x2000) text += "MF ";
  const first = (fragment & 0x1fff) === 0;
  if (!first) text += `FRAG:${fragment & 0x1fff} `;
  const headerLength = (data[at] & 0xf) * 4;
  if (flags & LOG_IPOPT && headerLength > 20 && at + headerLength <= end)
    text += `OPT (${hexBytes(data, at + 20, at + headerLength)}) `;
  const transport = at + headerLength;
  const protocol = data[at + 9];
  switch (protocol) {
    case 6:
      text += "PROTO=TCP ";
      if (first) text += dumpTcp(data, transport, end, flags);
      break;
    case 17:
    case 136:
      text += protocol === 17 ? "PROTO=UDP " : "PROTO=UDPLITE ";
      if (first) text += dumpUdp(data, transport, end);
      break;
    case 1:
      text += "PROTO=ICMP ";
      if (first) text += dumpIcmp(data, transport, end, flags, inner);
      break;
    case 51:
    case 50: {
      text += protocol === 51 ? "PROTO=AH " : "PROTO=ESP ";
      if (!first) break;
      const spi = protocol === 51 ? transport + 4 : transport;
      text +=
        end - transport < (protocol === 51 ? 12 : 8)
          ? `INCOMPLETE [${end - transport} bytes] `
          : `SPI=0x${get32(data, spi).toString(16)} `;
      break;
    }
    default:
      text += `PROTO=${protocol} `;
  }
  return inner ? text : text + ownerText(uid, mark, flags);
}

/** Whose socket sent a packet, and its mark. */
function ownerText(uid: number, mark: number, flags: number): string {
  const owner = flags & LOG_UID && uid >= 0 ? `UID=${uid} GID=${uid} ` : "";
  return mark === 0 ? owner : `${owner}MARK=0x${mark.toString(16)} `;
}

/** The line, without time stamp and level: `prefixIN=eth0 OUT= MAC=... SRC=...`. */
export function packetLogLine(skb: SkBuff, state: HookState, prefix: string, flags: number): string {
  let text = `${prefix}IN=${state.indev?.name ?? ""} OUT=${state.outdev?.name ?? ""} `;
  if (skb.physIn !== null) text += `PHYSIN=${skb.physIn.name} `;
  if (skb.physOut !== null) text += `PHYSOUT=${skb.physOut.name} `;
  if (state.indev !== null) text += macText(skb, state, flags);
  if (state.pf === NFPROTO_IPV4) return text + dumpPacket(skb.data, 0, skb.len, flags, skb.mark, skb.uid, false);
  return text + dumpPacket6(skb.data, 0, skb.len, flags, false) + ownerText(skb.uid, skb.mark, flags);
}

/** The addresses of the frame, and the ethertype. Devices without a link layer have none. */
function macText(skb: SkBuff, state: HookState, flags: number): string {
  const device = state.indev;
  if (device === null) return "";
  const colons = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
  const macs = device.kind === "loopback" ? null : packetMacs(skb, device);
  if (macs === null && device.kind !== "loopback") return flags & LOG_MACDECODE ? "" : "MAC= ";
  const { source, destination } = macs ?? { source: new Uint8Array(6), destination: new Uint8Array(6) };
  if (flags & LOG_MACDECODE)
    return `MACSRC=${colons(source)} MACDST=${colons(destination)} MACPROTO=${state.pf === NFPROTO_IPV4 ? "0800" : "86dd"} `;
  return `MAC=${colons(destination)}:${colons(source)}:${state.pf === NFPROTO_IPV4 ? "08:00" : "86:dd"} `;
}

/**
 * A rule, return or policy that a packet marked by TRACE meets. Models trace_packet(), net/ipv4/netfilter/ip_tables.c.
 */
export function logTracedRule(
  skb: SkBuff,
  state: HookState,
  table: Table,
  chain: Chain,
  comment: string,
  number: number,
): void {
  if (!state.net.loggers.writesKernelLog(state.pf)) return;
  const prefix = `TRACE: ${table.name}:${chain.name}:${comment}:${number} `;
  state.net.printk(packetLogLine(skb, state, prefix, LOG_DEFAULT_MASK));
}
