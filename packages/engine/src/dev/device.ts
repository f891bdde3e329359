/**
 * A network device as the IP layer sees it: a name, an MTU, addresses elsewhere, and a way to transmit. What carries
 * the packet (a veth pair, the loopback, a person's buffer) is the subclass's business. Links carry no ARP packets in
 * this engine: a device asks the link directly who owns an address ({@link NetDevice.resolve}), so captures show none.
 * Models `struct net_device`, include/linux/netdevice.h.
 */
import { ENOBUFS } from "../errno.js";
import type { InDevice } from "../ip/indevice.js";
import type { InDevice6 } from "../ip6/indevice.js";
import type { NetNamespace } from "../netns.js";
import { PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, type SkBuff } from "../skb.js";
import { type InetAddress, isAnyAddress } from "../wire/address.js";
import { put16 } from "../wire/bytes.js";
import { ETH_P_IP, ETH_P_IPV6 } from "../wire/ethernet.js";

/** Interface counters, as `ip -s link` shows them. */
export interface DeviceStats {
  rxPackets: number;
  rxBytes: number;
  rxDropped: number;
  txPackets: number;
  txBytes: number;
  txDropped: number;
}

/**
 * Sees every packet that a device sends or receives, before anything changes it. The bytes are borrowed: copy to keep.
 */
export type DeviceTap = (direction: "in" | "out", skb: SkBuff, device: NetDevice) => void;

export const IFF_UP: number = 1 << 0;
export const IFF_BROADCAST: number = 1 << 1;
export const IFF_LOOPBACK: number = 1 << 3;
export const IFF_POINTOPOINT: number = 1 << 4;
export const IFF_RUNNING: number = 1 << 6;
export const IFF_NOARP: number = 1 << 7;
export const IFF_MULTICAST: number = 1 << 12;
export const IFF_LOWER_UP: number = 1 << 16;

/** What became of a packet that a device was given to send: it has it, */
export const NET_XMIT_SUCCESS = 0;
/** the other end does not take it, */
export const NET_XMIT_DROP = 1;
/** or without a carrier it has no queue. */
export const NET_XMIT_CN = 2;

/** What a socket is told of a device's answer, or of a negative errno, which stays. Models `net_xmit_errno()`. */
export function netXmitErrno(answer: number): number {
  if (answer <= 0) return answer;
  return answer === NET_XMIT_CN ? 0 : -ENOBUFS;
}

/** Operational state as `ip link` prints it (RFC 2863). */
export type OperState = "UNKNOWN" | "DOWN" | "LOWERLAYERDOWN" | "UP";

/** What a port needs of its bridge. */
export interface Bridge {
  readonly name: string;
  /** A frame came by a port. */
  portReceive(skb: SkBuff, port: NetDevice): void;
  /** Somebody behind a port asks who has an address. */
  askedBy(port: NetDevice, address: InetAddress, sender: InetAddress, from: Uint8Array | null): Uint8Array | null;
  /** Throws {@link SystemError} for a device that cannot be one of its ports. */
  addPort(port: NetDevice): void;
  /** Lets a port go. */
  removePort(port: NetDevice): void;
  /** Somebody gave it its MAC address; else it takes its ports'. */
  addressChosen: boolean;
  /** Somebody gave it its MTU; else it is the least of its ports'. */
  mtuChosen: boolean;
  /** A port's MTU is another now. */
  adjustMtu(): void;
}

const ETHERNET_BROADCAST: Uint8Array = new Uint8Array([255, 255, 255, 255, 255, 255]);

/**
 * A network device of a namespace: its name, its state, its addresses of the link, and where packets go that it is
 * given. Models `struct net_device`.
 */
