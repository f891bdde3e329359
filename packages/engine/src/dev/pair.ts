/**
 * Two devices joined by a cable: a veth pair (Ethernet, with MAC addresses) or a point-to-point pair (packets without
 * link layer). Each direction has its own latency and loss; packets of one direction never overtake one another.
 * Models drivers/net/veth.c; latency and loss are what netem would add.
 */
import type { NetNamespace } from "../netns.js";
import { type RandomSource, SeededRandom } from "../random.js";
import type { SkBuff } from "../skb.js";
import type { InetAddress } from "../wire/address.js";
import {
  IFF_BROADCAST,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_POINTOPOINT,
  NET_XMIT_CN,
  NET_XMIT_DROP,
  NET_XMIT_SUCCESS,
  NetDevice,
  type OperState,
} from "./device.js";
import { DelayQueue } from "./queue.js";

/** An Ethernet device takes that much more than its MTU: a frame may have a VLAN tag. */
export const VLAN_HEADER_LENGTH = 4;

/** What the cable does to packets of one direction. */
export interface LinkOptions {
  /** Time under way, in microseconds; default 50. */
  latencyMicros?: number;
  /** Probability in 0..1 that a packet is lost; default 0. */
  loss?: number;
}

/** One end of a pair. The options are those of packets that this end sends. */
export abstract class PairDevice extends NetDevice {
  override readonly qdisc: string = "noqueue";
  /** The other end; null once it was removed. */
  peer: PairDevice | null = null;
  /** Time a packet sent here is under way, in microseconds. */
  latencyMicros = 50;
  /** Probability that a packet sent here is lost. */
  loss = 0;
  /** Decides which packets are lost. */
  random: RandomSource;
  readonly #underWay: DelayQueue;

  constructor(net: NetNamespace, name: string, ifindex: number, random: RandomSource) {
    super(net, name, ifindex);
    this.random = random;
    this.#underWay = new DelayQueue(net.clock, (skb) => {
      if (this.peer !== null) this.peer.receive(skb);
    });
  }

  override get other(): NetDevice | null {
    return this.peer;
  }

  override get running(): boolean {
    return this.up && this.peer?.up === true;
  }

  override get operState(): OperState {
    if (this.up) return this.running ? "UP" : "LOWERLAYERDOWN";
    return "DOWN";
  }

  override get peerMac(): Uint8Array | null {
    return this.peer?.mac ?? null;
  }

  override transmit(skb: SkBuff): number {
    const { running } = this;
    if (!running || (this.peer !== null && !this.peer.takes(skb.len))) {
      this.refuse(skb);
      return running ? NET_XMIT_DROP : NET_XMIT_CN;
    }
    this.sent(skb);
    this.net.resetConntrack(skb);
    const packetType = skb.packetType;
    skb.scrub();
    skb.packetType = packetType;
    if (this.loss === 0 || this.random.u32() >= this.loss * 0x1_0000_0000) this.#underWay.push(skb, this.latencyMicros);
    return NET_XMIT_SUCCESS;
  }

  /** Whether this end takes a packet of so many bytes that the other end sends. */
  takes(_length: number): boolean {
    return true;
  }

  override resolve(address: InetAddress, sender: InetAddress, from: Uint8Array | null = this.mac): Uint8Array | null {
    return this.running && this.peer !== null ? this.peer.answer(address, sender, from) : null;
  }
}

/** One end of a veth pair. */
export class VethDevice extends PairDevice {
  override readonly kind: string = "veth";
  override kindFlags: number = IFF_BROADCAST | IFF_MULTICAST;

  /** Models `is_skb_forwardable()`, which `veth_xmit()` asks of the other end. */
  override takes(length: number): boolean {
    return length <= this.mtu + VLAN_HEADER_LENGTH;
  }
}

/** One end of a point-to-point pair: no link layer, no neighbours. */
export class PointToPointDevice extends PairDevice {
  override readonly kind: string = "ptp";
  override kindFlags: number = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
}

/** The locally administered MAC address of a device: the host's name hashed, then the interface's number. */
export function deterministicMac(net: Pick<NetNamespace, "name">, ifindex: number): Uint8Array {
  let hash = 0x811c9dc5;
  for (let i = 0; i < net.name.length; i++) hash = Math.imul(hash ^ net.name.charCodeAt(i), 0x01000193);
  return new Uint8Array([0x02, (hash >>> 24) & 0xff, (hash >>> 16) & 0xff, (hash >>> 8) & 0xff, hash & 0xff, ifindex]);
}

/** One end of a pair to be made. */
export interface PairEnd extends LinkOptions {
  readonly net: NetNamespace;
  readonly name: string;
  /** Default: {@link deterministicMac}. */
  readonly mac?: Uint8Array;
}

function join(a: PairDevice, b: PairDevice, ends: readonly [PairEnd, PairEnd]): void {
  a.peer = b;
  b.peer = a;
  for (const [dev, end] of [
    [a, ends[0]],
    [b, ends[1]],
  ] as const) {
    dev.latencyMicros = end.latencyMicros ?? 50;
    dev.loss = end.loss ?? 0;
  }
  a.net.addDevice(a);
  b.net.addDevice(b);
}

/**
 * Makes a veth pair, both ends down. Loss is drawn from `random`, a generator of its own, so that losses change no
 * other choice. Throws EEXIST when a name is taken.
 */
export function createVethPair(
  a: PairEnd,
  b: PairEnd,
  random: RandomSource = new SeededRandom(1),
): readonly [VethDevice, VethDevice] {
  const first = new VethDevice(a.net, a.name, a.net.nextIfindex(), random);
  const second = new VethDevice(b.net, b.name, b.net.nextIfindex(), random);
  first.mac = a.mac ?? deterministicMac(a.net, first.ifindex);
  second.mac = b.mac ?? deterministicMac(b.net, second.ifindex);
  join(first, second, [a, b]);
  return [first, second];
}

/** Makes a point-to-point pair, both ends down. */
export function createPointToPointPair(
  a: PairEnd,
  b: PairEnd,
  random: RandomSource = new SeededRandom(1),
): readonly [PointToPointDevice, PointToPointDevice] {
  const first = new PointToPointDevice(a.net, a.name, a.net.nextIfindex(), random);
  const second = new PointToPointDevice(b.net, b.name, b.net.nextIfindex(), random);
  join(first, second, [a, b]);
  return [first, second];
}
