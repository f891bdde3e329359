/**
 * A bridge: frames that arrive by one of its ports leave by the port where their destination was last seen, or by all
 * others; frames for the bridge itself go up to IP. While `net.bridge.bridge-nf-call-iptables` is 1, iptables sees IPv4
 * frames on their way through: PREROUTING as they arrive, FORWARD and POSTROUTING as they cross, with the bridge as
 * device. Not modelled: spanning tree, VLANs, multicast snooping, ebtables, ageing of addresses before 300 s are over;
 * ip6tables does not see bridged frames, and what conntrack put together crosses in one piece.
 * Models net/bridge/br_input.c, br_forward.c, br_fdb.c, br_device.c and br_netfilter_hooks.c.
 */
import { EINVAL, SystemError } from "../errno.js";
import {
  NF_ACCEPT,
  NF_INET_FORWARD,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NF_STOLEN,
  type Verdict,
} from "../hooks.js";
import { drop } from "../ip/input.js";
import { DST_FORWARD } from "../ip/route.js";
import type { NetNamespace } from "../netns.js";
import { NO_CT, PACKET_HOST, type SkBuff } from "../skb.js";
import type { InetAddress } from "../wire/address.js";
import { getInt32 } from "../wire/bytes.js";
import { checkIPv4, IPV4_DST, ipv4HeaderLength, ipv4TotalLength } from "../wire/ipv4.js";
import { type Bridge, IFF_BROADCAST, IFF_MULTICAST, NetDevice, type OperState } from "./device.js";
import { deterministicMac } from "./pair.js";

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
  override readonly kindFlags: number = IFF_BROADCAST | IFF_MULTICAST;
  override readonly peerMac: null = null;
  /** In the order in which they were added. */
  readonly ports: NetDevice[] = [];
  readonly #fdb = new Map<number, FdbEntry>();
  override readonly bridge: Bridge = this;
  /** Whether a person chose its address; else it is the least of its ports'. */
  addressChosen = false;

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

  /** Its MTU and, where nobody chose one, its address follow the ports'. Models `br_stp_recalculate_bridge_id()`. */
  #portsChanged(): void {
    this.net.ip.fib.invalidate();
    if (this.ports.length > 0) this.mtu = Math.min(...this.ports.map((port) => port.mtu));
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

  /** This host sends by the bridge. Models `br_dev_xmit()`. */
  override transmit(skb: SkBuff): void {
    if (!this.running) {
      this.refuse(skb);
      return;
    }
    this.sent(skb);
    const port =
      skb.packetType === PACKET_HOST && skb.linkDestination !== null ? this.#portOf(skb.linkDestination) : null;
    if (port !== null) this.#send(skb, port);
    else this.#flood(skb, null, false);
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
    if (!this.net.bridgeNetfilter.callIptables || skb.data[0] >> 4 !== 4 || this.#preRouting(skb, port))
      this.#handleFrame(skb, port);
    if (trace !== null) {
      trace.leave();
      trace.end();
    }
  }

  /** IP's PREROUTING on a frame. False: the packet went no further. Models `br_nf_pre_routing()` and its finish. */
  #preRouting(skb: SkBuff, port: NetDevice): boolean {
    const { net } = this;
    const { trace } = net;
    if (checkIPv4(skb.data, 0, skb.len) !== "ok") {
      drop(net.ip, skb, "bad IPv4 header on a bridge");
      return false;
    }
    skb.len = ipv4TotalLength(skb.data, 0);
    skb.transportOffset = ipv4HeaderLength(skb.data, 0);
    skb.physIn = port;
    skb.dev = this;
    if (trace !== null) trace.enter("br_nf_pre_routing", null, skb);
    const before = getInt32(skb.data, IPV4_DST);
    const passes = this.#run(skb, NF_INET_PRE_ROUTING, this, null, "dropped in PREROUTING");
    skb.preRouted = true;
    const goesOn = passes && (getInt32(skb.data, IPV4_DST) === before || this.#redirect(skb));
    if (trace !== null) trace.leave();
    return goesOn;
  }

  /**
   * Where a frame goes whose destination NAT changed: on to its new owner by the bridge, or up to be routed. Models
   * `br_nf_pre_routing_finish()`.
   */
  #redirect(skb: SkBuff): boolean {
    const { ip } = this.net;
    const rt = ip.routing.input(skb, this);
    if (rt === null) {
      drop(ip, skb, "martian");
      return false;
    }
    skb.packetType = PACKET_HOST;
    if (rt.input === DST_FORWARD && rt.dev === this) {
      const next = rt.gateway === 0 ? getInt32(skb.data, IPV4_DST) >>> 0 : rt.gateway;
      const mac = this.resolve(next, ip.selectAddress(this, next));
      if (mac !== null) {
        skb.linkDestination = mac;
        return true;
      }
    }
    skb.linkDestination = this.mac;
    return true;
  }

  #run(skb: SkBuff, hook: 0 | 2 | 4, indev: NetDevice | null, outdev: NetDevice | null, reason: string): boolean {
    const verdict: Verdict = this.net.hooks.run(hook, skb, indev, outdev);
    if (verdict === NF_ACCEPT) return true;
    if ((verdict & 0xff) !== NF_STOLEN) drop(this.net.ip, skb, reason);
    return false;
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
    const forward = but !== null;
    const ports = this.ports.filter((port) => port !== but && port.running);
    const copies = ports.length + (up ? 1 : 0);
    if (copies === 0) {
      drop(this.net.ip, skb, "no other port");
      return;
    }
    const frames = [skb];
    while (frames.length < copies) {
      const copy = skb.copy();
      if (copy.nfct !== NO_CT) this.net.ct.get(copy.nfct);
      frames.push(copy);
    }
    for (const [i, port] of ports.entries())
      if (forward) this.#forward(frames[i], port);
      else this.#send(frames[i], port);
    if (up) this.#passUp(frames[copies - 1]);
  }

  /** To this host's IP. Models `br_pass_frame_up()`. */
  #passUp(skb: SkBuff): void {
    const { trace } = this.net;
    if (trace !== null) trace.enter("br_pass_frame_up", null, skb);
    skb.linkDestination = skb.packetType === PACKET_HOST ? this.mac : null;
    this.receive(skb);
    if (trace !== null) trace.leave();
  }

  /** From port to port. Models `__br_forward()` with `br_nf_forward()` and `br_nf_post_routing()`. */
  #forward(skb: SkBuff, out: NetDevice): void {
    const { trace } = this.net;
    if (trace !== null) trace.enter("br_forward", null, skb);
    if (this.#filterForwarded(skb, out)) this.#send(skb, out);
    if (trace !== null) trace.leave();
  }

  #filterForwarded(skb: SkBuff, out: NetDevice): boolean {
    if (!skb.preRouted) return true;
    const { trace } = this.net;
    skb.physOut = out;
    if (trace !== null) trace.enter("br_nf_forward", null, skb);
    const forwarded = this.#run(skb, NF_INET_FORWARD, this, this, "dropped in FORWARD");
    if (trace !== null) trace.leave();
    if (!forwarded) return false;
    if (trace !== null) trace.enter("br_nf_post_routing", null, skb);
    const passes = this.#run(skb, NF_INET_POST_ROUTING, null, this, "dropped in POSTROUTING");
    if (trace !== null) trace.leave();
    return passes;
  }

  /** Models `br_dev_queue_push_xmit()`. */
  #send(skb: SkBuff, port: NetDevice): void {
    const { trace } = this.net;
    if (trace !== null) {
      trace.note({ kind: "transmit", device: port.name });
      trace.done(skb, port.name);
    }
    port.transmit(skb);
  }
}

function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  for (let i = 0; i < 6; i++) if (a[i] !== b[i]) return false;
  return true;
}
