/**
 * A network device as the IP layer sees it: a name, an MTU, addresses elsewhere, and a way to transmit. What carries
 * the packet (a veth pair, the loopback, a person's buffer) is the subclass's business.
 * Models `struct net_device`, include/linux/netdevice.h.
 */
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";

/** Interface counters, as `ip -s link` shows them. */
export interface DeviceStats {
  rxPackets: number;
  rxBytes: number;
  rxDropped: number;
  txPackets: number;
  txBytes: number;
  txDropped: number;
}

/** Sees every packet that a device sends or receives, before anything changes it. The bytes are borrowed: copy to keep. */
export type DeviceTap = (direction: "in" | "out", skb: SkBuff, device: NetDevice) => void;

export abstract class NetDevice {
  readonly net: NetNamespace;
  readonly name: string;
  /** Unique in the namespace, from 1 (the loopback). */
  readonly ifindex: number;
  /** Greatest packet in bytes, IP header included. */
  mtu = 1500;
  /** Administratively up (`ip link set dev X up`). */
  up = false;
  /** Six bytes of MAC address, or null for a device without link layer (point-to-point, TUN). */
  mac: Uint8Array | null = null;
  readonly stats: DeviceStats = { rxPackets: 0, rxBytes: 0, rxDropped: 0, txPackets: 0, txBytes: 0, txDropped: 0 };
  /** Null while nobody captures: one comparison is all that costs then. */
  taps: DeviceTap[] | null = null;

  constructor(net: NetNamespace, name: string, ifindex: number) {
    this.net = net;
    this.name = name;
    this.ifindex = ifindex;
  }

  /** `loopback`, `veth`, `ptp`, ... */
  abstract readonly kind: string;

  /** Whether the carrier is there: the other end exists and is up. */
  abstract readonly running: boolean;

  /** Takes a packet that the IP layer sends. The device owns it from here. Models `dev_queue_xmit()`. */
  abstract transmit(skb: SkBuff): void;
}
