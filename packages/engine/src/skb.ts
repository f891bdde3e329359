/**
 * The packet in flight: its bytes, where it came from and where it goes, its mark, and the conntrack entry attached to
 * it. The attachment is the answer to the project's question: once `_nfct` is set, nobody needs to look the packet up
 * again, whatever NAT writes into its header. Models `struct sk_buff`, include/linux/skbuff.h.
 */
import type { NetDevice } from "./dev/device.js";
import type { IpOptions } from "./ip/options.js";
import type { RouteResult } from "./ip/route.js";
import type { Route6 } from "./ip6/fib.js";
import type { Sock } from "./sock/sockets.js";

/** `skb._nfct` of a packet that conntrack has not seen: no entry. Handles of entries are positive. */
export const NO_CT = 0;

/** How an attached packet relates to its entry. Models `enum ip_conntrack_info`. */
export const IP_CT_ESTABLISHED = 0;
export const IP_CT_RELATED = 1;
export const IP_CT_NEW = 2;
/** Added to the value for a packet of the reply direction. */
export const IP_CT_IS_REPLY = 3;
export const IP_CT_ESTABLISHED_REPLY = 3;
export const IP_CT_RELATED_REPLY = 4;
export const IP_CT_NUMBER = 5;
/** With {@link NO_CT}: the packet was exempted by `-j CT --notrack` (or is of a kind never tracked). */
export const IP_CT_UNTRACKED = 7;

/** The index of a direction in an entry's pair of tuples. Models `enum ip_conntrack_dir`. */
export const IP_CT_DIR_ORIGINAL = 0;
export const IP_CT_DIR_REPLY = 1;

/** The direction of a packet in its connection: `enum ip_conntrack_dir`. */
export type Direction = typeof IP_CT_DIR_ORIGINAL | typeof IP_CT_DIR_REPLY;

/** The direction a ctinfo tells of. Models `CTINFO2DIR()`. */
export function ctinfoDirection(ctinfo: number): Direction {
  return ctinfo >= IP_CT_IS_REPLY && ctinfo !== IP_CT_UNTRACKED ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL;
}

/** Who a frame was sent to, as the link tells. Models `skb->pkt_type`. */
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;

/** {@link SkBuff.uid} of what the kernel says for itself (ICMP, resets): its socket has no owner. */
export const UID_KERNEL: number = -2;

/** {@link SkBuff.fragments} of a packet that was joined nobody knows where. */
const UNKNOWN_FRAGMENTS: readonly number[] = [];

/** A packet. Its bytes begin at the network (IP) header; link headers exist only in captures. */
export class SkBuff {
  /** Holds the packet from offset 0; may be longer than the packet. */
  data: Uint8Array;
  /** The packet's length in bytes. */
  len: number;
  /** The device it arrived by; null for a packet made on this host. Models `skb->skb_iif`. */
  iif: NetDevice | null = null;
  /** The device it is on now: the receiving one up to routing, the sending one after. */
  dev: NetDevice | null = null;
  /** `skb->mark`, an unsigned 32-bit number. */
  mark = 0;
  /** The class for queueing disciplines, which `-j CLASSIFY` sets. Models `skb->priority`. */
  priority = 0;
  /** Handle of the attached conntrack entry, or {@link NO_CT}. With {@link ctinfo} it models `skb->_nfct`. */
  nfct: number = NO_CT;
  /** Relation to the attached entry, `IP_CT_*`. */
  ctinfo = 0;
  /** The routing decision, once taken. Models `skb_dst()`. */
  dst: RouteResult | null = null;
  /** The same of an IPv6 packet. */
  dst6: Route6 | null = null;
  /** How it came over the link, `PACKET_*`. */
  packetType = PACKET_HOST;
  /** Whether this host forwards it rather than made it. Models `IPSKB_FORWARDED`. */
  forwarded = false;
  /** Offset of the transport header; set by the IP layer once the IP header was checked. */
  transportOffset = 0;
  /** Whether `-j TRACE` marked it. Models `skb->nf_trace`. */
  nfTrace = false;
  /** What nf_tables' trace calls the packet; 0 until it tells of it. */
  traceId = 0;
  /**
   * The payload lengths of the fragments that conntrack put together, in order; null for a packet that came whole. It
   * is to leave in pieces again, none larger than the largest that came; empty: nobody knows any more where they were
   * joined. Models `skb_shinfo()->frag_list`.
   */
  fragments: readonly number[] | null = null;
  /**
   * The size of the largest of them in bytes, IP header included; 0 where nobody knows, as of what a bridge passed up.
   * Models `IPCB()->frag_max_size`.
   */
  largestFragment = 0;
  /** Whether the largest of them had DF: pieces cut anew have it too. Models IPSKB_FRAG_PMTU. */
  largestHadDf = false;
  /**
   * Whether conntrack found the transport checksum right: REJECT looks no more, sockets do. Models `skb->csum_valid`.
   */
  checksumVerified = false;
  /**
   * What conntrack's sum over an IPv6 packet holds of its header: that without the pseudo header, folded; -1 while
   * nobody summed. The sockets take their share from that sum instead of summing again. Models `skb->csum` of a
   * CHECKSUM_COMPLETE packet.
   */
  summedHeader = -1;
  /**
   * Whether a socket of a lab's host left a datagram's sum to the device, which on a cable nobody makes: it has none
   * when it arrives. Models CHECKSUM_PARTIAL of UDP, where it counts.
   */
  checksumPartial = false;
  /**
   * What its header's options ask for, once they were read; null for a packet without options. Models `IPCB()->opt`.
   */
  options: IpOptions | null = null;
  /** User id of the sending socket for `-m owner`; -1 without one, {@link UID_KERNEL} for the kernel's own. */
  uid = -1;
  /** The socket that `-j TPROXY` gave a received packet to. Models `skb->sk`. */
  sk: Sock | null = null;
  /** The frame's addresses on the link; null where nobody needs to know. Models `eth_hdr()`. */
  linkSource: Uint8Array | null = null;
  linkDestination: Uint8Array | null = null;
  /** The bridge's ports that the frame came and goes by. Models `nf_bridge->physindev` and `physoutdev`. */
  physIn: NetDevice | null = null;
  physOut: NetDevice | null = null;
  /** Whether a bridge ran IP's PREROUTING on it already. Models what `ip_sabotage_in()` looks at. */
  preRouted = false;
  /** When it was received or made, in microseconds of virtual time. Models `skb->tstamp`. */
  tstampMicros = 0;
  /** A number for people: packets are numbered as they come into being on a lab, only while somebody traces. */
  serial = 0;

