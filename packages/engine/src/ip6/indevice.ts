/**
 * The IPv6 side of a device: its addresses and its switches under net.ipv6.conf. Models `struct inet6_dev`,
 * include/net/if_inet6.h. Links here carry no neighbour discovery, no router advertisements and no multicast listener
 * reports, and no address is tried for duplicates: their switches keep what is written to them and change nothing.
 */
import type { NetDevice } from "../dev/device.js";
import { scopeOf } from "./address.js";

/** The switches of net.ipv6.conf.X by their file names, with what Linux sets them to. */
export class DeviceConf6 {
  readonly values: Map<string, number>;

  constructor(from: ReadonlyMap<string, number> = DEFAULTS) {
    this.values = new Map(from);
    this.#read();
  }

  /** Copies of the switches that packets are judged by. */
  disabled = false;
  forwarding = false;
  hopLimit = 64;
  mtu = 1280;

  set(file: string, value: number): void {
    this.values.set(file, value);
    this.#read();
  }

  #read(): void {
    this.disabled = this.values.get("disable_ipv6") !== 0;
    this.forwarding = this.values.get("forwarding") !== 0;
    this.hopLimit = this.values.get("hop_limit") ?? 64;
  }
}

const DEFAULTS: ReadonlyMap<string, number> = new Map([
  ["accept_dad", 1],
  ["accept_ra", 1],
  ["accept_redirects", 1],
  ["accept_source_route", 0],
  ["addr_gen_mode", 0],
  ["autoconf", 1],
  ["dad_transmits", 1],
  ["disable_ipv6", 0],
  ["forwarding", 0],
  ["hop_limit", 64],
  ["keep_addr_on_down", 0],
  ["mldv2_unsolicited_report_interval", 1000],
  ["router_solicitations", -1],
  ["use_oif_addrs_only", 0],
]);

/** An address, while it is on its device. Models `struct inet6_ifaddr`. */
export interface IfAddr6 {
  readonly dev: NetDevice;
  readonly local: Int32Array;
  readonly prefixLength: number;
  /** `SCOPE_*` of address.ts. */
  readonly scope: number;
  /** Whose address the other end has, where that was said. */
  peer: Int32Array | null;
  /** `IFA_F_*`. */
  flags: number;
  /** Of the route to its prefix; 0: the usual. */
  metric: number;
}

export class InDevice6 {
  readonly dev: NetDevice;
  readonly conf: DeviceConf6;
  /** In the order in which they are listed: wide scopes first, of equal ones the newest first. */
  addresses: IfAddr6[] = [];

  constructor(dev: NetDevice, conf: DeviceConf6) {
    this.dev = dev;
    this.conf = conf;
  }

  /** Puts an address in its place. Models `ipv6_link_dev_addr()`. */
  insert(ifa: IfAddr6): void {
    const scope = scopeOf(ifa.local);
    const at = this.addresses.findIndex((other) => scope >= scopeOf(other.local));
    this.addresses.splice(at < 0 ? this.addresses.length : at, 0, ifa);
  }
}
