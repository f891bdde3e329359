/**
 * Frames that cross a bridge on their way through the hooks of IPv4 and of IPv6: PREROUTING as they arrive, FORWARD and
 * POSTROUTING as they cross, with the bridge as device. What conntrack put together on the way leaves in fragments
 * again. Frames with VLAN tags or PPPoE are not modelled. Models net/bridge/br_netfilter_hooks.c and
 * br_netfilter_ipv6.c.
 */
import { confirmEarly } from "../conntrack/core.js";
import {
  type Hooks,
  NF_ACCEPT,
  NF_INET_FORWARD,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NF_STOLEN,
} from "../hooks.js";
import { drop } from "../ip/input.js";
import { sendPieces } from "../ip/pieces.js";
import { DST_FORWARD } from "../ip/route.js";
import { fragment6 } from "../ip6/fragment.js";
import type { NetNamespace } from "../netns.js";
import { NO_CT, PACKET_HOST, type SkBuff } from "../skb.js";
import { readIPv6 } from "../wire/address.js";
import { get16, getInt32 } from "../wire/bytes.js";
import { checkIPv4, IP_DF, IPV4_DST, IPV4_FRAGMENT, ipv4HeaderLength, ipv4TotalLength } from "../wire/ipv4.js";
import {
  checkIPv6,
  hopByHopFits,
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SRC,
  ipv6TotalLength,
  NEXTHDR_HOP,
} from "../wire/ipv6.js";
import type { BridgeDevice } from "./bridge.js";
import type { NetDevice } from "./device.js";

/**
 * Where a frame goes whose destination NAT changed: on by the bridge (it is gone already), up to be routed, or nowhere.
 */
type Redirected = "on" | "up" | "nowhere";

/** What each of the families does in its own way. */
interface BridgedFamily {
  readonly destination: number;
  readonly addressWords: 1 | 4;
  hooks(net: NetNamespace): Hooks;
  /** Whether its header is sound; what the link added behind the packet goes. */
  validate(skb: SkBuff): boolean;
  redirect(bridge: BridgeDevice, skb: SkBuff): Redirected;
  /** Sends a packet that a port does not take whole in pieces by `emit`, or gives it up. */
  fragment(bridge: BridgeDevice, skb: SkBuff, emit: (piece: SkBuff) => number): void;
}

const ipv4: BridgedFamily = {
  destination: IPV4_DST,
  addressWords: 1,
  hooks: (net) => net.hooks,

  /** Models `br_validate_ipv4()`; options are not looked at, and what IP noted on the packet is gone but for a size. */
  validate(skb) {
    if (checkIPv4(skb.data, 0, skb.len) !== "ok") return false;
    skb.len = ipv4TotalLength(skb.data, 0);
    skb.transportOffset = ipv4HeaderLength(skb.data, 0);
    skb.largestHadDf = false;
    return true;
  },

  /** Models the end of `br_nf_pre_routing_finish()`. */
  redirect(bridge, skb) {
    const { ip } = bridge.net;
    const rt = ip.routing.input(skb, bridge);
    if (rt === null) return "nowhere";
    if (rt.input !== DST_FORWARD || rt.dev !== bridge) return "up";
    skb.dst = rt;
    const { neighbourTable } = ip;
    const next = rt.gateway === 0 ? getInt32(skb.data, IPV4_DST) >>> 0 : rt.gateway;
    bridge.redirect(skb, () => neighbourTable.output(neighbourTable.entry(bridge, next), skb, 0));
    return "on";
  },

  /** Models `br_nf_ip_fragment()`. */
  fragment(bridge, skb, emit) {
    const { ip } = bridge.net;
    const whole = skb.fragments === null;
    const forbidden = whole && (get16(skb.data, IPV4_FRAGMENT) & IP_DF) !== 0;
    if (forbidden || (!whole && skb.largestFragment > bridge.mtu)) {
      ip.snmp.ip.FragFails++;
      drop(ip, skb, "larger than the bridge's MTU");
      return;
    }
    sendPieces(ip, skb, bridge.mtu, emit);
  },
};

const ipv6: BridgedFamily = {
  destination: IPV6_DST,
  addressWords: 4,
  hooks: (net) => net.hooks6,

  /** Models `br_validate_ipv6()`: without a payload length, what follows options of every hop goes. */
  validate(skb) {
    const { data } = skb;
    if (checkIPv6(data, skb.len) !== "ok") return false;
    if (data[IPV6_NEXT_HEADER] === NEXTHDR_HOP && !hopByHopFits(data, skb.len)) return false;
    skb.len = ipv6TotalLength(data, 0);
    skb.transportOffset = IPV6_HEADER_LENGTH;
    return true;
  },

  /** Models the end of `br_nf_pre_routing_finish_ipv6()`. */
  redirect(bridge, skb) {
    const { ip6 } = bridge.net;
    const route = ip6.routeInput(skb);
    if (route.error !== 0) return "nowhere";
    if (route.local || route.dev !== bridge) return "up";
    skb.dst6 = route;
    const { neighbourTable } = ip6;
    const next = route.gateway ?? readIPv6(skb.data, IPV6_DST);
    const source = readIPv6(skb.data, IPV6_SRC);
    bridge.redirect(skb, () => neighbourTable.output(neighbourTable.entry(bridge, next), skb, source));
    return "on";
  },

  fragment(bridge, skb, emit) {
    fragment6(bridge.net.ip6, skb, bridge.mtu, emit);
  },
};

