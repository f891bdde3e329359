/**
 * What a set is asked about a packet: each dimension from its source or its destination side. Models the `_kadt()`
 * functions of net/netfilter/ipset and ip_set_test(), ip_set_add(), ip_set_del().
 */
import { get16, get32 } from "../wire/bytes.js";
import type { XtActionParam } from "../xtables/extension.js";
import { type ElementKey, type ElementOptions, emptyKey, SetError, type SetSlot, TEST_NO } from "./ipset.js";

/** For each dimension: whether it is taken from the source side. */
export type Sides = readonly boolean[];

/** Reused for every question: one is asked at a time. */
const scratch: ElementKey = emptyKey();

/** Fills {@link scratch} with a packet's side of a set's dimensions; false when it has not got one. */
function readPacket(par: XtActionParam, slot: SetSlot, sides: Sides): boolean {
  const { dimensions, name } = slot.set.type;
  if (par.family === "ipv6" && dimensions[0] !== "port") return false;
  if (sides.length < dimensions.length && dimensions[0] !== "set") return false;
  const { data, len } = par.skb;
  scratch.cidr = 32;
  scratch.cidr2 = 32;
  scratch.ip = 0;
  scratch.ip2 = 0;
  scratch.proto = 0;
  scratch.port = 0;
  scratch.iface = "";
  scratch.mac = "";
  scratch.slot = null;
  for (let i = 0; i < dimensions.length; i++) {
    const source = sides[i] ?? false;
    switch (dimensions[i]) {
      case "ip":
      case "net":
        if (i === 0) scratch.ip = get32(data, source ? 12 : 16);
        else scratch.ip2 = get32(data, source ? 12 : 16);
        break;
      case "port": {
        const { proto } = par;
        const at = par.thoff;
        if (par.fragoff !== 0) return false;
        scratch.proto = name === "bitmap:port" ? 0 : proto;
        if (proto === 6 || proto === 17 || proto === 132 || proto === 136) {
          if (at + 4 > len) return false;
          scratch.port = get16(data, source ? at : at + 2);
        } else if (proto === 1 && name !== "bitmap:port") {
          if (at + 2 > len) return false;
          scratch.port = get16(data, at);
        } else if (name === "bitmap:port") return false;
        break;
      }
      case "iface": {
        const device = source ? par.state.indev : par.state.outdev;
        if (device === null) return false;
        scratch.iface = device.name;
        break;
      }
      case "mac": {
        const mac = source ? (par.state.indev?.peerMac ?? null) : null;
        if (mac === null || par.state.indev?.kind === "loopback") return false;
        let text = "";
        for (let k = 0; k < 6; k++) text += (k === 0 ? "" : ":") + mac[k].toString(16).padStart(2, "0");
        scratch.mac = text;
        break;
      }
      default:
    }
  }
  const { netmask } = slot.set.options;
  if (dimensions[0] === "ip" && netmask < 32) scratch.ip = (scratch.ip & (-1 << (32 - netmask))) >>> 0;
  return true;
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
  if (!readPacket(par, slot, sides)) return TEST_NO;
  const result = set.test(scratch);
  const mac = result === TEST_NO || scratch.mac === "" ? "" : set.foundMac;
  return mac === "" || mac === scratch.mac ? result : TEST_NO;
}

/** Adds what a packet says to a set, or takes it out; refusals are of no concern to the packet. */
export function changeByPacket(
  par: XtActionParam,
  slot: SetSlot,
  sides: Sides,
  change: "add" | "delete",
  said: ElementOptions,
  exist: boolean,
): void {
  const { set } = slot;
  try {
    if (set.type.storage === "list") {
      // A list hands it to the first member that takes it.
      for (const { key } of set.elements()) {
        if (key.slot === null || testPacket(par, key.slot, sides) !== TEST_NO) continue;
        changeByPacket(par, key.slot, sides, change, said, exist);
        return;
      }
      return;
    }
    if (!readPacket(par, slot, sides)) return;
    if (change === "add") set.add({ ...scratch }, set.options.timeout === null ? {} : said, exist);
    else set.delete({ ...scratch }, true);
  } catch (error) {
    if (!(error instanceof SetError)) throw error;
  }
}
