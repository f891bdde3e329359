/**
 * A router reduced to its hooks: packets go in at one of two devices, pass PREROUTING, FORWARD and POSTROUTING (or end
 * at INPUT when they are for the router itself), and come out as bytes. Routing is "the other device". What conntrack
 * and NAT do can so be tested without the rest of the engine; the recordings of real gateways are compared elsewhere.
 */
import { HZ, VirtualClock } from "../../packages/engine/src/clock.js";
import { Conntrack, type ConntrackEvent } from "../../packages/engine/src/conntrack/conntrack.js";
import type { NetDevice } from "../../packages/engine/src/dev/device.js";
import {
  Hooks,
  NF_ACCEPT,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NFPROTO_IPV4,
} from "../../packages/engine/src/hooks.js";
import type { InterfaceAddress } from "../../packages/engine/src/ip/rtnetlink.js";
import {
  Nat,
  type NatRange,
  NF_NAT_MANIP_DST,
  NF_NAT_MANIP_SRC,
  NF_NAT_RANGE_MAP_IPS,
  NF_NAT_RANGE_PROTO_SPECIFIED,
} from "../../packages/engine/src/nat/nat.js";
import type { NetNamespace } from "../../packages/engine/src/netns.js";
import { type RandomSource, SeededRandom } from "../../packages/engine/src/random.js";
import { IP_CT_UNTRACKED, NO_CT, SkBuff } from "../../packages/engine/src/skb.js";
import { SysctlTable } from "../../packages/engine/src/sysctl.js";
import { PacketTracer, type TraceListener, type TupleText } from "../../packages/engine/src/trace.js";
import { parseIPv4 } from "../../packages/engine/src/wire/address.js";
import { get32 } from "../../packages/engine/src/wire/bytes.js";

/** A device's part that conntrack and NAT see. */
interface FakeDevice {
  readonly name: string;
  readonly ifindex: number;
}

/** What became of a packet. */
export interface Passage {
  /** The bytes that left, or null when it was dropped or ended here. */
  readonly out: Uint8Array | null;
  /** The bytes that reached INPUT's end, or null. */
  readonly local: Uint8Array | null;
  /** How conntrack saw it: `NEW`, ..., `INVALID` or `UNTRACKED`. */
  readonly seenAs: string;
  readonly events: readonly string[];
}

const SEEN_AS = ["ESTABLISHED", "RELATED", "NEW", "ESTABLISHED REPLY", "RELATED REPLY"];

/** A range that maps to addresses, and optionally ports. */
export function range(min: string, max: string = min, ports?: readonly [number, number], flags = 0): NatRange {
  return {
    flags: flags | NF_NAT_RANGE_MAP_IPS | (ports === undefined ? 0 : NF_NAT_RANGE_PROTO_SPECIFIED),
    minAddr: parseIPv4(min),
    maxAddr: parseIPv4(max),
    minPort: ports?.[0] ?? 0,
    maxPort: ports?.[1] ?? 0,
    basePort: 0,
  };
}

/** A tuple as `conntrack` prints it. */
export function tupleLine(tuple: TupleText): string {
  const ends = `src=${tuple.src} dst=${tuple.dst}`;
  if (tuple.sport !== undefined) return `${ends} sport=${tuple.sport} dport=${tuple.dport}`;
  if (tuple.type !== undefined) return `${ends} type=${tuple.type} code=${tuple.code} id=${tuple.id}`;
  return ends;
}

/** An event in one line, much as `conntrack -E` prints it. */
export function eventLine(event: ConntrackEvent): string {
  const { entry, carries } = event;
  const parts = [`[${event.type}]`, entry.tuple[0].protocol];
  if (carries.timeout) parts.push(String(entry.timeoutSeconds));
  if (carries.tcpState && entry.tcpState !== null) parts.push(entry.tcpState);
  parts.push(tupleLine(entry.tuple[0]));
  if ((entry.status & 2) === 0) parts.push("[UNREPLIED]");
  parts.push(tupleLine(entry.tuple[1]));
  if (entry.status & 4) parts.push("[ASSURED]");
  return parts.join(" ");
}

export class Gateway {
  readonly clock: VirtualClock = new VirtualClock();
  readonly net: NetNamespace;
  readonly ct: Conntrack;
  readonly nat: Nat;
  readonly log: string[] = [];
  readonly lan: FakeDevice = { name: "lan0", ifindex: 2 };
  readonly wan: FakeDevice = { name: "wan0", ifindex: 3 };
  /** Addresses of the router itself. */
  readonly own: Set<number> = new Set();
  /** Whether a rule drops what is for the router itself, before conntrack confirms it. */
  inputDrops = false;
  /** What FORWARD lets through. */
  forwards: (skb: SkBuff) => boolean = () => true;
  #events: string[] = [];
  #down: ((dev: NetDevice) => void)[] = [];
  #addresses: ((dev: NetDevice, address: Pick<InterfaceAddress, "local" | "peer">, added: boolean) => void)[] = [];
  wanAddress: number = parseIPv4("198.51.100.1");

