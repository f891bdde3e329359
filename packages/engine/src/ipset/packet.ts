/**
 * What a set is asked about a packet: each dimension from its source or its destination side. Models the `_kadt()`
 * functions of net/netfilter/ipset, ip_set_getport.c and ip_set_test(), ip_set_add(), ip_set_del().
 */
import { readInto } from "../ip6/address.js";
import type { SkBuff } from "../skb.js";
import { maskIPv6 } from "../wire/address.js";
import { get16, getInt32 } from "../wire/bytes.js";
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPV4_DST,
  IPV4_PROTOCOL,
  IPV4_SRC,
} from "../wire/ipv4.js";
import { found, IPV6_DST, IPV6_HEADER_LENGTH, IPV6_NEXT_HEADER, IPV6_SRC, skipExtensionHeaders } from "../wire/ipv6.js";
import type { XtActionParam } from "../xtables/extension.js";
import { addressBits, copyKey, type ElementKey, emptyKey } from "./element.js";
import { type ElementOptions, type IpSet, SetError, type SetSlot, TEST_NO } from "./ipset.js";

/** For each dimension: whether it is taken from the source side. */
export type Sides = readonly boolean[];

/** Reused for every question: one is asked at a time. */
const scratch: ElementKey = emptyKey("inet");

function readAddress({ data }: SkBuff, ipv6: boolean, source: boolean, words: Int32Array): void {
  if (ipv6) readInto(words, data, source ? IPV6_SRC : IPV6_DST);
  else {
    words.fill(0);
    words[0] = getInt32(data, source ? IPV4_SRC : IPV4_DST);
  }
}

/**
 * Reads protocol and port, of ICMP type and code. Models `ip_set_get_ip4_port()`, `ip_set_get_ip6_port()`,
 * `get_port()`.
 */
function readPort({ data, len }: SkBuff, ipv6: boolean, source: boolean): boolean {
  let at = (data[0] & 0xf) << 2;
  let later = false;
  scratch.proto = data[IPV4_PROTOCOL];
  if (ipv6) {
    at = skipExtensionHeaders(data, IPV6_HEADER_LENGTH, len, data[IPV6_NEXT_HEADER]);
    if (at < 0 || found.fragmentOffset !== 0) return false;
    scratch.proto = found.nexthdr;
  } else later = (get16(data, 6) & 0x1fff) !== 0;
  scratch.port = 0;
  switch (scratch.proto) {
    case IPPROTO_TCP:
    case IPPROTO_SCTP:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE: {
      const header = scratch.proto === IPPROTO_TCP ? 20 : scratch.proto === IPPROTO_SCTP ? 12 : 8;
      if (later || at + header > len) return false;
      scratch.port = get16(data, source ? at : at + 2);
      return true;
    }
    case IPPROTO_ICMP:
      if (later) return false;
      break;
    case IPPROTO_ICMPV6:
      if (later) return true;
      break;
    default:
      return true;
  }
  if (at + 8 > len) return false;
  scratch.port = get16(data, at);
  return true;
}

/** Fills {@link scratch} with a packet's side of a set's dimensions; false when it has not got one. */
function readPacket(par: XtActionParam, set: IpSet, sides: Sides): boolean {
  const { type, options } = set;
  const { dimensions } = type;
  const ipv6 = par.family === "ipv6";
  if (dimensions[0] !== "port" && (options.family === "inet6") !== ipv6) return false;
  if (sides.length < dimensions.length) return false;
  const { skb } = par;
  const bits = addressBits(options.family);
  scratch.cidr = bits;
  scratch.cidr2 = bits;
  scratch.ip.fill(0);
  scratch.ip2.fill(0);
  scratch.proto = 0;
  scratch.port = 0;
  scratch.iface = "";
  scratch.physdev = false;
  scratch.mac = "";
  scratch.slot = null;
  for (let i = 0; i < dimensions.length; i++) {
    const source = sides[i];
    switch (dimensions[i]) {
      case "ip":
      case "net":
        readAddress(skb, ipv6, source, i === 0 ? scratch.ip : scratch.ip2);
        break;
      case "port":
        if (!readPort(skb, ipv6, source)) return false;
        if (type.storage !== "bitmap") break;
        if (scratch.proto !== IPPROTO_TCP && scratch.proto !== IPPROTO_UDP) return false;
        scratch.proto = 0;
        break;
      case "iface": {
        const device = source ? par.state.indev : par.state.outdev;
        if (device === null) return false;
        scratch.iface = device.name;
        break;
      }
      case "mac": {
        const mac = source ? (skb.linkSource ?? par.state.indev?.peerMac ?? null) : null;
        if (mac === null || par.state.indev?.kind === "loopback") return false;
        let text = "";
        for (let k = 0; k < 6; k++) text += (k === 0 ? "" : ":") + mac[k].toString(16).padStart(2, "0");
        scratch.mac = text;
        break;
      }
      default:
    }
  }
  return dimensions[0] !== "ip" || set.maskAddress(scratch.ip);
}

/** Whether a packet is in a set: one of `TEST_*`; {@link IpSet.found} tells the element. */
export function testPacket(par: XtActionParam, slot: SetSlot, sides: Sides): number {
  const { set } = slot;
  set.found = null;
  if (set.type.storage === "list") {
    for (const element of set.elements()) {
      const member = element.key.slot;
      if (member === null) continue;
      const result = testPacket(par, member, sides);
      if (result === TEST_NO) continue;
      set.found = element;
      return result;
    }
    return TEST_NO;
  }
  if (!readPacket(par, set, sides)) return TEST_NO;
  const result = set.test(scratch);
  const mac = result === TEST_NO || scratch.mac === "" ? "" : set.foundMac;
  return mac === "" || mac === scratch.mac ? result : TEST_NO;
}

/**
 * Counts a packet on the element that {@link testPacket} found, and on its member's. Models ip_set_update_counter().
 */
export function countPacket(par: XtActionParam, { found, options }: IpSet, own: boolean, members: boolean): void {
  if (found === null) return;
  if (options.counters && own) {
    found.packets++;
    found.bytes += par.skb.len;
  }
  const member = found.key.slot?.set;
  if (member !== undefined && members) countPacket(par, member, true, false);
}

/** Adds what a packet says to a set, or takes it out. Whether it did; the packet is not concerned by a refusal. */
export function changeByPacket(
  par: XtActionParam,
  { set }: SetSlot,
  sides: Sides,
  change: "add" | "delete",
  said: ElementOptions,
  exist: boolean,
): boolean {
  if (set.type.storage === "list") {
    // The first member that takes it, or gives it up.
    for (const { key } of set.elements())
      if (key.slot !== null && changeByPacket(par, key.slot, sides, change, said, exist)) return true;
    return false;
  }
  if (!readPacket(par, set, sides)) return false;
  const { dimensions } = set.type;
  if (dimensions[0] === "net") maskIPv6(scratch.ip, (scratch.cidr = set.longestPrefix));
  if (dimensions[2] === "net") maskIPv6(scratch.ip2, (scratch.cidr2 = set.longestPrefix));
  try {
    if (change === "add") {
      const { timeout, counters } = set.options;
      const counted = counters ? { packets: 1, bytes: par.skb.len } : {};
      set.add(copyKey(scratch), { ...(timeout === null ? {} : said), ...counted }, exist);
    } else set.delete(copyKey(scratch), false);
    return true;
  } catch (error) {
    if (error instanceof SetError) return false;
    throw error;
  }
}
