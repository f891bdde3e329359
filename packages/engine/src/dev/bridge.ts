/**
 * A bridge: frames that arrive by one of its ports leave by the port where their destination was last seen, or by all
 * others; frames for the bridge itself go up to IP. What iptables and ip6tables see of them is in bridge-hooks.ts. Not
 * modelled: spanning tree, VLANs, multicast snooping, ebtables, ageing of addresses before 300 s are over.
 * Models net/bridge/br_input.c, br_forward.c, br_fdb.c and br_device.c.
 */
import { EINVAL, SystemError } from "../errno.js";
import { drop } from "../ip/input.js";
import type { NetNamespace } from "../netns.js";
import { NO_CT, PACKET_HOST, type SkBuff } from "../skb.js";
import type { InetAddress } from "../wire/address.js";
import { confirmFlooded, forwardAndPostRoute, preRouting, sendForwarded } from "./bridge-hooks.js";
import {
  type Bridge,
  IFF_BROADCAST,
  IFF_MULTICAST,
  NET_XMIT_CN,
  NET_XMIT_SUCCESS,
  NetDevice,
  type OperState,
} from "./device.js";
import { deterministicMac, VLAN_HEADER_LENGTH } from "./pair.js";

/** An address that was not heard of for so long is forgotten (`ageing_time`). */
const AGEING_MICROS = 300_000_000;

/** Where an address was last seen. Models `struct net_bridge_fdb_entry`. */
export interface FdbEntry {
  readonly mac: Uint8Array;
  port: NetDevice;
  updatedMicros: number;
}

/** An Ethernet address as a number, for maps: its 48 bits fit. */
function keyOf(mac: Uint8Array): number {
  return ((mac[0] << 16) | (mac[1] << 8) | mac[2]) * 0x1000000 + ((mac[3] << 16) | (mac[4] << 8) | mac[5]);
}

export class BridgeDevice extends NetDevice implements Bridge {
  override readonly kind: string = "bridge";
  override readonly qdisc: string = "noqueue";
  override kindFlags: number = IFF_BROADCAST | IFF_MULTICAST;
  override readonly peerMac: null = null;
  /** In the order in which they were added. */
  readonly ports: NetDevice[] = [];
  readonly #fdb = new Map<number, FdbEntry>();
  /** Frames that NAT leads on by this bridge, with who sent them. */
  readonly #redirected = new WeakMap<SkBuff, Uint8Array | null>();
  override readonly bridge: Bridge = this;
  /** Whether a person chose its address; else it is the least of its ports'. */
  addressChosen = false;
  /** The same of its MTU. */
  mtuChosen = false;

  /** Makes the device and adds it to its namespace, down. Throws EEXIST when the name is taken. */
  constructor(net: NetNamespace, name: string) {
    super(net, name, net.nextIfindex());
    this.mac = deterministicMac(net, this.ifindex);
    net.addDevice(this);
  }

  override get running(): boolean {
    return this.up && this.ports.some((port) => port.running);
  }

  override get operState(): OperState {
    return this.running ? "UP" : "DOWN";
  }

  // --- ports ------------------------------------------------------------------------------------------------------

  /** `ip link set PORT master BRIDGE`. Models `br_add_if()`. */
  addPort(port: NetDevice): void {
    if (port.mac === null || port.kind === "loopback") throw new SystemError(EINVAL);
    if (port instanceof BridgeDevice) throw new SystemError(EINVAL);
    if (port.master === this) return;
    port.master?.removePort(port);
    port.master = this;
    this.ports.push(port);
    this.#portsChanged();
  }

