/**
 * Hosts and cables in a few lines: for tests, benchmarks and programs that want the engine without the lab's commands.
 */
import { VirtualClock } from "../clock.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { parseCidr, parseIPv4 } from "../wire/address.js";
import type { NetDevice } from "./device.js";
import { createVethPair, type LinkOptions, type VethDevice } from "./pair.js";

/** Namespaces that share a clock, each with its own seeded randomness. */
export class Topology {
  readonly clock: VirtualClock = new VirtualClock();
  readonly hosts: Map<string, NetNamespace> = new Map();
  readonly #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
  }

  /** Makes a host, its loopback up. */
  host(name: string, forwarding = false): NetNamespace {
    const net = new NetNamespace(name, this.clock, new SeededRandom(this.#seed * 1000 + this.hosts.size));
    this.hosts.set(name, net);
    net.ip.setUp(net.loopback);
    if (forwarding) net.sysctl.lookup("net.ipv4.ip_forward")?.set?.("1");
    return net;
  }

  /** Joins two hosts with a veth pair, both ends up with their addresses (`a.b.c.d/n`). */
  link(
    a: NetNamespace,
    aName: string,
    aAddresses: string | readonly string[],
    b: NetNamespace,
    bName: string,
    bAddresses: string | readonly string[],
    options: LinkOptions = {},
  ): readonly [VethDevice, VethDevice] {
    const pair = createVethPair(
      { net: a, name: aName, ...options },
      { net: b, name: bName, ...options },
      new SeededRandom(this.#seed),
    );
    for (const [dev, addresses] of [
      [pair[0], aAddresses],
      [pair[1], bAddresses],
    ] as const) {
      for (const text of typeof addresses === "string" ? [addresses] : addresses) addAddress(dev, text);
      dev.net.ip.setUp(dev);
    }
    return pair;
  }
}

/** `ip addr add TEXT dev DEV`. */
export function addAddress(dev: NetDevice, text: string): void {
  const { address, prefixLength } = parseCidr(text);
  dev.net.ip.addAddress(dev, { local: address, prefixLength });
}

/** `ip route add PREFIX via GATEWAY`; the prefix may be `default`. */
export function addRoute(net: NetNamespace, prefix: string, gateway: string): void {
  const { address, prefixLength } = prefix === "default" ? { address: 0, prefixLength: 0 } : parseCidr(prefix);
  net.ip.addRoute({ dst: address, prefixLength, gateway: parseIPv4(gateway) });
}
