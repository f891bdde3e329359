/// <reference types="node" />
/**
 * The lab on the machine's own Linux: one network namespace a host, a veth pair a cable, Debian's tools, real time.
 * IPv6 is on at the hosts that have an address of it, devices have the engine's numbers and MAC addresses; everything
 * else is the kernel's. What a lab asks for that this kernel cannot do (delay and loss on a cable need netem) is
 * refused by name.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  type ConntrackSnapshot,
  deterministicMac,
  formatAddress,
  IPV4_DST,
  IPV4_HEADER_LENGTH,
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  SystemError,
} from "@netfilter-lab/engine";
import { type Backend, type BackgroundCommand, type CaptureHandle, type CommandOutput } from "../backend.js";
import { DEFAULT_LATENCY_MICROS, LabConfigError, type Topology } from "../config.js";
import type { HookRegistry } from "../draw/hook-map/hook-map.js";
import { EndlessCommandError } from "../engine-backend.js";
import { forwardingSysctls, hostSysctls } from "../host-sysctls.js";
import { isIPv6 } from "../ip-family.js";
import { quoteWord } from "../quote.js";
import type { DeviceName, Walk, WalkEvents } from "../walk.js";
import { PacketCapture } from "./capture.js";
import { parseEntry, parseEvent } from "./conntrack-text.js";
import { UnlistedHooks } from "./hooks.js";
import { ENVIRONMENT, Namespaces, runTool } from "./namespaces.js";
import { LinuxProcess, pause } from "./process.js";
import { LinuxUnavailableError, whatIsMissing } from "./requirements.js";
import { parseTrace, type RuleState, ruleStates, TRACE_RULESET, TRACE_TABLE } from "./trace.js";
import { walkOf } from "./walk-of.js";

/** How long `sh` waits for the end of a command that keeps doing something; the engine's bound in the lab's time. */
const PATIENCE_MILLISECONDS = 600_000;
/** After so long in which no process of the lab did anything or waited for a time, a command waits for ever. */
const STUCK_MILLISECONDS = 15_000;
const LOOK_MILLISECONDS = 500;
/** After a command, packets land and acknowledgements that were held back (40 ms) are sent. */
const SETTLE_MILLISECONDS = 80;
/**
 * A veth leaves checksums to hardware that is not there, and a capture shows them unfinished: this makes the kernel
 * finish them (`ethtool -K DEVICE tx off`: SIOCETHTOOL with ETHTOOL_STXCSUM, for the devices named).
 */
const CHECKSUMS_IN_SOFTWARE =
  'use Socket; socket(S, AF_INET, SOCK_DGRAM, 0) or die "socket: $!"; ' +
  'for (@ARGV) { my $off = pack("LL", 0x17, 0); my $request = pack("a16P", $_, $off); ' +
  'defined ioctl(S, 0x8946, $request) or die "$_: $!" }';
/** What a walk tells of: what hosts say to each other, not what IPv6's links say of themselves. */
const WALKERS: readonly string[] = [
  "ip or (ip6 and not dst net ff02::/16 and not (icmp6 and ip6[40] >= 130 and ip6[40] <= 137))",
];
/** Where the free ends of cables go that nobody plugged in. No host can have the name. */
const UNPLUGGED = ".unplugged";

export class LinuxBackend implements Backend {
  readonly name = "linux";
  readonly #topology: Topology;
  readonly #namespaces: Namespaces;
  readonly #peers: Map<string, DeviceName> = new Map();
  readonly #background: Set<LinuxProcess> = new Set();
  readonly #captures: Set<PacketCapture> = new Set();
  readonly #startedAt: number = performance.now();
  readonly #epochMicros: number = Date.now() * 1000;

  private constructor(topology: Topology, namespaces: Namespaces) {
    this.#topology = topology;
    this.#namespaces = namespaces;
    for (const { ends } of topology.links) {
      const [a, b] = ends;
      this.#peers.set(`${a.host}.${a.device}`, b);
      this.#peers.set(`${b.host}.${b.device}`, a);
    }
  }

