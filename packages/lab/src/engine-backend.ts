/**
 * The lab on the engine: one network namespace a host, veth pairs for links, one virtual clock for all. A command runs
 * by running the clock until it ends; a command that cannot end is an error and not a hang.
 */
import {
  type ConntrackEvent,
  type ConntrackSnapshot,
  deterministicMac,
  ethernetHeader,
  HOOK_NAMES,
  type HookNumber,
  NetNamespace,
  type PacketTrace,
  PacketTracer,
  SeededRandom,
  VethDevice,
  VirtualClock,
} from "@netfilter-lab/engine";
import { type Backend, type BackgroundCommand, type CaptureHandle, type CommandOutput } from "./backend.js";
import { commands } from "./commands/index.js";
import { type HostTopology, LabConfigError, type Topology } from "./config.js";
import type { HookRegistry } from "./draw/hook-map/hook-map.js";
import type { HostEnvironment } from "./environment.js";
import { FileSystem } from "./files.js";
import { forwardingSysctls, hostSysctls } from "./host-sysctls.js";
import { type IpFamily, isIPv6 } from "./ip-family.js";
import { drawingsPart, MissingPartError, rarePart } from "./parts.js";
import { LINKTYPE_ETHERNET, LINKTYPE_RAW, type PcapRecord, writePcap } from "./pcap.js";
import { addProcFiles } from "./proc.js";
import { quoteWord } from "./quote.js";
import { Process, passTime, runToEnd, type Signal } from "./scheduler.js";
import { Shell } from "./shell/interpreter.js";
import { standstill } from "./standstill.js";
import { Terminal, TextReader } from "./streams.js";
import type { DeviceName, HookUser, Walk, WalkEvents } from "./walk.js";

/** After a command, whatever is due within this time of the last thing that happened still happens: packets land. */
const SETTLE_MICROS = 50_000;
/** But no longer than this: another command may keep talking. */
const SETTLE_LIMIT_MICROS = 1_000_000;

/** A command takes a moment even when it waits for nothing: what was just made is a moment old when it is looked at. */
const COMMAND_MICROS = 1000;

/** How much of an endless command's output its error repeats, in UTF-16 code units. */
const MOST_SHOWN = 2000;

/** What moves the lab, in steps as {@link standstill} carries them. */
type Steps = Generator<void, void, void>;

/** A script that was begun; `process` is null as long as the lab stands still before it. */
interface Begun {
  readonly process: Process | null;
}

/** A command that would not end. */
export class EndlessCommandError extends Error {
  override readonly name = "EndlessCommandError";
  /** What it had printed. */
  readonly text: string;

  constructor(host: string, script: string, reason: string, text: string) {
    const begin = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}...` : text;
    const shown = script.trim().split("\n").length > 1 ? `${script.trim().split("\n")[0]} ...` : script.trim();
    super(
      `${host}: \`${shown}\` ${reason}. Start a command that keeps running with ` +
        `${host}.start\`...\`, or bound it (ping -c, timeout).${text === "" ? "" : `\nIt had printed:\n${begin}`}`,
    );
    this.text = text;
  }
}

class EngineHost implements HostEnvironment {
  readonly name: string;
  readonly net: NetNamespace;
  readonly clock: VirtualClock;
  readonly files: FileSystem;
  readonly kernelLog: { atMicros: number; line: string }[] = [];
  readonly listeners: Set<(passage: PacketTrace) => void> = new Set();

  constructor({ name, ipv6 }: HostTopology, clock: VirtualClock, random: SeededRandom) {
    this.name = name;
    this.clock = clock;
    this.net = new NetNamespace(name, clock, random);
    for (const [key, value] of hostSysctls(ipv6)) this.net.sysctl.lookup(key)?.set?.(value);
    this.net.printk = (line) => this.kernelLog.push({ atMicros: clock.nowMicros, line });
    this.files = new FileSystem(this.net);
    addProcFiles(this.files, this.net);
  }

  hookUsers(family: IpFamily): HookUser[] {
    return HOOK_NAMES.flatMap((hook, number) =>
      (family === "ipv6" ? this.net.hooks6 : this.net.hooks)
        .entries(number as HookNumber)
        .map(({ priority, name, module, label }) => ({ hook, priority, fn: name, module, label })),
    );
  }
}