  constructor(random: RandomSource = new SeededRandom(1), listen = true) {
    // No packet waits for a next hop's address.
    const neighbourTable = { list: () => [], flush: () => {} };
    const net = {
      name: "gw",
      clock: this.clock,
      random,
      sysctl: new SysctlTable(),
      trace: null as PacketTracer | null,
      printk: (line: string) => {
        this.log.push(line);
      },
      free: (skb: SkBuff) => this.ct.release(skb),
      ip: {
        selectAddress: (dev: FakeDevice) => (dev === this.wan ? this.wanAddress : parseIPv4("192.168.1.1")),
        routeMeHarder: () => 0,
        onDeviceDown: (listener: (dev: NetDevice) => void) => this.#down.push(listener),
        onAddressChange: (
          listener: (dev: NetDevice, address: Pick<InterfaceAddress, "local" | "peer">, added: boolean) => void,
        ) => this.#addresses.push(listener),
        defrag: (skb: SkBuff) => skb,
        neighbourTable,
      },
      ip6: { onAddressChange: () => {}, neighbourTable },
    } as unknown as NetNamespace & { hooks: Hooks; ct: Conntrack; nat: Nat };
    const open = net as { hooks: Hooks; ct: Conntrack; nat: Nat };
    open.hooks = new Hooks(net, NFPROTO_IPV4);
    open.ct = new Conntrack(net);
    open.nat = new Nat(net);
    this.net = net;
    this.ct = net.ct;
    this.nat = net.nat;
    this.own.add(parseIPv4("192.168.1.1"));
    this.own.add(this.wanAddress);
    this.ct.netnsGet();
    if (listen) this.ct.subscribe((event) => this.#events.push(eventLine(event)));
  }

  /** `-t nat -A POSTROUTING -o wan0 -j SNAT`. */
  snat(to: NatRange): void {
    this.nat.registerLookup(NF_INET_POST_ROUTING, (skb, state) =>
      state.outdev?.name === "wan0" ? this.nat.setupInfo(skb.nfct, to, NF_NAT_MANIP_SRC) : NF_ACCEPT,
    );
  }

  /** `-t nat -A PREROUTING -i wan0 -j DNAT`. */
  dnat(to: NatRange): void {
    this.nat.registerLookup(NF_INET_PRE_ROUTING, (skb, state) =>
      state.indev?.name === "wan0" ? this.nat.setupInfo(skb.nfct, to, NF_NAT_MANIP_DST) : NF_ACCEPT,
    );
  }

  /** `-t nat -A POSTROUTING -o wan0 -j MASQUERADE`. */
  masquerade(to: NatRange): void {
    this.nat.registerLookup(NF_INET_POST_ROUTING, (skb, state) =>
      state.outdev?.name === "wan0" ? this.nat.masquerade(skb, state, to) : NF_ACCEPT,
    );
  }

  setDown(dev: FakeDevice): void {
    for (const listener of this.#down) listener(dev as NetDevice);
  }

  removeAddress(dev: FakeDevice, address: number): void {
    for (const listener of this.#addresses) listener(dev as NetDevice, { local: address, peer: address }, false);
  }

  sysctl(name: string, value: number): void {
    this.net.sysctl.lookup(`net.netfilter.nf_conntrack_${name}`)?.set?.(String(value));
  }

  seconds(seconds: number): void {
    this.clock.advance(seconds * 1_000_000);
  }

  jiffies(jiffies: number): void {
    this.clock.advance(jiffies * (1_000_000 / HZ));
  }

  trace(listener: TraceListener | null): void {
    this.net.trace = listener === null ? null : new PacketTracer("gw", () => this.clock.nowMicros, listener);
  }

  /** Events since the last call. */
  events(): string[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** A packet arrives from outside. */
  receive(from: "lan" | "wan", bytes: Uint8Array): Passage {
    const skb = new SkBuff(bytes.slice());
    const indev = from === "lan" ? this.lan : this.wan;
    const outdev = from === "lan" ? this.wan : this.lan;
    return this.#walk(skb, indev, outdev, false);
  }

  /** A packet is made on the router. */
  send(to: "lan" | "wan", bytes: Uint8Array, from: SkBuff | null = null): Passage {
    const skb = new SkBuff(bytes.slice());
    if (from !== null) this.ct.attach(skb, from);
    return this.#walk(skb, null, to === "lan" ? this.lan : this.wan, true);
  }

  #walk(skb: SkBuff, indev: FakeDevice | null, outdev: FakeDevice, local: boolean): Passage {
    const hooks = this.net.hooks;
    const trace = this.net.trace;
    if (trace !== null) trace.begin(skb);
    let seenAs = "DROPPED";
    let out: Uint8Array | null = null;
    let ended: Uint8Array | null = null;
    const iif = indev as NetDevice | null;
    const oif = outdev as NetDevice;
    const first = local ? hooks.run(NF_INET_LOCAL_OUT, skb, null, oif) : hooks.run(NF_INET_PRE_ROUTING, skb, iif, null);
    if (first === NF_ACCEPT) {
      seenAs = skb.nfct === NO_CT ? (skb.ctinfo === IP_CT_UNTRACKED ? "UNTRACKED" : "INVALID") : SEEN_AS[skb.ctinfo];
      if (!local && this.own.has(get32(skb.data, 16))) {
        if (!this.inputDrops && hooks.run(NF_INET_LOCAL_IN, skb, iif, null) === NF_ACCEPT) ended = skb.bytes().slice();
      } else if (local || (hooks.run(NF_INET_FORWARD, skb, iif, oif) === NF_ACCEPT && this.forwards(skb))) {
        if (hooks.run(NF_INET_POST_ROUTING, skb, iif, oif) === NF_ACCEPT) out = skb.bytes().slice();
      }
    }
    this.ct.release(skb);
    if (trace !== null) trace.end();
    return { out, local: ended, seenAs, events: this.events() };
  }
}