  /** Models `br_del_if()`. */
  removePort(port: NetDevice): void {
    port.master = null;
    this.ports.splice(this.ports.indexOf(port), 1);
    for (const [key, entry] of this.#fdb) if (entry.port === port) this.#fdb.delete(key);
    this.#portsChanged();
  }

  /** Models `br_mtu_auto_adjust()`. */
  adjustMtu(): void {
    if (!this.mtuChosen && this.ports.length > 0) this.mtu = Math.min(...this.ports.map((port) => port.mtu));
  }

  /** Where nobody chose them, its MTU and its address follow the ports'. Models `br_stp_recalculate_bridge_id()`. */
  #portsChanged(): void {
    this.net.ip.fib.invalidate();
    this.adjustMtu();
    if (this.addressChosen) return;
    let least: Uint8Array | null = null;
    for (const { mac } of this.ports) if (mac !== null && (least === null || keyOf(mac) < keyOf(least))) least = mac;
    this.mac = least ?? new Uint8Array(6);
  }

  /** What was learned and is not too old, in the order of learning. */
  fdb(): FdbEntry[] {
    const oldest = this.net.clock.nowMicros - AGEING_MICROS;
    return [...this.#fdb.values()].filter((entry) => entry.updatedMicros >= oldest);
  }

  /** Models `br_fdb_update()`. */
  #learn(mac: Uint8Array | null, port: NetDevice): void {
    if (mac === null || this.#isLocal(mac)) return;
    const key = keyOf(mac);
    const entry = this.#fdb.get(key);
    if (entry === undefined) this.#fdb.set(key, { mac, port, updatedMicros: this.net.clock.nowMicros });
    else {
      entry.port = port;
      entry.updatedMicros = this.net.clock.nowMicros;
    }
  }

  #isLocal(mac: Uint8Array): boolean {
    if (this.mac !== null && sameMac(mac, this.mac)) return true;
    for (let i = 0; i < this.ports.length; i++) if (sameMac(mac, this.ports[i].mac as Uint8Array)) return true;
    return false;
  }