  /**
   * Makes the hosts and cables. Throws {@link LinuxUnavailableError} for what the machine lacks, {@link LabConfigError}
   * for what this kernel cannot do or the host itself refuses.
   */
  static async make(topology: Topology): Promise<LinuxBackend> {
    const missing = whatIsMissing();
    if (missing !== null) throw new LinuxUnavailableError(missing);
    topology.links.forEach((link, index) => {
      const needsNetem = 'needs netem, which the backend "linux" does not use: the engine does it';
      if (link.latencyMicros !== DEFAULT_LATENCY_MICROS)
        throw new LabConfigError(`links[${index}].latency`, needsNetem);
      if (link.loss !== 0) throw new LabConfigError(`links[${index}].loss`, needsNetem);
    });
    const names = topology.hosts.map((host) => host.name);
    const namespaces = await Namespaces.make([...names, UNPLUGGED]);
    const backend = new LinuxBackend(topology, namespaces);
    try {
      await backend.#makeDevices();
      for (const host of names) await backend.#configureHost(host);
      await backend.#carrier();
    } catch (error) {
      await backend.close();
      throw error;
    }
    return backend;
  }

  #namespaceOf(host: string): string {
    return this.#namespaces.nameOf(host);
  }

  async #makeDevices(): Promise<void> {
    const { hosts, links } = this.#topology;
    const numbers = new Map<string, number>();
    for (const host of hosts)
      host.devices.forEach((device, index) => numbers.set(`${host.name}.${device.name}`, index + 2));
    // Before there is any device, so that none ever says a word of IPv6 that was not asked for.
    await Promise.all(
      [...hosts.map((host) => [host.name, host.ipv6] as const), [UNPLUGGED, false] as const].map(([host, ipv6]) => {
        const writes = hostSysctls(ipv6).map(([key, value]) => `echo ${value} > /proc/sys/${key.replaceAll(".", "/")}`);
        // A kernel without IPv6 has no such files.
        const script = ipv6 ? writes.join(" && ") : `{ ${writes.join("; ")}; } 2>/dev/null; true`;
        return runTool("ip", ["netns", "exec", this.#namespaceOf(host), "sh", "-c", script]);
      }),
    );
    const end = (host: string, device: string, mtu: number): string => {
      const index = numbers.get(`${host}.${device}`) ?? 0;
      const mac = [...deterministicMac({ name: host }, index)]
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join(":");
      return `name ${device} index ${index} address ${mac} mtu ${mtu} netns ${this.#namespaceOf(host)}`;
    };
    const batch: string[] = links.map(({ ends: [a, b], mtu }) => {
      return `link add ${end(a.host, a.device, mtu)} type veth peer ${end(b.host, b.device, mtu)}`;
    });
    let free = 0;
    for (const host of hosts)
      for (const { name } of host.devices)
        if (!this.#peers.has(`${host.name}.${name}`))
          batch.push(
            `link add ${end(host.name, name, 1500)} type veth peer name free${free++} netns ${this.#namespaceOf(UNPLUGGED)}`,
          );
    await runTool("ip", ["-batch", "-"], batch.map((line) => `${line}\n`).join(""));
    await Promise.all(
      hosts.map(async (host) => {
        const namespace = this.#namespaceOf(host.name);
        const names = host.devices.map((device) => device.name);
        await runTool("ip", ["netns", "exec", namespace, "perl", "-e", CHECKSUMS_IN_SOFTWARE, ...names]);
        const lines = ["link set lo up"];
        for (const { name, addresses, addresses6 } of host.devices) {
          for (const { address, prefixLength } of [...addresses, ...addresses6])
            lines.push(`addr add ${formatAddress(address)}/${prefixLength} dev ${name}`);
          lines.push(`link set ${name} up`);
        }
        const input = lines.map((line) => `${line}\n`).join("");
        await runTool("ip", ["-n", namespace, "-batch", "-"], input);
      }),
    );
  }

  /** Waits until each plugged device has its carrier: the kernel notices a little later. */
  async #carrier(): Promise<void> {
    for (const { ends } of this.#topology.links)
      for (const { host, device } of ends) {
        const args = ["-n", this.#namespaceOf(host), "-br", "link", "show", "dev", device];
        while (!/ UP /.test(await runTool("ip", args))) await pause(10);
      }
  }

  async #configureHost(name: string): Promise<void> {
    const host = this.#topology.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) return;
    const configure = async (field: string, command: string): Promise<void> => {
      const { status, text } = await this.#runQuick(name, command);
      if (status !== 0) throw new LabConfigError(field, text.trim());
    };
    const at = `hosts.${name}`;
    for (const key of forwardingSysctls(host)) await configure(`${at}.forwarding`, `sysctl -q ${key}=1`);
    for (const [key, value] of host.sysctl)
      await configure(`${at}.sysctl["${key}"]`, `sysctl -q ${quoteWord(`${key}=${value}`)}`);
    for (const [index, route] of host.routes.entries())
      await configure(`${at}.routes[${index}]`, `ip route add ${route.trim().split(/\s+/).map(quoteWord).join(" ")}`);
  }

  /** A command after which nothing needs to settle. */
  async #runQuick(host: string, script: string): Promise<CommandOutput> {
    const process = this.#spawn(host, script);
    await process.wait();
    const { stdout, stderr, text } = process.output;
    return { stdout, stderr, text, status: process.status ?? 1 };
  }

  #spawn(host: string, script: string, after: Promise<void> | null = null): LinuxProcess {
    if (!this.#topology.hosts.some((candidate) => candidate.name === host))
      throw new Error(`there is no host ${JSON.stringify(host)}`);
    return new LinuxProcess(this.#namespaces, host, script, after);
  }

  get nowMicros(): number {
    return Math.round((performance.now() - this.#startedAt) * 1000);
  }

  async sleep(micros: number): Promise<void> {
    await this.#ready();
    await pause(micros / 1000);
    await this.#ready();
  }

  /** Waits until all that was begun listens, catches, or has said what it had to say. */
  async #ready(): Promise<void> {
    for (const process of this.#background) if (process.status !== null) this.#background.delete(process);
    // As it is now: what begins later waits for this.
    const background = [...this.#background];
    await Promise.all([...this.#captures].map((capture) => capture.ready));
    await Promise.all(background.map((process) => process.settled()));
    await Promise.all(background.map((process) => process.quiet()));
  }

  async run(host: string, script: string): Promise<CommandOutput> {
    await this.#ready();
    const process = this.#spawn(host, script);
    const endless = await this.#runToEnd(process);
    if (endless !== null) {
      await process.kill("SIGINT");
      throw new EndlessCommandError(host, script, endless, process.output.text);
    }
    await pause(SETTLE_MILLISECONDS);
    await this.#ready();
    const { stdout, stderr, text } = process.output;
    return { stdout, stderr, text, status: process.status ?? 1 };
  }

  /** Waits for the end. Returns null then, and otherwise why it never would come. */
  async #runToEnd(process: LinuxProcess): Promise<string | null> {
    const startedAt = performance.now();
    let ended = false;
    const end = process.wait().then(() => {
      ended = true;
    });
    let before: string | null = null;
    let stuckSince = startedAt;
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const look = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LOOK_MILLISECONDS);
      });
      await Promise.race([end, look]);
      clearTimeout(timer);
      if (ended) return null;
      const now = performance.now();
      const doing = [process, ...this.#background].filter(({ status }) => status === null).map((each) => each.stuck());
      const state = doing.includes(null) ? null : doing.join("; ");
      if (state === null || state !== before) stuckSince = now;
      before = state;
      if (now - stuckSince > STUCK_MILLISECONDS) return "waits for something that cannot come";
      if (now - startedAt > PATIENCE_MILLISECONDS) return "has not ended after 10 minutes";
    }
  }

  start(host: string, script: string): BackgroundCommand {
    const process = this.#spawn(host, script, this.#ready());
    this.#background.add(process);
    return process;
  }

  async walk(hosts: readonly string[], action: () => unknown): Promise<Walk> {
    await this.#ready();
    const watched = hosts.map((host) => {
      const namespace = this.#namespaceOf(host);
      const events = this.#spawn(host, "conntrack -E -b 8388608 -o extended,id,timestamp");
      const monitor = this.#spawn(host, "xtables-monitor --trace");
      return { host, events, monitor, capture: new PacketCapture(namespace, "any", WALKERS) };
    });
    const rules = new Map<string, ReadonlyMap<string, RuleState>>();
    const nft = async (host: string, args: readonly string[], input = ""): Promise<string> =>
      await runTool("ip", ["netns", "exec", this.#namespaceOf(host), "nft", ...args], input);
    try {
      await Promise.all(hosts.map((host) => nft(host, ["-f", "-"], TRACE_RULESET)));
      await Promise.all(
        watched.flatMap(({ events, monitor, capture }) => [events.settled(), monitor.settled(), capture.ready]),
      );
      await action();
      await this.#ready();
      await pause(SETTLE_MILLISECONDS);
      await Promise.all(watched.map(({ monitor }) => monitor.quiet()));
      for (const host of hosts) rules.set(host, ruleStates(await nft(host, ["--json", "--handle", "list", "ruleset"])));
    } finally {
      await Promise.all(hosts.map((host) => nft(host, ["delete", "table", "ip", TRACE_TABLE])));
      await Promise.all(
        watched.flatMap(({ events, monitor, capture }) => [
          events.kill("SIGINT"),
          monitor.kill("SIGINT"),
          capture.stop(),
        ]),
      );
    }
    const events: WalkEvents[] = watched.flatMap(({ host, events }) =>
      events.output.stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => ({ host, event: parseEvent(line, this.#epochMicros) })),
    );
    events.sort((a, b) => a.event.atMicros - b.event.atMicros);
    return walkOf({
      captures: watched.map(({ host, capture, monitor }) => ({
        host,
        packets: capture.packets(),
        traces: parseTrace(monitor.output.stdout, rules.get(host) ?? new Map()),
      })),
      events,
      epochMicros: this.#epochMicros,
      peer: (host, device) => this.#peers.get(`${host}.${device}`) ?? null,
      interfaces: new Map(hosts.map((host) => [host, this.#interfacesOf(host)])),
    });
  }

  /** Names by number, and the host's own addresses. */
  #interfacesOf(host: string): { names: Map<number, string>; addresses: Set<string> } {
    const json = execFileSync("ip", ["-n", this.#namespaceOf(host), "-json", "address"], {
      env: ENVIRONMENT,
      encoding: "utf8",
    });
    const all = JSON.parse(json) as { ifindex: number; ifname: string; addr_info: { local: string }[] }[];
    return {
      names: new Map(all.map(({ ifindex, ifname }) => [ifindex, ifname])),
      addresses: new Set(all.flatMap(({ addr_info }) => addr_info.map(({ local }) => local))),
    };
  }

  async send(host: string, packet: Uint8Array): Promise<void> {
    await this.#ready();
    // Perl has raw sockets, Node has not.
    const ipv6 = isIPv6(packet);
    const script =
      `use Socket qw(:all); socket(S, ${ipv6 ? "AF_INET6" : "AF_INET"}, SOCK_RAW, 255) && ` +
      `defined send(S, pack("H*", $ARGV[0]), 0, ${ipv6 ? "pack_sockaddr_in6" : "pack_sockaddr_in"}(0, pack("H*", $ARGV[1]))) ` +
      "or do { print $!+0; exit 1 }";
    const hex = Buffer.from(packet).toString("hex");
    // Where the header has its destination; of a header cut short, the kernel refuses any.
    const [from, to] = ipv6 ? [IPV6_DST, IPV6_HEADER_LENGTH] : [IPV4_DST, IPV4_HEADER_LENGTH];
    const target = packet.length < to ? "00".repeat(to - from) : hex.slice(2 * from, 2 * to);
    const sent = spawnSync("ip", ["netns", "exec", this.#namespaceOf(host), "perl", "-e", script, hex, target], {
      env: ENVIRONMENT,
      encoding: "utf8",
    });
    if (sent.status !== 0) {
      if (!/^\d+$/.test(sent.stdout)) throw new Error(`raw socket on ${host}: ${sent.stderr.trim()}`);
      throw new SystemError(Number(sent.stdout));
    }
    await pause(SETTLE_MILLISECONDS);
  }

  capture({ host, device }: DeviceName): CaptureHandle {
    const namespace = this.#namespaceOf(host);
    const look = spawnSync("ip", ["-n", namespace, "link", "show", "dev", device], { env: ENVIRONMENT });
    if (look.status !== 0) throw new Error(`${host} has no device ${JSON.stringify(device)}`);
    const capture = new PacketCapture(namespace, device, []);
    this.#captures.add(capture);
    return {
      pcap: () => capture.pcap(),
      get count() {
        return capture.records.length;
      },
      stop: () => {
        this.#captures.delete(capture);
        void capture.stop();
      },
    };
  }

  async hooks(host: string): Promise<HookRegistry> {
    await this.#ready();
    return new UnlistedHooks(host);
  }

  async conntrack(host: string): Promise<readonly ConntrackSnapshot[]> {
    await this.#ready();
    const { stdout, stderr, status } = await this.#runQuick(host, "conntrack -L -o extended,id");
    if (status !== 0) throw new Error(`${host}: conntrack -L: ${stderr.trim()}`);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map(parseEntry);
  }

  async close(): Promise<void> {
    this.#captures.clear();
    this.#background.clear();
    await this.#namespaces.remove();
  }
}
