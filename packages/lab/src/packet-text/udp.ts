/** UDP as tcpdump prints it: print-udp.c. */
import { IPPROTO_UDP, UDP_HEADER_LENGTH } from "./numbers.js";
import { hex4, type Printout, type Transport } from "./printout.js";

export function printUdp(out: Printout, context: Transport): void {
  const { src, dst, at } = context;
  if (out.data.length < at + 4) {
    out.text += `${src} > ${dst}: [|udp]`;
    return;
  }
  const [sport, dport] = [out.u16(at), out.u16(at + 2)];
  out.text += context.bare ? `${sport} > ${dport}: ` : `${src}.${sport} > ${dst}.${dport}: `;
  const given = out.u16(at + 4);
  const checksum = out.u16(at + 6);
  if (given < UDP_HEADER_LENGTH) {
    out.text += `truncated-udplength ${given}`;
    return;
  }
  const wanted = given - UDP_HEADER_LENGTH;
  const there = context.length - UDP_HEADER_LENGTH;
  const { quiet = false, unverified = false } = out.options;
  if (!quiet && out.verbose > (out.isIpv6 ? 0 : 1) && !unverified && !context.fragmented) {
    const right = out.checksum({ ...context, length: Math.min(given, context.length) }, IPPROTO_UDP, 6);
    if (checksum === 0) out.text += "[no cksum] ";
    else if (right !== null)
      out.text +=
        right === checksum || (right === 0 && checksum === 0xffff)
          ? "[udp sum ok] "
          : `[bad udp cksum ${hex4(checksum)} -> ${hex4(right)}!] `;
  }
  out.text += wanted > there && !context.fragmented ? `UDP, bad length ${wanted} > ${there}` : `UDP, length ${wanted}`;
}
