/**
 * Whether iptables and ip6tables see frames that cross a bridge. Frames here are IPv4 and IPv6 without VLAN tags or
 * PPPoE, and links carry no ARP packets, so that the switches for those are kept and asked by nobody. Models the
 * sysctls of net/bridge/br_netfilter_hooks.c.
 */
import type { NetNamespace } from "../netns.js";

/** Switches that nobody asks, and what they are at first. */
const UNASKED: readonly (readonly [name: string, first: 0 | 1])[] = [
  ["call-arptables", 1],
  ["filter-pppoe-tagged", 0],
  ["filter-vlan-tagged", 0],
  ["pass-vlan-input-dev", 0],
];

/** The switches of net.bridge; each is 0 or 1. Models `struct brnf_net`. */
export class BridgeNetfilter {
  /** `net.bridge.bridge-nf-call-iptables`. */
  callIptables = 1;
  /** `net.bridge.bridge-nf-call-ip6tables`. */
  callIp6tables = 1;

  constructor(net: NetNamespace) {
    const flag = (name: string, get: () => number, set: (value: number) => void): void =>
      net.sysctl.registerInt(`net.bridge.bridge-nf-${name}`, get, (value) => set(value === 0 ? 0 : 1));
    flag(
      "call-ip6tables",
      () => this.callIp6tables,
      (value) => {
        this.callIp6tables = value;
      },
    );
    flag(
      "call-iptables",
      () => this.callIptables,
      (value) => {
        this.callIptables = value;
      },
    );
    for (const [name, first] of UNASKED) {
      let kept: number = first;
      flag(
        name,
        () => kept,
        (value) => {
          kept = value;
        },
      );
    }
  }
}