  #portOf(mac: Uint8Array): NetDevice | null {
    const entry = this.#fdb.get(keyOf(mac));
    return entry === undefined || entry.updatedMicros < this.net.clock.nowMicros - AGEING_MICROS ? null : entry.port;
  }

  // --- who has an address -----------------------------------------------------------------------------------------

  override resolve(address: InetAddress, sender: InetAddress, from: Uint8Array | null = this.mac): Uint8Array | null {
    return this.#askPorts(null, address, sender, from);
  }

  askedBy(port: NetDevice, address: InetAddress, sender: InetAddress, from: Uint8Array | null): Uint8Array | null {
    if (!this.up) return null;
    this.#learn(from, port);
    return this.answerItself(address, sender, from) ?? this.#askPorts(port, address, sender, from);
  }

  #askPorts(
    but: NetDevice | null,
    address: InetAddress,
    sender: InetAddress,
    from: Uint8Array | null,
  ): Uint8Array | null {
    if (!this.up) return null;
    for (const port of this.ports) {
      const mac = port === but ? null : port.resolve(address, sender, from);
      if (mac === null) continue;
      this.#learn(mac, port);
      return mac;
    }
    return null;
  }

  // --- frames -----------------------------------------------------------------------------------------------------

  /** This host sends by the bridge, or NAT leads a frame on. Models `br_dev_xmit()`. */
  override transmit(skb: SkBuff): number {
    const source = skb.preRouted ? this.#redirected.get(skb) : undefined;
    if (source !== undefined && skb.physIn !== null) {
      this.#redirected.delete(skb);
      skb.linkSource = source;
      this.#handleFrame(skb, skb.physIn);
      return NET_XMIT_SUCCESS;
    }
    if (!this.running) {
      this.refuse(skb);
      return NET_XMIT_CN;
    }
    this.sent(skb);
    const port =
      skb.packetType === PACKET_HOST && skb.linkDestination !== null ? this.#portOf(skb.linkDestination) : null;
    if (port !== null) this.#send(skb, port);
    else this.#flood(skb, null, false);
    // What its ports say it does not say on.
    return NET_XMIT_SUCCESS;
  }

  /**
   * A frame that NAT gave another destination on this bridge goes on as from its sender, once `send` knows whose MAC
   * address that is. Models `br_nf_pre_routing_finish_bridge()`.
   */
  redirect(skb: SkBuff, send: () => void): void {
    this.#redirected.set(skb, skb.linkSource);
    send();
  }

  /** A frame arrives by a port. Models `br_handle_frame()`. */
  portReceive(skb: SkBuff, port: NetDevice): void {
    if (!this.up) {
      this.net.free(skb);
      return;
    }
    const { trace } = this.net;
    if (trace !== null) {
      trace.begin(skb);
      trace.enter("br_handle_frame", null, skb);
    }
    if (preRouting(this, skb, port)) this.#handleFrame(skb, port);
    if (trace !== null) {
      trace.leave();
      trace.end();
    }
  }

  /** Models `br_handle_frame_finish()`. */
  #handleFrame(skb: SkBuff, port: NetDevice): void {
    this.#learn(skb.linkSource, port);
    const to = skb.packetType === PACKET_HOST ? skb.linkDestination : null;
    if (to === null) {
      this.#flood(skb, port, true);
      return;
    }
    if (this.#isLocal(to)) {
      this.#passUp(skb);
      return;
    }
    const out = this.#portOf(to);
    if (out === null) this.#flood(skb, port, false);
    else if (out === port) drop(this.net.ip, skb, "its addressee is on the port that it came by");
    else this.#forward(skb, out);
  }

  /** To every port but one, and to this host where it is for everybody. Models `br_flood()`. */
  #flood(skb: SkBuff, but: NetDevice | null, up: boolean): void {
    // The port that was added last comes first.
    const ports = this.ports.filter((port) => port !== but && port.running).reverse();
    if (ports.length === 0 && !up) {
      drop(this.net.ip, skb, "no other port");
      return;
    }
    for (const [i, port] of ports.entries()) {
      const frame = up || i < ports.length - 1 ? this.#clone(skb) : skb;
      if (but === null) this.#send(frame, port);
      else this.#forward(frame, port);
    }
    if (up) this.#passUp(skb);
  }

  /** Models `skb_clone()`. */
  #clone(skb: SkBuff): SkBuff {
    const clone = skb.copy();
    if (clone.nfct !== NO_CT) this.net.ct.get(clone.nfct);
    return clone;
  }

  /** To this host's IP. Models `br_pass_frame_up()`. */
  #passUp(skb: SkBuff): void {
    const { trace } = this.net;
    if (trace !== null) trace.enter("br_pass_frame_up", null, skb);
    if (confirmFlooded(this, skb)) {
      skb.linkDestination = skb.packetType === PACKET_HOST ? this.mac : null;
      // IP begins anew with its notes on the packet.
      skb.largestFragment = 0;
      skb.largestHadDf = false;
      this.receive(skb);
    }
    if (trace !== null) trace.leave();
  }

  /** From port to port. Models `__br_forward()`. */
  #forward(skb: SkBuff, out: NetDevice): void {
    const { trace } = this.net;
    if (trace !== null) trace.enter("br_forward", null, skb);
    if (forwardAndPostRoute(this, skb, out)) sendForwarded(this, skb, out, this.#send);
    if (trace !== null) trace.leave();
  }

  /** Models `br_dev_queue_push_xmit()` with `is_skb_forwardable()`. */
  readonly #send = (skb: SkBuff, port: NetDevice): void => {
    const { trace } = this.net;
    if (skb.len > port.mtu + VLAN_HEADER_LENGTH) {
      drop(this.net.ip, skb, "larger than the port's MTU");
      return;
    }
    if (trace !== null) {
      trace.note({ kind: "transmit", device: port.name });
      trace.done(skb, port.name);
    }
    port.transmit(skb);
  };
}

function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  for (let i = 0; i < 6; i++) if (a[i] !== b[i]) return false;
  return true;
}
