/** ICMPv6 as tcpdump prints it: print-icmp6.c. */
import { formatIPv6, readIPv6 } from "@netfilter-lab/engine";
import { IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, IPV6_HEADER_LENGTH } from "./numbers.js";
import { hex4, type Printout, type Transport, Truncated } from "./printout.js";

const UNREACHABLE6_TEXT: readonly string[] = [
  "unreachable route",
  " unreachable prohibited",
  "beyond scope",
  "unreachable address",
];

const NEIGHBOUR_OPTIONS: Readonly<Record<number, string>> = {
  1: "source link-address",
  2: "destination link-address",
  4: "redirected header",
};

export function printIcmp6(out: Printout, context: Transport): void {
  const { at, length } = context;
  if (length === 0) {
    out.text += "ICMP6, length 0 (invalid)";
    return;
  }
  const type = out.u8(at);
  if (out.verbose > 0 && !(out.options.unverified ?? false) && !context.fragmented) {
    const given = out.u16(at + 2);
    const right = out.checksum(context, IPPROTO_ICMPV6, 2);
    if (right !== null)
      out.text += right === given ? "[icmp6 sum ok] " : `[bad icmp6 cksum ${hex4(given)} -> ${hex4(right)}!] `;
  }
  out.text += "ICMP6, ";
  const known = icmp6Body(out, type, at);
  if (type === 1 && out.u8(at + 1) > 4) return;
  if (out.verbose === 0 || !known) out.text += `, length ${length}`;
  if (!known && out.verbose < 2) out.text += out.dump(at);
}

/** False for a type that is not taken apart: its length is always told. */
function icmp6Body(out: Printout, type: number, at: number): boolean {
  const code = out.data[at + 1];
  const inner = at + 8;
  const address = (from: number): string => {
    out.u8(from + 15);
    return formatIPv6(readIPv6(out.data, from));
  };
  switch (type) {
    case 1:
      out.text += "destination unreachable, ";
      if (code === 4) {
        out.text += "unreachable port";
        const protocol = out.u8(inner + 6);
        if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) throw new Truncated();
        const port = out.u16(inner + IPV6_HEADER_LENGTH + 2);
        out.text += `, ${address(inner + 24)} ${protocol === IPPROTO_TCP ? "tcp" : "udp"} port ${port}`;
      } else if (code > 4) {
        out.text += `unknown unreach code (${code})`;
        if (out.verbose < 2) out.text += out.dump(at);
        return true;
      } else {
        out.text += `${UNREACHABLE6_TEXT[code]} ${address(inner + 24)}`;
        if (code === 2) out.text += `, source address ${address(inner + 8)}`;
      }
      return true;
    case 2:
      out.text += `packet too big, mtu ${out.u32(at + 4)}`;
      return true;
    case 3:
      out.text += "time exceeded in-transit";
      out.text +=
        code === 0 ? ` for ${address(inner + 24)}` : code === 1 ? " (reassembly)" : `, unknown code (${code})`;
      return true;
    case 4: {
      const what = ["erroneous", "next header", "option", "incomplete header chain"][code];
      out.text += `parameter problem, ${what === undefined ? `code-#${code}` : `${what} - octet ${out.u32(at + 4)}`}`;
      return true;
    }
    case 128:
    case 129:
      out.text += `echo ${type === 128 ? "request" : "reply"}`;
      out.text += `, id ${out.u16(at + 4)}, seq ${out.u16(at + 6)}`;
      return true;
    case 137:
      out.text += `redirect, ${out.verbose > 0 ? `length ${out.u16(4) - (at - IPV6_HEADER_LENGTH)}, ` : ""}`;
      out.text += `${address(at + 24)} to ${address(at + 8)}`;
      if (out.verbose > 0) neighbourOptions(out, at + 40);
      return true;
    default:
      out.text += `unknown icmp6 type (${type})`;
      out.u8(at + 1);
      return false;
  }
}

/** Options of neighbour discovery. The bytes of a redirected header are told from the first option on. */
function neighbourOptions(out: Printout, first: number): void {
  for (let at = first; at + 2 <= out.data.length; ) {
    const type = out.u8(at);
    const units = out.u8(at + 1);
    const end = at + units * 8;
    if (units === 0 || end > out.data.length) throw new Truncated();
    const name = NEIGHBOUR_OPTIONS[type];
    out.text += `\n\t  ${name ?? "unknown"} option (${type}), length ${units * 8} (${units}): `;
    if (type === 1 || type === 2)
      out.text += [...out.data.subarray(at + 2, end)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
    else if (type === 4) out.text += out.dump(first, first + units * 8, "    ");
    if (out.verbose > 1 || name === undefined) out.text += out.dump(at + 2, end, name === undefined ? "  " : "    ");
    at = end;
  }
}