export abstract class NetDevice {
  readonly net: NetNamespace;
  readonly name: string;
  /** Unique in the namespace, from 1 (the loopback). */
  readonly ifindex: number;
  /** Greatest packet in bytes, IP header included. */
  mtu = 1500;
  /** Administratively up (`ip link set dev X up`). Change it with `net.ip.setUp()` and `setDown()`. */
  up = false;
  /** Whether it was ever {@link up}. */
  everUp = false;
  /** Six bytes of MAC address, or null for a device without link layer (point-to-point, TUN). */
  mac: Uint8Array | null = null;
  /** Length of the transmit queue in packets, `qlen`. */
  txQueueLength = 1000;
  /** Which devices it is treated alike with, `ip link set group`. */
  group = 0;
  readonly stats: DeviceStats = { rxPackets: 0, rxBytes: 0, rxDropped: 0, txPackets: 0, txBytes: 0, txDropped: 0 };
  /** Null while nobody captures: one comparison is all that costs then. Change it with {@link addTap}. */
  taps: DeviceTap[] | null = null;
  /** The bridge whose port it is. */
  master: Bridge | null = null;
  /** The IP layer's part of the device; set when the device is added to its namespace. Models `dev->ip_ptr`. */
  ipv4: InDevice | null = null;
  /** The same of IPv6. Models `dev->ip6_ptr`. */
  ipv6: InDevice6 | null = null;

  constructor(net: NetNamespace, name: string, ifindex: number) {
    this.net = net;
    this.name = name;
    this.ifindex = ifindex;
  }

  /** `loopback`, `veth`, `ptp`, ... */
  abstract readonly kind: string;
  /** Itself, where it is a bridge. */
  readonly bridge: Bridge | null = null;

  /** The queueing discipline that `ip link` prints. */
  abstract readonly qdisc: string;

  /** Whether the carrier is there: the other end exists and is up. */
  abstract readonly running: boolean;

  /** `IFF_*` flags that the kind of device has, besides UP, RUNNING and LOWER_UP; IFF_MULTICAST can be taken away. */
  abstract kindFlags: number;

  /**
   * Takes a packet that the IP layer sends, and says `NET_XMIT_*`. The device owns it from here. Models
   * `dev_queue_xmit()`.
   */
  abstract transmit(skb: SkBuff): number;

  /**
   * Asks the link who owns an address: the MAC address that a request (ARP, neighbour solicitation) would have brought,
   * or null for silence. `sender` is the asking host's address ("any": none), which the owner learns. Not asked of
   * devices with {@link IFF_NOARP} (or of the loopback). `from` is the asker's MAC address, this device's unless a
   * bridge asks on.
   */
  abstract resolve(address: InetAddress, sender: InetAddress, from?: Uint8Array | null): Uint8Array | null;

  /**
   * Somebody on the link asks who has an address: the MAC address of the answer, or null for silence. The asker, whose
   * addresses these are, is learned. Models `arp_process()` of a request.
   */
  answer(address: InetAddress, sender: InetAddress, from: Uint8Array | null): Uint8Array | null {
    if (this.master !== null) return this.master.askedBy(this, address, sender, from);
    return this.answerItself(address, sender, from);
  }

  /** {@link answer} for this host's own addresses. */
  protected answerItself(address: InetAddress, sender: InetAddress, from: Uint8Array | null): Uint8Array | null {
    const { ip, ip6 } = this.net;
    if (!(typeof address === "number" ? ip.answersFor(this, address) : ip6.answersFor(this, address))) return null;
    if (!isAnyAddress(sender) && from !== null) {
      if (typeof sender === "number") ip.neighbourTable.learn(this, sender, from);
      else ip6.neighbourTable.learn(this, sender, from);
    }
    return this.mac;
  }

  /** The MAC address at the other end of the link; null without one. */
  abstract readonly peerMac: Uint8Array | null;

  /** The device at the other end of the link, whose carrier this one's state is; null without one. */
  get other(): NetDevice | null {
    return null;
  }

  /** The flags, as `ip link` shows them between angle brackets. */
  get flags(): number {
    let flags = this.kindFlags;
    if (this.up) {
      flags |= IFF_UP;
      if (this.running) flags |= IFF_RUNNING | IFF_LOWER_UP;
    }
    return flags;
  }

  /** Whether next hops must be found by asking the link. */
  get needsNeighbour(): boolean {
    return (this.kindFlags & (IFF_NOARP | IFF_LOOPBACK)) === 0;
  }

  /** `UP`, `DOWN`, ... as `ip link` shows it (`operstate`). */
  get operState(): OperState {
    if (!this.up) return "DOWN";
    return this.running ? "UP" : "LOWERLAYERDOWN";
  }

