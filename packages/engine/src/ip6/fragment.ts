/**
 * A packet of this host that its way does not take whole, or one that conntrack put together from fragments, leaves in
 * fragments. Routers and bridges never cut what came whole. Models ip6_fragment(), net/ipv6/ip6_output.c.
 */
import type { NetDevice } from "../dev/device.js";
import { EMSGSIZE } from "../errno.js";
import { SkBuff } from "../skb.js";
import { put16, put32 } from "../wire/bytes.js";
import {
  FRAGMENT_HEADER_LENGTH,
  IP6_MF,
  IPV6_HEADER_LENGTH,
  IPV6_MIN_MTU,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  NEXTHDR_DEST,
  NEXTHDR_FRAGMENT,
  NEXTHDR_HOP,
  NEXTHDR_ROUTING,
} from "../wire/ipv6.js";
import { drop6 } from "./input.js";
import type { Ip6Stack } from "./stack.js";

/** Where the part begins that is cut, and where the field stands that names its first header. */
interface Cut {
  readonly at: number;
  readonly previous: number;
}

/** Behind the headers that every fragment repeats. Models `ip6_find_1stfragopt()`. */
function firstFragmentable(data: Uint8Array, length: number): Cut {
  let at = IPV6_HEADER_LENGTH;
  let previous = IPV6_NEXT_HEADER;
  let routed = false;
  while (at + 8 <= length) {
    const kind = data[previous];
    if (kind === NEXTHDR_ROUTING) routed = true;
    else if (kind !== NEXTHDR_HOP && (kind !== NEXTHDR_DEST || routed)) break;
    previous = at;
    at += (data[at + 1] + 1) * 8;
  }
  return { at, previous };
}

/**
 * Sends a packet in pieces by `emit`, up to the first that it answers with anything but 0, which is the answer; or a
 * negative errno.
 */
export function fragment6(
  ip: Ip6Stack,
  skb: SkBuff,
  mtu: number,
  emit: (piece: SkBuff, dev: NetDevice) => number,
): number {
  const { trace } = ip.net;
  if (trace !== null) trace.enter("ip6_fragment", null, skb);
  const error = sendPieces(ip, skb, mtu, emit);
  if (trace !== null) trace.leave();
  return error;
}

function sendPieces(ip: Ip6Stack, skb: SkBuff, mtu: number, emit: (piece: SkBuff, dev: NetDevice) => number): number {
  const { at, previous } = firstFragmentable(skb.data, skb.len);
  const came = skb.fragments;
  let most = mtu;
  if (came === null) {
    // What a port of a bridge refuses may be no larger than the bridge takes.
    if (skb.len > mtu && (skb.forwarded || skb.physOut !== null)) return tooBig(ip, skb, mtu);
  } else if (skb.largestFragment > 0) {
    if (skb.largestFragment > mtu) return tooBig(ip, skb, mtu);
    // Nothing leaves larger than it came, but for what no link may refuse.
    most = Math.max(skb.largestFragment, IPV6_MIN_MTU);
  }
  if (most < at + FRAGMENT_HEADER_LENGTH + 8) return tooBig(ip, skb, mtu);
  const room = most - at - FRAGMENT_HEADER_LENGTH;
  const total = skb.len - at;
  // The pieces it came in serve again while they are all its bytes (no hook changed its length) and fit.
  const asItCame =
    came !== null &&
    came.every((size, i) => size <= room && (size % 8 === 0 || i === came.length - 1)) &&
    came.reduce((sum, size) => sum + size, 0) === total;
  const id = identification(ip);
  const dev = skb.dev as NetDevice;
  let error = 0;
  for (let offset = 0, i = 0; offset < total && error === 0; i++) {
    const rest = total - offset;
    const size = asItCame ? came[i] : rest <= room ? rest : room & ~7;
    error = emit(piece(skb, { at, previous }, offset, size, id), dev);
    offset += size;
  }
  ip.net.free(skb);
  return error;
}

function tooBig(ip: Ip6Stack, skb: SkBuff, mtu: number): number {
  ip.icmp.packetTooBig(skb, mtu);
  drop6(ip, skb, "packet too big");
  return -EMSGSIZE;
}

/** Models `ipv6_select_ident()`. */
function identification(ip: Ip6Stack): number {
  for (;;) {
    const id = ip.net.random.u32();
    if (id !== 0) return id;
  }
}

/** `size` bytes at `offset` of what is cut, as a fragment. */
function piece(skb: SkBuff, { at, previous }: Cut, offset: number, size: number, id: number): SkBuff {
  const { data } = skb;
  const part = new SkBuff(new Uint8Array(at + FRAGMENT_HEADER_LENGTH + size));
  part.data.set(data.subarray(0, at), 0);
  part.data[previous] = NEXTHDR_FRAGMENT;
  part.data[at] = data[previous];
  put16(part.data, at + 2, offset | (offset + size < skb.len - at ? IP6_MF : 0));
  put32(part.data, at + 4, id);
  part.data.set(data.subarray(at + offset, at + offset + size), at + FRAGMENT_HEADER_LENGTH);
  put16(part.data, IPV6_PAYLOAD_LENGTH, part.len - IPV6_HEADER_LENGTH);
  part.iif = skb.iif;
  part.dev = skb.dev;
  part.mark = skb.mark;
  part.dst6 = skb.dst6;
  part.forwarded = skb.forwarded;
  part.packetType = skb.packetType;
  part.transportOffset = at + FRAGMENT_HEADER_LENGTH;
  part.tstampMicros = skb.tstampMicros;
  return part;
}