export class EngineBackend implements Backend {
  readonly name = "engine";
  readonly #clock: VirtualClock = new VirtualClock();
  readonly #hosts: Map<string, EngineHost> = new Map();
  readonly #peers: Map<string, DeviceName> = new Map();
  readonly #background: Set<Process> = new Set();
  #count = 0;
  #settleMicros = SETTLE_MICROS;

  /**
   * Makes the hosts and cables, and gives the hosts their routes and tunables by command, for some of which a part has
   * to come first. Throws {@link LabConfigError} for what only the host itself can judge.
   */
  static async make(topology: Topology): Promise<EngineBackend> {
    const backend = new EngineBackend(topology);
    await standstill.carry(backend.#configure(topology));
    return backend;
  }

  private constructor(topology: Topology) {
    const seeds = new SeededRandom(topology.seed);
    for (const host of topology.hosts)
      this.#hosts.set(host.name, new EngineHost(host, this.#clock, new SeededRandom(seeds.u32())));
    this.#makeDevices(topology, new SeededRandom(seeds.u32()));
    for (const host of topology.hosts) {
      const { net } = this.host(host.name);
      net.ip.setUp(net.loopback);
      for (const { name, addresses, addresses6 } of host.devices) {
        const dev = net.devices.get(name);
        if (dev === undefined) continue;
        for (const { address, prefixLength } of addresses) net.ip.addAddress(dev, { local: address, prefixLength });
        for (const { address, prefixLength } of addresses6) net.ip6.addAddress(dev, address, prefixLength);
        net.ip.setUp(dev);
      }
    }
  }

  *#configure(topology: Topology): Steps {
    for (const host of topology.hosts) {
      const at = `hosts.${host.name}`;
      for (const key of forwardingSysctls(host))
        yield* this.#setUp(host.name, `${at}.forwarding`, `sysctl -q ${key}=1`);
      for (const [key, value] of host.sysctl)
        yield* this.#setUp(host.name, `${at}.sysctl["${key}"]`, `sysctl -q ${quoteWord(`${key}=${value}`)}`);
      for (const [index, route] of host.routes.entries()) {
        const words = route.trim().split(/\s+/).map(quoteWord).join(" ");
        yield* this.#setUp(host.name, `${at}.routes[${index}]`, `ip route add ${words}`);
      }
    }
  }

