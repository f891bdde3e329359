/**
 * Hop-by-hop and destination options: padding, router alerts (which nobody here asks for), and what is unknown, whose
 * first two bits say what becomes of the packet. Models ip6_parse_tlv(), net/ipv6/exthdrs.c.
 */
import type { SkBuff } from "../skb.js";
import { IPV6_DST } from "../wire/ipv6.js";
import { ICMPV6_PARAMPROB, ICMPV6_UNK_OPTION } from "./icmp.js";
import { drop6 } from "./input.js";
import type { Ip6Stack } from "./stack.js";

const PAD1 = 0;
const PADN = 1;
const ROUTER_ALERT = 5;
/** The most options besides padding in a header: `net.ipv6.max_hbh_opts_number`, `max_dst_opts_number`. */
const MAX_OPTIONS = 8;
/** The most padding between two options. */
const MAX_PADDING = 7;

/**
 * Reads the options header at `at`. Returns its length in bytes, or -1 when the packet was given up (and, where an
 * option wants it so, its sender told).
 */
export function parseOptions(ip: Ip6Stack, skb: SkBuff, at: number, kind: "hop" | "destination"): number {
  const { data } = skb;
  const length = at + 8 <= skb.len ? (data[at + 1] + 1) * 8 : 0;
  if (length === 0 || at + length > skb.len) return giveUp(ip, skb, "options header cut off");
  const end = at + length;
  let padding = 0;
  let options = 0;
  for (let i = at + 2; i < end; ) {
    if (data[i] === PAD1) {
      if (++padding > MAX_PADDING) return giveUp(ip, skb, "too much padding");
      i++;
      continue;
    }
    const size = i + 1 < end ? data[i + 1] + 2 : 0;
    if (size === 0 || i + size > end) return giveUp(ip, skb, "option runs past its header");
    if (data[i] === PADN) {
      padding += size;
      if (padding > MAX_PADDING) return giveUp(ip, skb, "too much padding");
      for (let j = 2; j < size; j++) if (data[i + j] !== 0) return giveUp(ip, skb, "padding that is not zero");
    } else {
      if (++options > MAX_OPTIONS) return giveUp(ip, skb, "too many options");
      padding = 0;
      if (kind === "hop" && data[i] === ROUTER_ALERT) {
        if (size !== 4) return giveUp(ip, skb, "router alert of a wrong length");
      } else if (!passUnknown(ip, skb, i)) return -1;
    }
    i += size;
  }
  return length;
}

function giveUp(ip: Ip6Stack, skb: SkBuff, reason: string): -1 {
  drop6(ip, skb, reason);
  return -1;
}

/** Whether a packet goes on with an option that is not known. Models `ip6_tlvopt_unknown()`. */
function passUnknown(ip: Ip6Stack, skb: SkBuff, at: number): boolean {
  const action = skb.data[at] >> 6;
  if (action === 0) return true;
  if (action === 2 || (action === 3 && skb.data[IPV6_DST] !== 0xff))
    ip.icmp.send(skb, ICMPV6_PARAMPROB, ICMPV6_UNK_OPTION, at);
  drop6(ip, skb, "option that forbids ignoring it");
  return false;
}