  constructor(data: Uint8Array, len: number = data.length) {
    this.data = data;
    this.len = len;
  }

  /** The packet's bytes without a copy: {@link data} itself where it holds nothing more, else a view of it. */
  bytes(): Uint8Array {
    return this.len === this.data.length ? this.data : this.data.subarray(0, this.len);
  }

  /** Forgets what belongs to one host, as happens when a packet crosses to another. Models `skb_scrub_packet()`. */
  scrub(): void {
    this.mark = 0;
    this.priority = 0;
    this.nfct = NO_CT;
    this.ctinfo = 0;
    this.dst = null;
    this.dst6 = null;
    this.nfTrace = false;
    this.traceId = 0;
    this.fragments = null;
    this.largestFragment = 0;
    this.largestHadDf = false;
    this.checksumVerified = false;
    this.summedHeader = -1;
    this.options = null;
    this.uid = -1;
    this.sk = null;
    this.packetType = PACKET_HOST;
    this.forwarded = false;
    this.physIn = null;
    this.physOut = null;
    this.preRouted = false;
  }

  /**
   * A copy with its own bytes and the same attachments; it is not taken apart where it was joined, for the original's
   * fragments are not its own. Models `skb_clone()` and `pskb_copy()`; conntrack references are the caller's.
   */
  copy(): SkBuff {
    const skb = new SkBuff(this.data.slice(0, this.len));
    skb.iif = this.iif;
    skb.dev = this.dev;
    skb.mark = this.mark;
    skb.priority = this.priority;
    skb.nfct = this.nfct;
    skb.ctinfo = this.ctinfo;
    skb.dst = this.dst;
    skb.dst6 = this.dst6;
    skb.packetType = this.packetType;
    skb.forwarded = this.forwarded;
    skb.transportOffset = this.transportOffset;
    skb.nfTrace = this.nfTrace;
    skb.traceId = this.traceId;
    skb.fragments = this.fragments === null ? null : UNKNOWN_FRAGMENTS;
    skb.largestFragment = this.largestFragment;
    skb.largestHadDf = this.largestHadDf;
    skb.checksumVerified = this.checksumVerified;
    skb.summedHeader = this.summedHeader;
    skb.checksumPartial = this.checksumPartial;
    skb.options = this.options;
    skb.uid = this.uid;
    skb.linkSource = this.linkSource;
    skb.linkDestination = this.linkDestination;
    skb.physIn = this.physIn;
    skb.physOut = this.physOut;
    skb.preRouted = this.preRouted;
    skb.tstampMicros = this.tstampMicros;
    skb.serial = this.serial;
    return skb;
  }
}
