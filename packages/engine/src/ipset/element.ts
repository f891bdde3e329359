/**
 * An element's key: which addresses, ports, devices or sets it stands for. An address takes four words, as in
 * conntrack's tuples; IPv4's is the first. Models the `_elem` structures of net/netfilter/ipset/ip_set_hash_*.c.
 */
import { equalIPv6, IPV6_WORDS } from "../wire/address.js";
import type { SetSlot } from "./ipset.js";

/** Whose addresses a set's elements have. */
export type SetFamily = "inet" | "inet6";

/** Bits of an address of a family. */
export function addressBits(family: SetFamily): 32 | 128 {
  return family === "inet" ? 32 : 128;
}

/** One element's dimensions; what its type does not have stays as it is here. */
export interface ElementKey {
  readonly ip: Int32Array;
  cidr: number;
  proto: number;
  port: number;
  readonly ip2: Int32Array;
  cidr2: number;
  iface: string;
  /** Whether {@link iface} is a bridge's port. */
  physdev: boolean;
  mac: string;
  /** A list's member. */
  slot: SetSlot | null;
}

/** A key of nothing. */
export function emptyKey(family: SetFamily): ElementKey {
  const cidr = addressBits(family);
  const words = (): Int32Array => new Int32Array(IPV6_WORDS);
  return {
    ip: words(),
    cidr,
    proto: 0,
    port: 0,
    ip2: words(),
    cidr2: cidr,
    iface: "",
    physdev: false,
    mac: "",
    slot: null,
  };
}

/** A key with addresses of its own. */
export function copyKey(key: ElementKey): ElementKey {
  return { ...key, ip: key.ip.slice(), ip2: key.ip2.slice() };
}

function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x9e3779b1) ^ (hash >>> 15);
}

/**
 * A number that equal keys share. Devices, MAC addresses and members tell few elements apart: they have no part in it.
 */
export function hashKey({ ip, cidr, proto, port, ip2, cidr2 }: ElementKey): number {
  let hash = mix(cidr | (cidr2 << 8), port | (proto << 16));
  for (let i = 0; i < IPV6_WORDS; i++) hash = mix(mix(hash, ip[i]), ip2[i]);
  return hash | 0;
}

/** Whether two keys are of one element; the MAC address is no part of a key. */
export function sameKey(a: ElementKey, b: ElementKey): boolean {
  return (
    equalIPv6(a.ip, b.ip) &&
    equalIPv6(a.ip2, b.ip2) &&
    a.port === b.port &&
    a.proto === b.proto &&
    a.cidr === b.cidr &&
    a.cidr2 === b.cidr2 &&
    a.iface === b.iface &&
    a.physdev === b.physdev &&
    a.slot === b.slot
  );
}
