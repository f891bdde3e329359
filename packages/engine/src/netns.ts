/**
 * One network namespace: a host's devices, routes, sockets, hooks, conntrack and tables, put together as `struct net`
 * (include/net/net_namespace.h) does. The subsystems know one another only through this object and the hooks.
 */
import type { VirtualClock } from "./clock.js";
import { Conntrack } from "./conntrack/conntrack.js";
import { BridgeNetfilter } from "./dev/bridge-netfilter.js";
import type { NetDevice } from "./dev/device.js";
import { LoopbackDevice } from "./dev/loopback.js";
import { EEXIST, ENODEV, SystemError } from "./errno.js";
import { Hooks, NFPROTO_IPV4, NFPROTO_IPV6 } from "./hooks.js";
import { registerLightweightTunnelHooks } from "./hooks-lwtunnel.js";
import { IpStack } from "./ip/stack.js";
import { Ip6Stack } from "./ip6/stack.js";
import { Loggers } from "./loggers.js";
import { Nat } from "./nat/nat.js";
import type { RandomSource } from "./random.js";
import { NO_CT, type SkBuff } from "./skb.js";
import { Sockets } from "./sock/sockets.js";
import { SysctlTable } from "./sysctl.js";
import { PacketTracer, type TraceListener } from "./trace.js";
import { NftTrace } from "./xtables/nft-trace.js";
import { registeredPacketLog } from "./xtables/registry.js";
import { Xtables } from "./xtables/xtables.js";

/**
 * One network namespace: devices, addresses, routes, hooks, conntrack, NAT, tables and sockets. Models `struct net`.
 */
export class NetNamespace {
  /** The host's name. */
  readonly name: string;
  readonly clock: VirtualClock;
  readonly random: RandomSource;
  readonly sysctl: SysctlTable = new SysctlTable();
  /** Who takes what the kernel itself says of packets. */
  readonly loggers: Loggers = new Loggers(this.sysctl);
  /** IPv4's hooks. */
  readonly hooks: Hooks;
  /** IPv6's hooks. */
  readonly hooks6: Hooks;
  /** Devices by name, in the order of their ifindex. Change it through {@link addDevice} and {@link removeDevice}. */
  readonly devices: Map<string, NetDevice> = new Map();
  /** The loopback; down until set up, as in a fresh namespace of Linux. 127.0.0.1/8 comes with the first setting up. */
  readonly loopback: LoopbackDevice;
  #lastIfindex = 0;
  readonly ip: IpStack;
  readonly ip6: Ip6Stack;
  readonly ct: Conntrack;
  readonly nat: Nat;
  readonly bridgeNetfilter: BridgeNetfilter;
  /** The tables that `iptables-nft` (Debian's `iptables`) sees. */
  readonly xtNft: Xtables;
  /** The tables that `iptables-legacy` sees. */
  readonly xtLegacy: Xtables;
  /** The tables that `ip6tables-nft` (Debian's `ip6tables`) sees. */
  readonly xt6Nft: Xtables;
  /** The tables that `ip6tables-legacy` sees. */
  readonly xt6Legacy: Xtables;
  /** What nf_tables tells of packets that TRACE marked. */
  readonly nftTrace: NftTrace = new NftTrace();
  readonly sockets: Sockets;
  /** Null while nobody listens. */
  trace: PacketTracer | null = null;
  /** Kernel log lines (`-j LOG`, conntrack's complaints), without the time stamp. */
  printk: (line: string) => void = () => {};
  /** The text of a file of the host, for tools that look names up; null: there is no such file. */
  readFile: (path: string) => string | null = () => null;

  constructor(name: string, clock: VirtualClock, random: RandomSource) {
    this.name = name;
    this.clock = clock;
    this.random = random;
    this.hooks = new Hooks(this, NFPROTO_IPV4);
    this.hooks6 = new Hooks(this, NFPROTO_IPV6);
    this.ip = new IpStack(this);
    this.ct = new Conntrack(this);
    registerLightweightTunnelHooks(this.sysctl);
    this.nat = new Nat(this);
    this.bridgeNetfilter = new BridgeNetfilter(this);
    this.xtNft = new Xtables(this, "nft", "ipv4");
    this.xtLegacy = new Xtables(this, "legacy", "ipv4");
    this.xt6Nft = new Xtables(this, "nft", "ipv6");
    this.xt6Legacy = new Xtables(this, "legacy", "ipv6");
    this.ct.packetLogger = (prefix, skb, state) => {
      const log = registeredPacketLog();
      if (log !== null && this.loggers.writesKernelLog(state.pf)) this.printk(log.line(skb, state, prefix, 0));
    };
    this.sockets = new Sockets(this);
    this.loopback = new LoopbackDevice(this);
    this.ip6 = new Ip6Stack(this);
    this.addDevice(this.loopback);
  }

  /** The number the next device gets. */
  nextIfindex(): number {
    return ++this.#lastIfindex;
  }

  /** Makes a device known to the namespace. The IP layer gets its per-device state. Models `register_netdevice()`. */
  addDevice(dev: NetDevice): void {
    if (this.devices.has(dev.name)) throw new SystemError(EEXIST);
    this.devices.set(dev.name, dev);
    this.ip.deviceAdded(dev);
    this.ip6.deviceAdded(dev);
  }

  /** Sets a device down and forgets it. Models `unregister_netdevice()`. */
  removeDevice(dev: NetDevice): void {
    if (this.devices.get(dev.name) !== dev) throw new SystemError(ENODEV);
    dev.master?.removePort(dev);
    if (dev.up) this.ip.setDown(dev);
    this.ip6.deviceRemoved(dev);
    this.ip.deviceRemoved(dev);
    this.devices.delete(dev.name);
  }

  /** Gives a packet up: its conntrack reference goes. Models `kfree_skb()`. */
  free(skb: SkBuff): void {
    if (skb.nfct !== NO_CT) this.ct.release(skb);
  }

  /** Detaches the conntrack entry from a packet that goes on without it. Models `nf_reset_ct()`. */
  resetConntrack(skb: SkBuff): void {
    this.ct.release(skb);
  }

  /** Starts (or with null ends) tracing this host's packets. */
  listen(listener: TraceListener | null): void {
    this.trace = listener === null ? null : new PacketTracer(this.name, () => this.clock.nowMicros, listener);
  }
}
