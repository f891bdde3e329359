/**
 * REJECT: drops the packet and tells its sender, by an ICMP error or a TCP RST. Models reject_tg(),
 * net/ipv4/netfilter/ipt_REJECT.c, with nf_send_unreach() and nf_send_reset() of nf_reject_ipv4.c.
 */
import { tcpPacket } from "../../ip/tcp-packet.js";
import type { NetNamespace } from "../../netns.js";
import type { SkBuff } from "../../skb.js";
import { get16, get32 } from "../../wire/bytes.js";
import { checksumPartial, pseudoHeaderSum } from "../../wire/checksum.js";
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "../../wire/tcp.js";
import type { TargetExtension } from "../extension.js";
import { type RejectKind, rejectTargetOf, sendByPort } from "./reject-kind.js";

const ICMP_DEST_UNREACH = 3;

const KINDS: readonly RejectKind[] = [
  { name: "icmp-net-unreachable", alias: "net-unreach", code: 0, about: "ICMP network unreachable" },
  { name: "icmp-host-unreachable", alias: "host-unreach", code: 1, about: "ICMP host unreachable" },
  { name: "icmp-proto-unreachable", alias: "proto-unreach", code: 2, about: "ICMP protocol unreachable" },
  { name: "icmp-port-unreachable", alias: "port-unreach", code: 3, about: "ICMP port unreachable (default)" },
  { name: "icmp-net-prohibited", alias: "net-prohib", code: 9, about: "ICMP network prohibited" },
  { name: "icmp-host-prohibited", alias: "host-prohib", code: 10, about: "ICMP host prohibited" },
  { name: "tcp-reset", alias: "tcp-rst", code: -1, about: "TCP RST packet" },
  { name: "icmp-admin-prohibited", alias: "admin-prohib", code: 13, about: "ICMP administratively prohibited (*)" },
];

/** Whether the transport checksum is right; protocols without one pass. Models nf_ip_checksum() as REJECT uses it. */
export function checksumValid(skb: SkBuff, headerLength: number): boolean {
  if (skb.checksumVerified) return true;
  const { data, len } = skb;
  const protocol = data[9];
  const length = len - headerLength;
  if (protocol !== 6 && protocol !== 17)
    return protocol !== 1 || checksumPartial(data, headerLength, length) === 0xffff;
  if (protocol === 17 && get16(data, headerLength + 6) === 0) return true;
  const pseudo = pseudoHeaderSum(get32(data, 12), get32(data, 16), protocol, length);
  return checksumPartial(data, headerLength, length, pseudo) === 0xffff;
}

function sendUnreachable(net: NetNamespace, skb: SkBuff, code: number): void {
  if (get16(skb.data, 6) & 0x1fff) return;
  if (!checksumValid(skb, (skb.data[0] & 0xf) * 4)) return;
  net.ip.icmpSend(skb, ICMP_DEST_UNREACH, code, 0);
}

function sendReset(net: NetNamespace, old: SkBuff): void {
  const { data } = old;
  const headerLength = (data[0] & 0xf) * 4;
  if (get16(data, 6) & 0x1fff || data[9] !== 6 || old.len < headerLength + 20) return;
  const flags = data[headerLength + 13];
  // No RST for a RST, none for a packet whose checksum is wrong.
  if (flags & TCP_RST || !checksumValid(old, headerLength)) return;
  const payload = old.len - headerLength - (data[headerLength + 12] >> 4) * 4;
  const control = (flags & TCP_SYN ? 1 : 0) + (flags & TCP_FIN ? 1 : 0);
  const ports = { sport: get16(data, headerLength + 2), dport: get16(data, headerLength) };
  const skb = tcpPacket(
    net,
    get32(data, 16),
    get32(data, 12),
    flags & TCP_ACK
      ? { ...ports, seq: get32(data, headerLength + 8), flags: TCP_RST }
      : {
          ...ports,
          seq: 0,
          ack: (get32(data, headerLength + 4) + control + payload) >>> 0,
          flags: TCP_RST | TCP_ACK,
        },
  );
  if (net.sysctl.lookup("net.ipv4.fwmark_reflect")?.get() === "1") skb.mark = old.mark;
  skb.dst = old.dst;
  if (net.ip.routeMeHarder(skb) !== 0) return;
  net.ct.attach(skb, old);
  net.ct.setClosing(old);
  if (!sendByPort(net, old, skb)) net.ip.localOut(skb);
}

export const rejectTarget: TargetExtension = rejectTargetOf({
  family: "ipv4",
  kinds: KINDS,
  defaultKind: KINDS[3],
  helpEnd: "(*) See man page or read the INCOMPATIBILITES file for compatibility issues.\n",
  notice: (wanted) => ("echo-reply".startsWith(wanted) ? "--reject-with echo-reply no longer supported\n" : ""),
  resetName: "nf_send_reset",
  unreachName: "nf_send_unreach",
  module: "nf_reject_ipv4",
  sendReset,
  sendUnreachable,
});
