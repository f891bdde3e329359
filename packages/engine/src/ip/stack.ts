/**
 * The IPv4 layer of one network namespace: receive, route, forward, deliver, output, ICMP.
 * Models net/ipv4/ip_input.c, ip_forward.c, ip_output.c, route.c, icmp.c.
 */
import type { NetDevice } from "../dev/device.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import type { RouteResult } from "./route.js";

/** Interface of the engine's IP layer that hooks, tables, NAT and sockets use; implemented in this folder. */
export interface IpApi {
  /** A packet arrives from a device. Models `ip_rcv()`. The stack owns the packet. */
  receive(skb: SkBuff, dev: NetDevice): void;
  /**
   * Sends a packet made on this host: fills total length, checksum (and id when 0 by the kernel's rules), passes
   * OUTPUT, routes again when a hook changed what routing depends on, passes POSTROUTING. Returns 0 or a negative
   * errno (-1 EPERM for a DROP). Models `ip_local_out()`.
   */
  localOut(skb: SkBuff): number;
  /** Longest-prefix routing of an outgoing packet; null: no route. Models `ip_route_output_key()`. */
  routeOutput(dst: number, src: number, mark: number, oif: NetDevice | null): RouteResult | null;
  /** Sends an ICMP error about `about`, subject to the kernel's rules and rate limits. Models `icmp_send()`. */
  icmpSend(about: SkBuff, type: number, code: number, info: number): void;
  /** Routes a packet anew after a hook changed its addresses or mark. Models `ip_route_me_harder()`. 0 or -errno. */
  routeMeHarder(skb: SkBuff): number;
  /** The kind of an address: `RTN_*`. Models `inet_addr_type()` (with `dev`: `inet_dev_addr_type()`). */
  addressType(address: number, dev?: NetDevice): number;
  /** The primary address a device has for packets to `dst` (scope aware); 0 when it has none. Models `inet_select_addr()`. */
  selectAddress(dev: NetDevice, dst: number): number;
  /** Called for each address added or removed and each device going down (MASQUERADE forgets its entries). */
  onAddressChange(listener: (dev: NetDevice, address: number, added: boolean) => void): void;
  onDeviceDown(listener: (dev: NetDevice) => void): void;
}

export class IpStack {
  readonly net: NetNamespace;

  constructor(net: NetNamespace) {
    this.net = net;
  }
}
