/**
 * The IPv4 side of a device: its addresses and its switches under net.ipv4.conf. Models `struct in_device`,
 * include/linux/inetdevice.h.
 */
import type { NetDevice } from "../dev/device.js";
import { IFA_F_SECONDARY, type InterfaceAddress, RT_SCOPE_HOST, RT_SCOPE_LINK } from "./rtnetlink.js";

/** The switches of net.ipv4.conf.X that this engine obeys. Values are those of the files. */
export class DeviceConf {
  forwarding = 0;
  rpFilter = 0;
  acceptLocal = 0;
  acceptSourceRoute = 0;
  routeLocalnet = 0;
  arpIgnore = 0;
  logMartians = 0;
  srcValidMark = 0;
  promoteSecondaries = 0;
  ignoreRoutesWithLinkdown = 0;
  sendRedirects = 1;
  acceptRedirects = 1;
  sharedMedia = 1;
  secureRedirects = 1;

  /** Takes another's values: a new device starts with those of `default`. */
  assign(other: DeviceConf): void {
    this.forwarding = other.forwarding;
    this.rpFilter = other.rpFilter;
    this.acceptLocal = other.acceptLocal;
    this.acceptSourceRoute = other.acceptSourceRoute;
    this.routeLocalnet = other.routeLocalnet;
    this.arpIgnore = other.arpIgnore;
    this.logMartians = other.logMartians;
    this.srcValidMark = other.srcValidMark;
    this.promoteSecondaries = other.promoteSecondaries;
    this.ignoreRoutesWithLinkdown = other.ignoreRoutesWithLinkdown;
    this.sendRedirects = other.sendRedirects;
    this.acceptRedirects = other.acceptRedirects;
    this.sharedMedia = other.sharedMedia;
    this.secureRedirects = other.secureRedirects;
  }
}

/** The names of the switches under net.ipv4.conf.X, with the field and the greatest value. */
export const CONF_FILES: readonly (readonly [string, keyof Omit<DeviceConf, "assign">])[] = [
  ["forwarding", "forwarding"],
  ["rp_filter", "rpFilter"],
  ["accept_local", "acceptLocal"],
  ["accept_source_route", "acceptSourceRoute"],
  ["route_localnet", "routeLocalnet"],
  ["arp_ignore", "arpIgnore"],
  ["log_martians", "logMartians"],
  ["src_valid_mark", "srcValidMark"],
  ["promote_secondaries", "promoteSecondaries"],
  ["ignore_routes_with_linkdown", "ignoreRoutesWithLinkdown"],
  ["send_redirects", "sendRedirects"],
  ["accept_redirects", "acceptRedirects"],
  ["shared_media", "sharedMedia"],
  ["secure_redirects", "secureRedirects"],
];

/** An address, while it is on its device. */
export class IfAddr implements InterfaceAddress {
  readonly dev: NetDevice;
  readonly local: number;
  readonly peer: number;
  readonly prefixLength: number;
  readonly mask: number;
  readonly broadcast: number;
  readonly scope: number;
  readonly label: string;
  flags: number;
  metric: number;

  constructor(dev: NetDevice, address: Omit<InterfaceAddress, "dev" | "secondary">, mask: number) {
    this.dev = dev;
    this.local = address.local;
    this.peer = address.peer;
    this.prefixLength = address.prefixLength;
    this.broadcast = address.broadcast;
    this.scope = address.scope;
    this.label = address.label;
    this.flags = address.flags;
    this.metric = address.metric;
    this.mask = mask;
  }

  get secondary(): boolean {
    return (this.flags & IFA_F_SECONDARY) !== 0;
  }

  set secondary(secondary: boolean) {
    this.flags = secondary ? this.flags | IFA_F_SECONDARY : this.flags & ~IFA_F_SECONDARY;
  }

  /** Whether an address lies in this one's subnet. Models `inet_ifa_match()`. */
  covers(address: number): boolean {
    return ((address ^ this.peer) & this.mask) === 0;
  }
}

export class InDevice {
  readonly dev: NetDevice;
  readonly conf: DeviceConf = new DeviceConf();
  /** Primaries before the secondaries, in the kernel's order. */
  addresses: IfAddr[] = [];

  constructor(dev: NetDevice) {
    this.dev = dev;
  }

  /**
   * The best primary address for a destination (0: any), not wider in scope than asked; 0 when there is none. With
   * `localnet` (`route_localnet`) addresses of the host's own count as the link's.
   */
  select(dst: number, scope: number, localnet = false): number {
    let found = 0;
    for (const ifa of this.addresses) {
      if (ifa.secondary || Math.min(ifa.scope, localnet ? RT_SCOPE_LINK : RT_SCOPE_HOST) > scope) continue;
      if (dst === 0 || ifa.covers(dst)) return ifa.local;
      if (found === 0) found = ifa.local;
    }
    return found;
  }

  /** As {@link select} when the question came to another device: link-scope addresses do not serve there. */
  selectForOther(scope: number): number {
    for (const ifa of this.addresses)
      if (!ifa.secondary && ifa.scope !== RT_SCOPE_LINK && ifa.scope <= scope) return ifa.local;
    return 0;
  }
}
