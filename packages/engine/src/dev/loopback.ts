/**
 * The loopback: what is sent comes back in the same instant of virtual time, after what is under way now. The packet
 * keeps its route, mark and conntrack entry, so its second pass routes and tracks nothing anew.
 * Models drivers/net/loopback.c.
 */
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { IFF_LOOPBACK, NET_XMIT_CN, NET_XMIT_SUCCESS, NetDevice, type OperState } from "./device.js";
import { DelayQueue } from "./queue.js";

const NO_MAC: Uint8Array = new Uint8Array(6);

/** The device `lo`: what is sent by it is received by it, a moment later. */
export class LoopbackDevice extends NetDevice {
  override readonly kind: string = "loopback";
  override readonly qdisc: string = "noqueue";
  override kindFlags: number = IFF_LOOPBACK;
  override readonly peerMac: Uint8Array = NO_MAC;
  readonly #queue: DelayQueue;

  constructor(net: NetNamespace) {
    super(net, "lo", net.nextIfindex());
    this.mtu = 65536;
    this.mac = NO_MAC;
    this.#queue = new DelayQueue(net.clock, (skb) => this.receive(skb));
  }

  override get running(): boolean {
    return this.up;
  }

  override get operState(): OperState {
    return this.up ? "UNKNOWN" : "DOWN";
  }

  override transmit(skb: SkBuff): number {
    if (!this.up) {
      this.refuse(skb);
      return NET_XMIT_CN;
    }
    this.sent(skb);
    // Models skb_orphan(): what comes in is nobody's.
    skb.uid = -1;
    this.#queue.push(skb, 0);
    return NET_XMIT_SUCCESS;
  }

  override resolve(): Uint8Array {
    return NO_MAC;
  }
}