  /** Devices get their numbers in the order in which the host names them. */
  #makeDevices(topology: Topology, random: SeededRandom): void {
    const ends = new Map<string, { link: number; side: 0 | 1 }>();
    topology.links.forEach((link, index) => {
      link.ends.forEach((end, side) => ends.set(`${end.host}.${end.device}`, { link: index, side: side as 0 | 1 }));
      const [a, b] = link.ends;
      this.#peers.set(`${a.host}.${a.device}`, b);
      this.#peers.set(`${b.host}.${b.device}`, a);
      this.#settleMicros = Math.max(this.#settleMicros, SETTLE_MICROS + 2 * link.latencyMicros);
    });
    const indexes = new Map<string, number>();
    for (const host of topology.hosts)
      for (const device of host.devices)
        indexes.set(`${host.name}.${device.name}`, this.host(host.name).net.nextIfindex());
    const make = (host: string, device: string): VethDevice => {
      const { net } = this.host(host);
      const dev = new VethDevice(net, device, indexes.get(`${host}.${device}`) ?? net.nextIfindex(), random);
      dev.mac = deterministicMac(net, dev.ifindex);
      return dev;
    };
    const made = new Map<string, VethDevice>();
    for (const host of topology.hosts)
      for (const device of host.devices) made.set(`${host.name}.${device.name}`, make(host.name, device.name));
    for (const [key, dev] of made) {
      const end = ends.get(key);
      if (end !== undefined) {
        const link = topology.links[end.link];
        const other = link.ends[1 - end.side];
        dev.peer = made.get(`${other.host}.${other.device}`) ?? null;
        dev.latencyMicros = link.latencyMicros;
        dev.loss = link.loss;
        dev.mtu = link.mtu;
      }
      dev.net.addDevice(dev);
    }
  }

  /** One command of a host's set-up, which takes no time. */
  *#setUp(host: string, field: string, command: string): Steps {
    const terminal = new Terminal();
    const process = this.#spawn(host, command, terminal);
    while (standstill.isHeld) yield;
    if (process.failure !== null) throw process.failure.error;
    if (process.status !== 0) throw new LabConfigError(field, terminal.text.trim());
  }

  host(name: string): EngineHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`there is no host ${JSON.stringify(name)}`);
    return host;
  }

  get nowMicros(): number {
    return this.#clock.nowMicros;
  }

  async sleep(micros: number): Promise<void> {
    await standstill.carry(passTime(this.#clock, micros));
  }

  #spawn(hostName: string, script: string, terminal: Terminal): Process {
    const host = this.host(hostName);
    const shell = new Shell(host, commands);
    const body = shell.run(script, {
      stdin: new TextReader(""),
      stdout: terminal.stdoutWriter,
      stderr: terminal.stderrWriter,
    });
    return new Process(this.#clock, body, shell).start();
  }

  async run(host: string, script: string): Promise<CommandOutput> {
    const terminal = new Terminal();
    const begun = this.#begin(host, script, terminal);
    // Commands that were begun together (`Promise.all`) run together.
    await Promise.resolve();
    await standstill.carry(this.#drive(begun, host, script, terminal));
    const status = begun.process?.status ?? 1;
    return { stdout: terminal.stdout, stderr: terminal.stderr, text: terminal.text, status };
  }

  /** Begins a script, now or after the standstill. */
  #begin(host: string, script: string, terminal: Terminal): Begun {
    const begun: { process: Process | null } = { process: null };
    this.host(host);
    standstill.whenMoving(() => {
      begun.process = this.#spawn(host, script, terminal);
    });
    return begun;
  }

  /** Runs the clock until the process ends, and then until packets in flight have landed. */
  *#drive(begun: Begun, host: string, script: string, terminal: Terminal): Steps {
    const { process } = begun;
    if (process === null) return;
    const endless = yield* runToEnd(this.#clock, process);
    if (endless !== null) throw new EndlessCommandError(host, script, endless, terminal.text);
    yield* this.#settle();
  }

  /** Lets everything happen that is about to: packets in flight, acknowledgements that were held back. */
  *#settle(): Steps {
    const clock = this.#clock;
    if (standstill.isHeld) yield;
    const limit = clock.nowMicros + Math.max(SETTLE_LIMIT_MICROS, this.#settleMicros);
    while (clock.nextMicros <= Math.min(clock.nowMicros + this.#settleMicros, limit)) {
      clock.step();
      if (standstill.isHeld) yield;
    }
    yield* passTime(clock, COMMAND_MICROS);
  }

  start(host: string, script: string): BackgroundCommand {
    const terminal = new Terminal();
    const begun = this.#begin(host, script, terminal);
    void standstill.carry(this.#settleStarted(begun));
    return {
      output: terminal,
      get status() {
        return begun.process?.status ?? null;
      },
      kill: async (signal) => {
        await standstill.carry(this.#kill(begun, signal));
      },
      wait: async () => {
        await Promise.resolve();
        await standstill.carry(this.#drive(begun, host, script, terminal));
      },
    };
  }

  *#settleStarted(begun: Begun): Steps {
    const { process } = begun;
    if (process === null) return;
    this.#background.add(process);
    yield* this.#settle();
    // Nobody may ever ask what became of it.
    if (process.failure?.error instanceof MissingPartError) throw process.failure.error;
  }

  *#kill(begun: Begun, signal: Signal): Steps {
    begun.process?.kill(signal);
    yield* this.#settle();
  }

  async walk(hosts: readonly string[], action: () => unknown): Promise<Walk> {
    if (standstill.isHeld) await this.#whenMoving(() => {});
    const passages: PacketTrace[] = [];
    const events: WalkEvents[] = [];
    const stops = hosts.map((name) => this.#watch(this.host(name), passages, events));
    try {
      await action();
      await standstill.carry(this.#settle());
    } finally {
      for (const stop of stops) stop();
    }
    passages.sort((a, b) => a.order - b.order);
    // Packets are numbered from 1 in each walk, whatever came before.
    const serials = new Map<number, number>();
    for (const { serial } of passages) if (!serials.has(serial)) serials.set(serial, serials.size + 1);
    const users = new Map(
      hosts.flatMap((name) =>
        (["ipv4", "ipv6"] as const).map((family) => [`${family} ${name}`, this.host(name).hookUsers(family)] as const),
      ),
    );
    const { Walk, walkPacket } = await drawingsPart.load();
    const packets = passages.map((passage) =>
      walkPacket(
        { ...passage, serial: serials.get(passage.serial) ?? 0 },
        users.get(`${passage.before[0] >> 4 === 6 ? "ipv6" : "ipv4"} ${passage.host}`) ?? [],
        (host, device) => this.#peers.get(`${host}.${device}`) ?? null,
      ),
    );
    return new Walk(packets, events);
  }

  async hooks(host: string, family: IpFamily): Promise<HookRegistry> {
    const users = await this.#whenMoving(() => this.host(host).hookUsers(family));
    const { HookRegistry } = await drawingsPart.load();
    return new HookRegistry(host, users, family);
  }

  async conntrack(host: string): Promise<readonly ConntrackSnapshot[]> {
    return await this.#whenMoving(() => this.host(host).net.ct.list());
  }

  /** What is true when everything that was begun before has got as far as it gets without letting time pass. */
  #whenMoving<T>(look: () => T): Promise<T> {
    // oxlint-disable-next-line require-yield
    return standstill.carry(
      (function* () {
        return look();
      })(),
    );
  }

  async close(): Promise<void> {
    await this.#whenMoving(() => {
      for (const process of this.#background) process.kill("SIGKILL");
      this.#background.clear();
    });
  }

  #watch(host: EngineHost, passages: PacketTrace[], events: WalkEvents[]): () => void {
    const listener = (passage: PacketTrace): void => void passages.push(passage);
    host.listeners.add(listener);
    if (host.listeners.size === 1)
      host.net.trace = new PacketTracer(
        host.name,
        () => this.#clock.nowMicros,
        (passage) => {
          for (const each of host.listeners) each(passage);
        },
        () => ++this.#count,
      );
    const unsubscribe = host.net.ct.subscribe((event: ConntrackEvent) => events.push({ host: host.name, event }));
    return () => {
      unsubscribe();
      host.listeners.delete(listener);
      if (host.listeners.size === 0) host.net.trace = null;
    };
  }

  async send(host: string, packet: Uint8Array): Promise<void> {
    const { sendRaw, sendRaw6 } = await rarePart.load();
    const sendWritten = isIPv6(packet) ? sendRaw6 : sendRaw;
    await this.#whenMoving(() => sendWritten(this.host(host).net, packet));
    await standstill.carry(this.#settle());
  }

  capture({ host, device }: DeviceName): CaptureHandle {
    const dev = this.host(host).net.devices.get(device);
    if (dev === undefined) throw new Error(`${host} has no device ${JSON.stringify(device)}`);
    const records: PcapRecord[] = [];
    const epochMicros = this.#clock.epochMillis * 1000;
    const ethernet = dev.mac !== null;
    const record: Parameters<typeof dev.addTap>[0] = (direction, skb, tapped) => {
      const header = ethernet ? ethernetHeader(direction, skb, tapped) : null;
      const frame = new Uint8Array((header?.length ?? 0) + skb.len);
      if (header !== null) frame.set(header);
      frame.set(skb.bytes(), header?.length ?? 0);
      records.push({ atMicros: epochMicros + this.#clock.nowMicros, frame });
    };
    let stop = (): void => {};
    standstill.whenMoving(() => {
      stop = dev.addTap(record);
    });
    return {
      pcap: () => writePcap(ethernet ? LINKTYPE_ETHERNET : LINKTYPE_RAW, records),
      get count() {
        return records.length;
      },
      stop: () => standstill.whenMoving(() => stop()),
    };
  }
}
