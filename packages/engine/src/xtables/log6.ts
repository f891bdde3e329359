/**
 * An IPv6 packet in the kernel log's words. Models dump_ipv6_packet(), net/netfilter/nf_log_syslog.c.
 */
import { formatWholeIPv6, readIPv6 } from "../wire/address.js";
import { get16, get32 } from "../wire/bytes.js";
import { IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE } from "../wire/ipv4.js";
import {
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  IPV6_SRC,
  ipv6TotalLength,
  ipv6TrafficClass,
  NEXTHDR_AUTH,
  NEXTHDR_DEST,
  NEXTHDR_ESP,
  NEXTHDR_FRAGMENT,
  NEXTHDR_HOP,
  NEXTHDR_ROUTING,
} from "../wire/ipv6.js";
import { dumpTcp, dumpUdp, LOG_IPOPT } from "./log.js";

const PARAMPROB = 4;
const PKT_TOOBIG = 2;

const wholeAddress = (data: Uint8Array, at: number): string => formatWholeIPv6(readIPv6(data, at));

const hex8 = (word: number): string => word.toString(16).padStart(8, "0");

/** The text of the packet at `at`; `inner`: one that an error carries, whose own errors are not followed. */
export function dumpPacket6(data: Uint8Array, at: number, end: number, flags: number, inner: boolean): string {
  if (end - at < IPV6_HEADER_LENGTH) return "TRUNCATED";
  let text = `SRC=${wholeAddress(data, at + IPV6_SRC)} DST=${wholeAddress(data, at + IPV6_DST)} `;
  text += `LEN=${ipv6TotalLength(data, at)} TC=${ipv6TrafficClass(data, at)} HOPLIMIT=${data[at + IPV6_HOP_LIMIT]} `;
  text += `FLOWLBL=${get32(data, at) & 0xfffff} `;
  const options = (flags & LOG_IPOPT) !== 0;
  let offset = at + IPV6_HEADER_LENGTH;
  let next = data[at + IPV6_NEXT_HEADER];
  let later = false;
  for (;;) {
    const skipped =
      next === NEXTHDR_HOP || next === NEXTHDR_DEST || next === NEXTHDR_ROUTING || next === NEXTHDR_FRAGMENT;
    if (!skipped && next !== NEXTHDR_AUTH && next !== NEXTHDR_ESP) break;
    if (offset + 2 > end) return `${text}TRUNCATED`;
    if (options) text += "OPT ( ";
    let size: number;
    if (next === NEXTHDR_FRAGMENT) {
      if (offset + 8 > end) return `${text}FRAG:TRUNCATED `;
      const word = get16(data, offset + 2);
      later = (word & 0xfff8) !== 0;
      text += `FRAG:${word & 0xfff8} ${word & 1 ? "INCOMPLETE " : ""}ID:${hex8(get32(data, offset + 4))} `;
      size = 8;
    } else {
      if (later) return options ? `${text})` : text;
      const spi = next === NEXTHDR_AUTH ? 4 : 0;
      if (options && !skipped) text += next === NEXTHDR_AUTH ? "AH " : "ESP ";
      const whole = offset + (next === NEXTHDR_AUTH ? 12 : 8) <= end;
      if (options && !skipped && !whole) return `${text}INCOMPLETE [${end - offset} bytes] )`;
      if (options && !skipped) text += `SPI=0x${get32(data, offset + spi).toString(16)} `;
      // What ESP hides ends the walk.
      if (next === NEXTHDR_ESP) return options ? `${text.trimEnd()} )` : text;
      size = next === NEXTHDR_AUTH ? (data[offset + 1] + 2) * 4 : (data[offset + 1] + 1) * 8;
    }
    if (options) text += ") ";
    next = data[offset];
    offset += size;
  }
  return text + dumpTransport(data, offset, end, next, later, flags, inner);
}

function dumpTransport(
  data: Uint8Array,
  at: number,
  end: number,
  protocol: number,
  later: boolean,
  flags: number,
  inner: boolean,
): string {
  switch (protocol) {
    case IPPROTO_TCP:
      return `PROTO=TCP ${later ? "" : dumpTcp(data, at, end, flags)}`;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
      return `PROTO=${protocol === IPPROTO_UDP ? "UDP" : "UDPLITE"} ${later ? "" : dumpUdp(data, at, end)}`;
    case IPPROTO_ICMPV6:
      return `PROTO=ICMPv6 ${later ? "" : dumpIcmp6(data, at, end, flags, inner)}`;
    default:
      return `PROTO=${protocol} `;
  }
}

function dumpIcmp6(data: Uint8Array, at: number, end: number, flags: number, inner: boolean): string {
  if (end - at < 8) return `INCOMPLETE [${end - at} bytes] `;
  const type = data[at];
  let text = `TYPE=${type} CODE=${data[at + 1]} `;
  if (type === 128 || type === 129) return `${text}ID=${get16(data, at + 4)} SEQ=${get16(data, at + 6)} `;
  if (type === PARAMPROB) text += `POINTER=${hex8(get32(data, at + 4))} `;
  if (type < 1 || type > PARAMPROB) return text;
  if (!inner) text += `[${dumpPacket6(data, at + 8, end, flags, true)}] `;
  return type === PKT_TOOBIG ? `${text}MTU=${get32(data, at + 4)} ` : text;
}
