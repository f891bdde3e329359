/**
 * What a lab is made of, as a person writes it, and its check: everything is looked at before anything is made, and a
 * mistake gets one sentence that names the field.
 */
import {
  type Cidr,
  type Cidr6,
  equalIPv6,
  type InetAddress,
  parseAddress,
  parseCidr,
  parseCidr6,
  samePrefix,
  samePrefixIPv6,
} from "@netfilter-lab/engine";
import { parseDuration } from "./duration.js";

/**
 * Addresses of a device: one or several of `"192.168.2.55/24"` and `"2001:db8:2::55/64"`, or an empty list for none.
 */
export type AddressesConfig = string | readonly string[];

/**
 * One host. Besides the named fields, every field is a network device: `eth0: "192.168.2.55/24"`. Each host has a
 * loopback `lo` without being asked. IPv6 is on at a host that has an address of it; its devices then have a link-local
 * address each.
 */
export interface HostConfig {
  /** Routes as `ip route add` takes them: `"default via 192.168.2.1"`, `"default via 2001:db8:2::1"`. */
  readonly routes?: readonly string[];
  /** Whether the host forwards packets (`net.ipv4.ip_forward`, `net.ipv6.conf.all.forwarding`). Default false. */
  readonly forwarding?: boolean;
  /** Tunables by their names: `{ "net.netfilter.nf_conntrack_tcp_loose": 0 }`. */
  readonly sysctl?: Readonly<Record<string, string | number>>;
  readonly [device: string]: AddressesConfig | boolean | Readonly<Record<string, string | number>> | undefined;
}

/** A cable between two devices, with what it does to packets. */
export interface LinkConfig {
  /** The two ends, `"client.eth0"`. */
  readonly ends: readonly [string, string];
  /** Time a packet is under way in each direction: `"1ms"`. Default 50 microseconds. */
  readonly latency?: string | number;
  /** Probability in 0..1 that a packet is lost. Default 0. */
  readonly loss?: number;
  /** Greatest packet in bytes, at both ends. Default 1500. */
  readonly mtu?: number;
}

/** A whole lab. `Names` are the names of its hosts. */
export interface LabConfig<Names extends string = string> {
  /** The hosts by their names. */
  readonly hosts: Readonly<Record<Names, HostConfig>>;
  /** Cables: `["client.eth0", "gateway.eth0"]`, or a {@link LinkConfig}. */
  readonly links?: readonly (readonly [string, string] | LinkConfig)[];
  /** Where all random choices come from; the same seed gives the same run. Default 1. Real Linux makes its own. */
  readonly seed?: number;
  /**
   * What the lab runs on: `engine` (everywhere, virtual time), or `linux`, real network namespaces in real time, which
   * needs root. Default: the environment's NETFILTER_LAB_BACKEND, else `engine`.
   */
  readonly backend?: BackendName;
}

/** What a lab may run on. */
export type BackendName = "engine" | "linux";

/** A mistake in a {@link LabConfig}; the message begins with the field's path. */
export class LabConfigError extends Error {
  override readonly name = "LabConfigError";
  /** Such as `hosts.client.eth0`. */
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.field = field;
  }
}

export interface DeviceTopology {
  readonly name: string;
  readonly addresses: readonly Cidr[];
  /** Its addresses of IPv6. */
  readonly addresses6: readonly Cidr6[];
}

export interface HostTopology {
  readonly name: string;
  readonly devices: readonly DeviceTopology[];
  /** Whether IPv6 is on. */
  readonly ipv6: boolean;
  readonly routes: readonly string[];
  readonly forwarding: boolean;
  readonly sysctl: readonly (readonly [string, string])[];
}

export interface LinkTopology {
  readonly ends: readonly [{ host: string; device: string }, { host: string; device: string }];
  readonly latencyMicros: number;
  readonly loss: number;
  readonly mtu: number;
}

/** A checked lab. */
export interface Topology {
  readonly hosts: readonly HostTopology[];
  readonly links: readonly LinkTopology[];
  readonly seed: number;
  /** Null: the configuration leaves it to the environment. */
  readonly backend: BackendName | null;
}

export const DEFAULT_LATENCY_MICROS = 50;
const HOST_FIELDS = new Set(["routes", "forwarding", "sysctl"]);