/** The family whose hooks a frame passes; null: none, as the sysctls have it. */
function familyOf({ net: { bridgeNetfilter } }: BridgeDevice, skb: SkBuff): BridgedFamily | null {
  const version = skb.data[0] >> 4;
  if (version === 4) return bridgeNetfilter.callIptables === 0 ? null : ipv4;
  return version !== 6 || bridgeNetfilter.callIp6tables === 0 ? null : ipv6;
}

function run(family: BridgedFamily, bridge: BridgeDevice, skb: SkBuff, hook: 0 | 2 | 4, reason: string): boolean {
  const { net } = bridge;
  const indev = hook === NF_INET_POST_ROUTING ? null : bridge;
  const outdev = hook === NF_INET_PRE_ROUTING ? null : bridge;
  const verdict = family.hooks(net).run(hook, skb, indev, outdev);
  if (verdict === NF_ACCEPT) return true;
  if ((verdict & 0xff) !== NF_STOLEN) drop(net.ip, skb, reason);
  return false;
}

/** PREROUTING on a frame that came by a port. False: the packet went no further. Models `br_nf_pre_routing()`. */
export function preRouting(bridge: BridgeDevice, skb: SkBuff, port: NetDevice): boolean {
  const family = familyOf(bridge, skb);
  if (family === null) return true;
  const { net } = bridge;
  const { trace } = net;
  if (!family.validate(skb)) {
    drop(net.ip, skb, "bad IP header on a bridge");
    return false;
  }
  skb.physIn = port;
  skb.dev = bridge;
  skb.iif = bridge;
  if (trace !== null) trace.enter("br_nf_pre_routing", null, skb);
  const goesOn = preRouteAndRedirect(family, bridge, skb);
  if (trace !== null) trace.leave();
  return goesOn;
}

function preRouteAndRedirect(family: BridgedFamily, bridge: BridgeDevice, skb: SkBuff): boolean {
  const { destination: at, addressWords } = family;
  const first = getInt32(skb.data, at);
  const wide = addressWords === 4;
  const second = wide ? getInt32(skb.data, at + 4) : 0;
  const third = wide ? getInt32(skb.data, at + 8) : 0;
  const fourth = wide ? getInt32(skb.data, at + 12) : 0;
  if (!run(family, bridge, skb, NF_INET_PRE_ROUTING, "dropped in PREROUTING")) return false;
  skb.preRouted = true;
  const { data } = skb;
  const same =
    getInt32(data, at) === first &&
    (!wide ||
      (getInt32(data, at + 4) === second && getInt32(data, at + 8) === third && getInt32(data, at + 12) === fourth));
  return same || redirect(family, bridge, skb);
}

/** False: the bridge has nothing more to do with the packet. */
function redirect(family: BridgedFamily, bridge: BridgeDevice, skb: SkBuff): boolean {
  skb.packetType = PACKET_HOST;
  const to = family.redirect(bridge, skb);
  if (to === "nowhere") drop(bridge.net.ip, skb, "no way to the destination that NAT chose");
  else if (to === "up") skb.linkDestination = bridge.mac;
  return to === "up";
}

/** FORWARD and POSTROUTING on a frame that goes on by a port. False: the packet went no further. */
export function forwardAndPostRoute(bridge: BridgeDevice, skb: SkBuff, out: NetDevice): boolean {
  // Only what passed PREROUTING: the sysctl may have been another then.
  if (!skb.preRouted) return true;
  const family = skb.data[0] >> 4 === 4 ? ipv4 : ipv6;
  const { trace, ip } = bridge.net;
  if (!family.validate(skb)) {
    drop(ip, skb, "bad IP header on a bridge");
    return false;
  }
  skb.physOut = out;
  if (trace !== null) trace.enter("br_nf_forward", null, skb);
  const forwarded = run(family, bridge, skb, NF_INET_FORWARD, "dropped in FORWARD");
  if (trace !== null) trace.leave();
  if (!forwarded) return false;
  if (trace !== null) trace.enter("br_nf_post_routing", null, skb);
  const passes = run(family, bridge, skb, NF_INET_POST_ROUTING, "dropped in POSTROUTING");
  if (trace !== null) trace.leave();
  return passes;
}

/**
 * Hands a frame that passed the hooks to its port by `push`: in fragments where it came so, or the port takes less. A
 * fragment is never larger than the largest that came. Models `br_nf_dev_queue_xmit()`.
 */
export function sendForwarded(
  bridge: BridgeDevice,
  skb: SkBuff,
  out: NetDevice,
  push: (skb: SkBuff, out: NetDevice) => void,
): void {
  const most = skb.fragments === null ? out.mtu : Math.min(out.mtu, skb.largestFragment);
  if (!skb.preRouted || skb.len <= most) {
    push(skb, out);
    return;
  }
  const { linkSource, linkDestination, packetType } = skb;
  const family = skb.data[0] >> 4 === 4 ? ipv4 : ipv6;
  family.fragment(bridge, skb, (piece) => {
    piece.linkSource = linkSource;
    piece.linkDestination = linkDestination;
    piece.packetType = packetType;
    push(piece, out);
    return 0;
  });
}

/**
 * The entry of a frame for everybody is confirmed before this host's IP has it: its copies are on their way. False: the
 * packet went no further. Models `br_nf_local_in()`.
 */
export function confirmFlooded({ net }: BridgeDevice, skb: SkBuff): boolean {
  if (skb.nfct === NO_CT || skb.packetType === PACKET_HOST) return true;
  if (confirmEarly(net.ct, skb) === NF_ACCEPT) return true;
  drop(net.ip, skb, "its entry clashes with another");
  return false;
}
