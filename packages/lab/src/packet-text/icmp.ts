/** ICMP as tcpdump prints it: print-icmp.c. */
import { formatIPv4 } from "@netfilter-lab/engine";
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "./numbers.js";
import type { Printout, Transport } from "./printout.js";

const UNREACHABLE_TEXT: Readonly<Record<number, string>> = {
  0: "net %d unreachable",
  1: "host %d unreachable",
  5: "%d unreachable - source route failed",
  6: "net %d unreachable - unknown",
  7: "host %d unreachable - unknown",
  8: "%d unreachable - source host isolated",
  9: "net %d unreachable - admin prohibited",
  10: "host %d unreachable - admin prohibited",
  11: "net %d unreachable - tos prohibited",
  12: "host %d unreachable - tos prohibited",
  13: "host %d unreachable - admin prohibited filter",
  14: "host %d unreachable - host precedence violation",
  15: "host %d unreachable - precedence cutoff",
};

const REDIRECT_TEXT: Readonly<Record<number, string>> = {
  0: "redirect %d to net %g",
  1: "redirect %d to host %g",
  2: "redirect-tos %d to net %g",
  3: "redirect-tos %d to host %g",
};

/** ICMP types that hold the packet they are about. */
const ICMP_ERRORS = new Set([3, 4, 5, 11, 12]);

/** `within` prints the packet that an error is about. */
export function printIcmp(out: Printout, context: Transport, within: (packet: Uint8Array) => string): void {
  const { at, length } = context;
  const body = icmpBody(out, out.u8(at), out.u8(at + 1), at);
  const checksum = out.u16(at + 2);
  out.text += `ICMP ${body}, length ${length}`;
  if (out.verbose === 0) return;
  if (!context.fragmented) {
    const right = out.checksum(context, IPPROTO_ICMP, 2);
    if (right !== null && right !== checksum)
      out.text += ` (wrong icmp cksum ${checksum.toString(16)} (->${right.toString(16)})!)`;
  }
  if (!ICMP_ERRORS.has(out.u8(at))) return;
  out.text += `\n\t${within(out.data.subarray(at + 8))}`;
}

function icmpBody(out: Printout, type: number, code: number, at: number): string {
  const ids = (): string => `id ${out.u16(at + 4)} seq ${out.u16(at + 6)}`;
  switch (type) {
    case 0:
    case 8:
      return `echo ${type === 8 ? "request" : "reply"}, id ${out.u16(at + 4)}, seq ${out.u16(at + 6)}`;
    case 3:
      return unreachable(out, code, at);
    case 4:
      return "source quench";
    case 5: {
      const destination = formatIPv4(out.u32(at + 8 + 16));
      const text = REDIRECT_TEXT[code] ?? `redirect-#${code} %d to net %g`;
      return text.replace("%d", destination).replace("%g", formatIPv4(out.u32(at + 4)));
    }
    case 10:
      return "router solicitation";
    case 11:
      if (code === 0) return "time exceeded in-transit";
      if (code === 1) return "ip reassembly time exceeded";
      return `time exceeded-#${code}`;
    case 12:
      return code === 0 ? `parameter problem - octet ${out.u8(at + 4)}` : `parameter problem - code ${code}`;
    case 13:
      return `time stamp query ${ids()}`;
    case 14:
      return `time stamp reply ${ids()}: org ${clockText(out.u32(at + 8))}, recv ${clockText(out.u32(at + 12))}, xmit ${clockText(out.u32(at + 16))}`;
    case 15:
      return "information request";
    case 16:
      return "information reply";
    case 17:
      return "address mask request";
    case 18:
      return `address mask is 0x${out
        .u32(at + 8)
        .toString(16)
        .padStart(8, "0")}`;
    default:
      return `type-#${type}`;
  }
}

function unreachable(out: Printout, code: number, at: number): string {
  const inner = at + 8;
  const destination = formatIPv4(out.u32(inner + 16));
  if (code === 2) return `${destination} protocol ${out.u8(inner + 9)} unreachable`;
  if (code === 3) {
    const protocol = out.u8(inner + 9);
    const port = out.u16(inner + (out.u8(inner) & 15) * 4 + 2);
    if (protocol === IPPROTO_TCP) return `${destination} tcp port ${port} unreachable`;
    if (protocol === IPPROTO_UDP) return `${destination} udp port ${port} unreachable`;
    return `${destination} protocol ${protocol} port ${port} unreachable`;
  }
  if (code === 4) {
    const mtu = out.u16(at + 6);
    return `${destination} unreachable - need to frag${mtu === 0 ? "" : ` (mtu ${mtu})`}`;
  }
  const text = UNREACHABLE_TEXT[code];
  return text === undefined ? `${destination} unreachable - #${code}` : text.replace("%d", destination);
}

/** Milliseconds since midnight as a time of day. */
function clockText(millis: number): string {
  return new Date(millis).toISOString().slice(11, 23);
}
