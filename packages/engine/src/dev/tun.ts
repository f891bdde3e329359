/**
 * A device whose other end is a program: packets are injected as bytes and taken as bytes, beginning at the IP header,
 * without link layer. Models drivers/net/tun.c in IFF_TUN mode.
 */
import type { NetNamespace } from "../netns.js";
import { SkBuff } from "../skb.js";
import {
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_POINTOPOINT,
  NET_XMIT_CN,
  NET_XMIT_SUCCESS,
  NetDevice,
  type OperState,
} from "./device.js";

/** A point-to-point device whose other side is the caller: packets begin at the IP header. */
export class TunDevice extends NetDevice {
  override readonly kind: string = "tun";
  override readonly qdisc: string = "fq_codel";
  override kindFlags: number = IFF_POINTOPOINT | IFF_MULTICAST | IFF_NOARP;
  override readonly peerMac: null = null;
  /** Takes what the host sends. The bytes are borrowed: copy to keep. */
  onTransmit: (bytes: Uint8Array) => void = () => {};

  /** Makes the device and adds it to its namespace, down. Throws EEXIST when the name is taken. */
  constructor(net: NetNamespace, name: string) {
    super(net, name, net.nextIfindex());
    this.txQueueLength = 500;
    net.addDevice(this);
  }

  override get running(): boolean {
    return this.up;
  }

  override get operState(): OperState {
    return this.up ? "UNKNOWN" : "DOWN";
  }

  /** A packet arrives; it is handled before this returns. The bytes are the stack's from here. */
  inject(bytes: Uint8Array): void {
    this.receive(new SkBuff(bytes));
  }

  /** {@link inject} for a packet object of one's own: nothing is allocated. The caller has reset it with `scrub()`. */
  injectSkb(skb: SkBuff): void {
    this.receive(skb);
  }

  override transmit(skb: SkBuff): number {
    if (!this.up) {
      this.refuse(skb);
      return NET_XMIT_CN;
    }
    this.sent(skb);
    this.net.resetConntrack(skb);
    this.onTransmit(skb.bytes());
    return NET_XMIT_SUCCESS;
  }

  override resolve(): null {
    return null;
  }
}