  /** Calls `tap` for each packet until the returned function is called. */
  addTap(tap: DeviceTap): () => void {
    this.taps = [...(this.taps ?? []), tap];
    return () => {
      const rest = (this.taps ?? []).filter((entry) => entry !== tap);
      this.taps = rest.length > 0 ? rest : null;
    };
  }

  /** Hands a packet that came over the link to the IP layer. Models `netif_receive_skb()`. */
  protected receive(skb: SkBuff): void {
    if (!this.up) {
      this.stats.rxDropped++;
      this.net.free(skb);
      return;
    }
    this.stats.rxPackets++;
    this.stats.rxBytes += skb.len;
    skb.iif = this;
    skb.dev = this;
    skb.tstampMicros = this.net.clock.nowMicros;
    if (this.taps !== null) this.#tap("in", skb, this.taps);
    if (this.master !== null) this.master.portReceive(skb, this);
    else if (skb.linkDestination !== null && skb.linkDestination !== this.mac && this.#otherHost(skb))
      this.net.free(skb);
    else if (skb.data[0] >> 4 === 6) this.net.ip6.receive(skb, this);
    else this.net.ip.receive(skb, this);
  }

  /** Counts and shows a packet that is about to leave. */
  protected sent(skb: SkBuff): void {
    this.stats.txPackets++;
    this.stats.txBytes += skb.len;
    if (this.taps !== null) this.#tap("out", skb, this.taps);
  }

  /** Whether a frame is for somebody else on the link (`PACKET_OTHERHOST`). */
  #otherHost({ packetType, linkDestination }: SkBuff): boolean {
    const { mac } = this;
    if (packetType !== PACKET_HOST || mac === null || linkDestination === null) return false;
    for (let i = 0; i < 6; i++) if (mac[i] !== linkDestination[i]) return true;
    return false;
  }

  #tap(direction: "in" | "out", skb: SkBuff, taps: readonly DeviceTap[]): void {
    for (const tap of taps) tap(direction, skb, this);
  }

  /** Counts and gives up a packet that cannot leave. */
  protected refuse(skb: SkBuff): void {
    this.stats.txDropped++;
    this.net.free(skb);
  }
}

/** The MAC address that a frame was sent to. `other` is the unicast one: the receiver's. */
export function linkDestination(skb: SkBuff, other: Uint8Array): Uint8Array {
  if (skb.packetType === PACKET_BROADCAST) return ETHERNET_BROADCAST;
  if (skb.packetType === PACKET_MULTICAST) {
    const data = skb.data;
    // RFC 2464, 7: the group's low 32 bits.
    if (data[0] >> 4 === 6) return new Uint8Array([0x33, 0x33, data[36], data[37], data[38], data[39]]);
    // RFC 1112, 6.4: the group's low 23 bits.
    return new Uint8Array([0x01, 0x00, 0x5e, data[17] & 0x7f, data[18], data[19]]);
  }
  return other;
}

/** The MAC address of who sent the frame that a packet came in by a device; null where nobody knows it. */
export function linkSender({ linkSource }: SkBuff, { peerMac }: NetDevice): Uint8Array | null {
  return linkSource ?? peerMac;
}

/** Addresses of the frame that a packet came in by a device; null where it has none. */
export function packetMacs(
  skb: SkBuff,
  device: NetDevice,
): { readonly source: Uint8Array; readonly destination: Uint8Array } | null {
  if (device.mac === null) return null;
  return {
    source: linkSender(skb, device) ?? new Uint8Array(6),
    destination: linkDestination(skb, skb.linkDestination ?? device.mac),
  };
}

/**
 * The Ethernet header (14 bytes) that a captured packet has on its link; null on a device without link layer. On the
 * loopback the addresses are zero, as Linux shows them.
 */
export function ethernetHeader(direction: "in" | "out", skb: SkBuff, dev: NetDevice): Uint8Array | null {
  const own = dev.mac;
  // What a bridge carries keeps its addresses; else they are those of the two ends.
  const to = skb.linkDestination ?? (direction === "out" ? dev.peerMac : own);
  const from = skb.linkSource ?? (direction === "out" ? own : dev.peerMac);
  if (own === null || to === null || from === null) return null;
  const header = new Uint8Array(14);
  header.set(linkDestination(skb, to), 0);
  header.set(from, 6);
  put16(header, 12, skb.data[0] >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);
  return header;
}