/** Checks a configuration. Throws {@link LabConfigError}. */
export function checkConfig(config: LabConfig): Topology {
  if (!isRecord(config)) throw new LabConfigError("config", "must be an object with `hosts` and `links`");
  for (const key of Object.keys(config))
    if (!["hosts", "links", "seed", "backend"].includes(key))
      throw new LabConfigError(key, "there is no such field (hosts, links, seed, backend)");
  if (!isRecord(config.hosts)) throw new LabConfigError("hosts", "must be an object of hosts by name");
  const names = Object.keys(config.hosts);
  if (names.length === 0) throw new LabConfigError("hosts", "a lab needs at least one host");
  const hosts = names.map((name) => checkHost(name, config.hosts[name]));
  const links = checkLinks(config.links ?? [], hosts);
  const seed = config.seed ?? 1;
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new LabConfigError("seed", `${show(seed)} is not an integer in 0..4294967295`);
  checkAddressesOnLinks(hosts, links);
  const backend = config.backend ?? null;
  if (backend !== null) checkBackendName("backend", backend);
  return { hosts, links, seed, backend };
}

/** Throws {@link LabConfigError} for a name that is no backend's. */
export function checkBackendName(field: string, name: unknown): asserts name is BackendName {
  if (name !== "engine" && name !== "linux")
    throw new LabConfigError(field, `${show(name)} is not "engine" or "linux"`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
}

function checkHost(name: string, config: HostConfig): HostTopology {
  const at = `hosts.${name}`;
  if (!/^[A-Za-z][\w-]*$/.test(name))
    throw new LabConfigError(at, "a host's name has letters, digits, - and _, and begins with a letter");
  if (!isRecord(config)) throw new LabConfigError(at, "must be an object of devices, routes, forwarding, sysctl");
  const devices: DeviceTopology[] = [];
  for (const [key, value] of Object.entries(config)) {
    if (HOST_FIELDS.has(key)) continue;
    devices.push(checkDevice(`${at}.${key}`, key, value));
  }
  checkOverlap(at, devices);
  if (config.forwarding !== undefined && typeof config.forwarding !== "boolean")
    throw new LabConfigError(`${at}.forwarding`, `${show(config.forwarding)} is not true or false`);
  const routes = config.routes ?? [];
  if (!Array.isArray(routes) || routes.some((route) => typeof route !== "string"))
    throw new LabConfigError(`${at}.routes`, 'must be a list of routes such as "default via 192.168.2.1"');
  routes.forEach((route: string, index) => checkRoute(`${at}.routes[${index}]`, route, devices));
  const sysctl = config.sysctl ?? {};
  if (!isRecord(sysctl)) throw new LabConfigError(`${at}.sysctl`, "must be an object of values by name");
  return {
    name,
    devices,
    ipv6: devices.some((device) => device.addresses6.length > 0),
    routes,
    forwarding: config.forwarding ?? false,
    sysctl: Object.entries(sysctl).map(([key, value]) => [key.replaceAll("/", "."), String(value)] as const),
  };
}

/** Checks one device. Throws {@link LabConfigError}. */
export function checkDevice(at: string, name: string, value: unknown): DeviceTopology {
  if (name === "lo") throw new LabConfigError(at, "every host has its loopback already");
  if (!/^[A-Za-z][\w.-]{0,14}$/.test(name) || name === "all" || name === "default")
    throw new LabConfigError(at, "a device's name has at most 15 letters, digits, - _ . and begins with a letter");
  const texts = typeof value === "string" ? [value] : value;
  if (!Array.isArray(texts) || texts.some((text) => typeof text !== "string"))
    throw new LabConfigError(
      at,
      `${show(value)} is not an address with prefix length such as "192.168.2.55/24", or a list`,
    );
  const addresses: Cidr[] = [];
  const addresses6: Cidr6[] = [];
  (texts as string[]).forEach((text, index) => {
    const field = texts.length > 1 ? `${at}[${index}]` : at;
    if (text.includes(":")) {
      const address = checkAddress6(field, text);
      if (addresses6.some((other) => equalIPv6(other.address, address.address)))
        throw new LabConfigError(field, `${show(text)} stands there twice`);
      addresses6.push(address);
      return;
    }
    const address = checkAddress(field, text);
    if (addresses.some((other) => other.address === address.address))
      throw new LabConfigError(field, `${show(text)} stands there twice`);
    addresses.push(address);
  });
  return { name, addresses, addresses6 };
}

function checkAddress6(field: string, text: string): Cidr6 {
  if (!text.includes("/"))
    throw new LabConfigError(field, `${show(text)} has no prefix length (write "${text}/64" or "${text}/128")`);
  let cidr: Cidr6;
  try {
    cidr = parseCidr6(text);
  } catch {
    throw new LabConfigError(field, `${show(text)} is not an address with prefix length such as "2001:db8::1/64"`);
  }
  const first = cidr.address[0] >>> 24;
  // Groups, the loopback, no address at all, and IPv4's: none is an address of a device.
  if (first === 0xff || (first === 0 && (cidr.address[0] | cidr.address[1]) === 0))
    throw new LabConfigError(field, `${show(text)} cannot be a host's address`);
  return cidr;
}

function checkAddress(field: string, text: string): Cidr {
  if (!text.includes("/"))
    throw new LabConfigError(field, `${show(text)} has no prefix length (write "${text}/24" or "${text}/32")`);
  let cidr: Cidr;
  try {
    cidr = parseCidr(text);
  } catch {
    throw new LabConfigError(field, `${show(text)} is not an address with prefix length such as "192.168.2.55/24"`);
  }
  const first = cidr.address >>> 24;
  if (first >= 224 || first === 0 || first === 127)
    throw new LabConfigError(field, `${show(text)} cannot be a host's address`);
  if (cidr.prefixLength < 31) {
    const hostBits = cidr.address & ~(0xffffffff << (32 - cidr.prefixLength));
    if (hostBits === 0) throw new LabConfigError(field, `${show(text)} is the network's own address, not a host's`);
    if (hostBits === 2 ** (32 - cidr.prefixLength) - 1)
      throw new LabConfigError(field, `${show(text)} is the network's broadcast address, not a host's`);
  }
  return cidr;
}

/** Two devices of one host in overlapping networks would leave it to chance where packets go. */
function checkOverlap(at: string, devices: readonly DeviceTopology[]): void {
  devices.forEach((device, index) => {
    for (const other of devices.slice(0, index)) {
      const clash =
        device.addresses.some((a) =>
          other.addresses.some((b) => overlaps(a, b, a.address === b.address, 32, samePrefix)),
        ) ||
        device.addresses6.some((a) =>
          other.addresses6.some((b) => overlaps(a, b, equalIPv6(a.address, b.address), 128, samePrefixIPv6)),
        );
      if (clash)
        throw new LabConfigError(`${at}.${device.name}`, `its network overlaps that of ${other.name} on the same host`);
    }
  });
}

/** Whether two addresses with their networks cannot be on two devices; `bits` is the length of an address. */
function overlaps<A>(
  a: { readonly address: A; readonly prefixLength: number },
  b: { readonly address: A; readonly prefixLength: number },
  same: boolean,
  bits: number,
  share: (a: A, b: A, length: number) => boolean,
): boolean {
  const shorter = Math.min(a.prefixLength, b.prefixLength);
  return same || (a.prefixLength < bits && b.prefixLength < bits && share(a.address, b.address, shorter));
}

function checkRoute(field: string, route: string, devices: readonly DeviceTopology[]): void {
  const words = route.trim().split(/\s+/);
  const types = ["unicast", "blackhole", "unreachable", "prohibit", "local", "broadcast", "throw"];
  const destination = types.includes(words[0]) ? words[1] : words[0];
  if (destination === undefined || destination === "")
    throw new LabConfigError(field, `${show(route)} is not a route such as "default via 192.168.2.1"`);
  if (destination !== "default") {
    try {
      if (destination.includes(":")) parseCidr6(destination);
      else parseCidr(destination);
    } catch {
      throw new LabConfigError(
        field,
        `${show(destination)} is not a destination ("default", "10.0.0.0/8" or "2001:db8::/32")`,
      );
    }
  }
  const dev = valueAfter(words, "dev");
  if (dev !== null && dev !== "lo" && !devices.some((device) => device.name === dev))
    throw new LabConfigError(field, `the host has no device ${show(dev)}`);
  const via = valueAfter(words, "via");
  if (via === null) return;
  let gateway: InetAddress;
  try {
    gateway = parseAddress(via);
  } catch {
    throw new LabConfigError(field, `${show(via)} is not an address`);
  }
  if (words.includes("onlink")) return;
  const candidates = devices.filter((device) => dev === null || device.name === dev);
  const reachable = candidates.some((device) =>
    typeof gateway === "number"
      ? device.addresses.some((cidr) => samePrefix(cidr.address, gateway, cidr.prefixLength))
      : isLinkLocal(gateway) ||
        device.addresses6.some((cidr) => samePrefixIPv6(cidr.address, gateway, cidr.prefixLength)),
  );
  if (!reachable) throw new LabConfigError(field, `the next hop ${via} is in no network of the host`);
}

/** Every device has an address in fe80::/10. */
const isLinkLocal = (address: Int32Array): boolean => samePrefixIPv6(address, LINK_LOCAL, 10);
const LINK_LOCAL = new Int32Array([0xfe800000 | 0, 0, 0, 0]);

function valueAfter(words: readonly string[], key: string): string | null {
  const index = words.indexOf(key);
  return index < 0 ? null : (words[index + 1] ?? "");
}

function checkLinks(
  config: readonly (readonly [string, string] | LinkConfig)[],
  hosts: readonly HostTopology[],
): LinkTopology[] {
  if (!Array.isArray(config))
    throw new LabConfigError("links", 'must be a list of pairs such as ["client.eth0", "gateway.eth0"]');
  const used = new Map<string, number>();
  return config.map((entry: readonly [string, string] | LinkConfig, index): LinkTopology => {
    const at = `links[${index}]`;
    const link: LinkConfig = Array.isArray(entry)
      ? { ends: entry as readonly [string, string] }
      : (entry as LinkConfig);
    if (!isRecord(link) || !Array.isArray(link.ends) || link.ends.length !== 2)
      throw new LabConfigError(at, 'must be a pair such as ["client.eth0", "gateway.eth0"]');
    for (const key of Object.keys(link))
      if (!["ends", "latency", "loss", "mtu"].includes(key))
        throw new LabConfigError(`${at}.${key}`, "there is no such field (ends, latency, loss, mtu)");
    const [first, second] = link.ends.map((end, side) => {
      const parts = typeof end === "string" ? /^([^.]+)\.(.+)$/.exec(end) : null;
      if (parts === null) throw new LabConfigError(at, `${show(end)} is not a device such as "client.eth0"`);
      const host = hosts.find((candidate) => candidate.name === parts[1]);
      if (host === undefined)
        throw new LabConfigError(
          at,
          `there is no host ${show(parts[1])} (hosts: ${hosts.map((candidate) => candidate.name).join(", ")})`,
        );
      if (!host.devices.some((device) => device.name === parts[2]))
        throw new LabConfigError(
          at,
          `${host.name} has no device ${show(parts[2])} (devices: ${host.devices.map((device) => device.name).join(", ") || "none"})`,
        );
      const earlier = used.get(end);
      if (earlier !== undefined)
        throw new LabConfigError(
          at,
          side === 1 && earlier === index ? `joins ${end} to itself` : `${end} is in links[${earlier}] already`,
        );
      used.set(end, index);
      return { host: parts[1], device: parts[2] };
    });
    return { ends: [first, second], ...checkLinkOptions(at, link) };
  });
}

function checkLinkOptions(at: string, link: LinkConfig): { latencyMicros: number; loss: number; mtu: number } {
  let latencyMicros = DEFAULT_LATENCY_MICROS;
  if (link.latency !== undefined) {
    try {
      latencyMicros = parseDuration(link.latency);
    } catch (error) {
      throw new LabConfigError(`${at}.latency`, (error as Error).message);
    }
  }
  const loss = link.loss ?? 0;
  if (typeof loss !== "number" || !(loss >= 0 && loss <= 1))
    throw new LabConfigError(`${at}.loss`, `${show(loss)} is not a probability in 0..1`);
  const mtu = link.mtu ?? 1500;
  if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65535)
    throw new LabConfigError(`${at}.mtu`, `${show(mtu)} is not a size in 68..65535 bytes`);
  return { latencyMicros, loss, mtu };
}

/** The same address at both ends of one link, or twice among the neighbours, cannot work. */
function checkAddressesOnLinks(hosts: readonly HostTopology[], links: readonly LinkTopology[]): void {
  const deviceOf = ({ host, device }: { host: string; device: string }): DeviceTopology | undefined =>
    hosts.find((candidate) => candidate.name === host)?.devices.find((candidate) => candidate.name === device);
  for (const { ends } of links) {
    const [a, b] = ends;
    const [mine, theirs] = [deviceOf(a), deviceOf(b)];
    if (mine === undefined || theirs === undefined) continue;
    if (
      mine.addresses.some((one) => theirs.addresses.some((other) => one.address === other.address)) ||
      mine.addresses6.some((one) => theirs.addresses6.some((other) => equalIPv6(one.address, other.address)))
    )
      throw new LabConfigError(
        `hosts.${b.host}.${b.device}`,
        `has the same address as ${a.host}.${a.device}, to which it is linked`,
      );
  }
}
