/**
 * Hosts, cables and commands: what a lesson is written with. Everything that may take time is a promise, so that the
 * same cells run on any backend; on the engine time is virtual and costs nothing.
 */
import type { Backend, BackgroundCommand, CaptureHandle, CommandOutput } from "./backend.js";
import { type BackendName, checkBackendName, checkConfig, type LabConfig, type Topology } from "./config.js";
import type { ConntrackTable } from "./draw/conntrack-table.js";
import { type Drawing, JUPYTER_DISPLAY, type MimeBundle, NODE_INSPECT } from "./draw/drawing.js";
import type { HookRegistry } from "./draw/hook-map/hook-map.js";
import { drawTopology } from "./draw/topology.js";
import { parseDuration } from "./duration.js";
import { EngineBackend } from "./engine-backend.js";
import type { IpFamily } from "./ip-family.js";
import { noteLab } from "./living-labs.js";
import { drawingsPart } from "./parts.js";
import { scriptOf } from "./quote.js";
import type { Walk } from "./walk.js";

/** What a command printed and how it ended. As a cell's last line it shows what a terminal would. */
export class ShellResult {
  /** What was written to standard output. */
  readonly stdout: string;
  /** What was written to standard error. */
  readonly stderr: string;
  /** The exit status: 0 for success. */
  readonly status: number;
  /** Both streams as a terminal shows them. */
  readonly text: string;

  constructor(output: CommandOutput) {
    this.stdout = output.stdout;
    this.stderr = output.stderr;
    this.status = output.status;
    this.text = output.text;
  }

  /** The lines of {@link stdout}. */
  get lines(): string[] {
    return splitLines(this.stdout);
  }

  /** Standard output without the last newline: for `${...}`. */
  toString(): string {
    return this.stdout.replace(/\n$/, "");
  }

  /** @internal */
  [JUPYTER_DISPLAY](): MimeBundle {
    return { "text/plain": shown(this.text, this.status) };
  }

  /** @internal */
  [NODE_INSPECT](): string {
    return shown(this.text, this.status);
  }
}

/** A command that keeps running. As a cell's last line it shows what it has printed so far. */
export class RunningCommand {
  readonly #command: BackgroundCommand;

  constructor(command: BackgroundCommand) {
    this.#command = command;
  }

  /** What it has printed so far, both streams as a terminal shows them. */
  get text(): string {
    return this.#command.output.text;
  }

  /** What it has written to standard output so far. */
  get stdout(): string {
    return this.#command.output.stdout;
  }

  /** What it has written to standard error so far. */
  get stderr(): string {
    return this.#command.output.stderr;
  }

  /** The lines of {@link stdout} so far. */
  get lines(): string[] {
    return splitLines(this.stdout);
  }

  /** Whether it has ended. */
  get done(): boolean {
    return this.#command.status !== null;
  }

  /** Its exit status; null while it runs. */
  get status(): number | null {
    return this.#command.status;
  }

  /** Ends it as Ctrl-C does, and tells what it printed in all. */
  async stop(): Promise<ShellResult> {
    await this.#command.kill("SIGINT");
    return this.#result();
  }

  /** Ends it as `kill` does (SIGTERM), and tells what it printed in all. */
  async kill(): Promise<ShellResult> {
    await this.#command.kill("SIGTERM");
    return this.#result();
  }

  /** Waits until it ends by itself. */
  async wait(): Promise<ShellResult> {
    await this.#command.wait();
    return this.#result();
  }

  #result(): ShellResult {
    const { stdout, stderr, text } = this.#command.output;
    return new ShellResult({ stdout, stderr, text, status: this.#command.status ?? 0 });
  }

  /** @internal */
  [JUPYTER_DISPLAY](): MimeBundle {
    return { "text/plain": shown(this.text, this.#command.status ?? 0) };
  }

  /** @internal */
  [NODE_INSPECT](): string {
    return shown(this.text, this.#command.status ?? 0);
  }
}

function splitLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function shown(text: string, status: number): string {
  const body = text.replace(/\n$/, "");
  if (status === 0) return body;
  return `${body}${body === "" ? "" : "\n"}[exit status ${status}]`;
}

/** Packets caught on one device. */
export class Capture {
  readonly #handle: CaptureHandle;

  constructor(handle: CaptureHandle) {
    this.#handle = handle;
  }

  /** The capture so far as the bytes of a pcap file, for Wireshark. */
  get pcap(): Uint8Array {
    return this.#handle.pcap();
  }

  /** How many packets were caught so far. */
  get count(): number {
    return this.#handle.count;
  }

  /** Catches no more; what was caught stays. */
  stop(): void {
    this.#handle.stop();
  }
}

/** One host of a lab. */
export class Host {
  /** Its name in the lab. */
  readonly name: string;
  readonly #backend: Backend;

  constructor(name: string, backend: Backend) {
    this.name = name;
    this.#backend = backend;
  }

  /**
   * Runs commands as root's shell does, to their end. In a template, interpolated values become one word each, quoted.
   * A command that fails does not throw: look at {@link ShellResult.status}. A command that would never end does, with
   * an `EndlessCommandError`: one that waits for what cannot come (on Linux: when no process of the lab has done
   * anything or waited for a time for 15 seconds), and one that has not ended after 10 minutes of the lab's time.
   */
  async sh(script: TemplateStringsArray | string, ...values: unknown[]): Promise<ShellResult> {
    return new ShellResult(await this.#backend.run(this.name, scriptOf(script, values)));
  }

  /** Begins a command that keeps running: `nc -l`, `conntrack -E`, `tcpdump`. */
  start(script: TemplateStringsArray | string, ...values: unknown[]): RunningCommand {
    return new RunningCommand(this.#backend.start(this.name, scriptOf(script, values)));
  }

  /** Runs `action` and returns the journey of every packet that crossed this host meanwhile. */
  async walk(action: () => unknown): Promise<Walk> {
    return await this.#backend.walk([this.name], action);
  }

  /**
   * Sends a packet written by hand, byte for byte from its IP header on, as a raw socket does (`IPPROTO_RAW`). Of IPv4
   * the kernel fills in the total length, the header checksum, and source and identification when they are 0 (raw(7));
   * of IPv6 nothing, and an address of a link has no way, as nothing says which link. Throws a `SystemError` when it
   * cannot: a header cut short (EINVAL), more than the device takes (EMSGSIZE), no route, or a rule that drops it
   * (EPERM).
   */
  async send(packet: Uint8Array): Promise<void> {
    await this.#backend.send(this.name, packet);
  }

  /** Who hangs on this host's hooks now, those of IPv4 unless told otherwise; draws itself as the map of the hooks. */
  async hooks(family: IpFamily = "ipv4"): Promise<HookRegistry> {
    return await this.#backend.hooks(this.name, family);
  }

  /** This host's conntrack table now; draws itself as a table. `conntrack -L` prints the same. */
  async conntrack(): Promise<ConntrackTable> {
    const entries = await this.#backend.conntrack(this.name);
    const { ConntrackTable } = await drawingsPart.load();
    return new ConntrackTable(this.name, entries);
  }

  /** @internal */
  [JUPYTER_DISPLAY](): MimeBundle {
    return { "text/plain": `Host ${this.name}` };
  }

  /** @internal */
  [NODE_INSPECT](): string {
    return `Host ${this.name}`;
  }
}

/** Hosts and the cables between them. `Names` are the names of the hosts. */
export class Lab<Names extends string = string> {
  /** The hosts by name. */
  readonly hosts: Readonly<Record<Names, Host>>;
  readonly #backend: Backend;
  readonly #topology: Topology;

  private constructor(backend: Backend, topology: Topology) {
    const names = topology.hosts.map((host) => host.name);
    this.#backend = backend;
    this.#topology = topology;
    this.hosts = Object.fromEntries(names.map((name) => [name, new Host(name, backend)])) as Record<Names, Host>;
  }

  /**
   * Makes a lab. A mistake in the configuration throws a `LabConfigError` that names the field, before anything is
   * made. On the backend `linux`, a machine that lacks what it needs throws a `LinuxUnavailableError` that names it.
   */
  static async create<Names extends string>(config: LabConfig<Names>): Promise<Lab<Names>> {
    const topology = checkConfig(config);
    const backend = await makeBackend(topology);
    noteLab(backend);
    return new Lab<Names>(backend, topology);
  }

  /** Seconds since the lab was made, to the microsecond. */
  get now(): number {
    return this.#backend.nowMicros / 1_000_000;
  }

  /** Lets time pass: `"120s"`, `"1ms"`, `"2min"`, `"5d"`, or a number of seconds. On the engine it returns at once. */
  async sleep(duration: string | number): Promise<void> {
    await this.#backend.sleep(parseDuration(duration));
  }

  /** Runs `action` and returns the journeys of all packets through all hosts meanwhile, in order. */
  async walk(action: () => unknown): Promise<Walk> {
    return await this.#backend.walk(Object.keys(this.hosts), action);
  }

  /** Begins to catch the packets of one device, `"client.eth0"`. Throws when there is none of that name. */
  capture(device: string): Capture {
    const match = /^([^.]+)\.(.+)$/.exec(device);
    if (match === null) throw new Error(`${JSON.stringify(device)} is not a device such as "client.eth0"`);
    return new Capture(this.#backend.capture({ host: match[1], device: match[2] }));
  }

  /** Ends every command of the lab; on Linux, removes its namespaces. Ending the program does the same. */
  async close(): Promise<void> {
    await this.#backend.close();
  }

  /** The hosts and cables as configured; drawn when the lab is a cell's last line. */
  get topology(): Drawing {
    return drawTopology(this.#topology);
  }

  /** @internal */
  [JUPYTER_DISPLAY](): MimeBundle {
    return this.topology[JUPYTER_DISPLAY]();
  }

  /** @internal */
  [NODE_INSPECT](): string {
    return `Lab with ${Object.keys(this.hosts).join(", ")}`;
  }
}

/** The backend of the configuration, else of the environment (where there is one: a browser has none). */
function backendName(topology: Topology): BackendName {
  if (topology.backend !== null) return topology.backend;
  const { process } = globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } };
  const name = process?.env?.NETFILTER_LAB_BACKEND ?? "";
  if (name === "") return "engine";
  checkBackendName("NETFILTER_LAB_BACKEND", name);
  return name;
}

async function makeBackend(topology: Topology): Promise<Backend> {
  if (backendName(topology) === "engine") return await EngineBackend.make(topology);
  // Only Node can load it; bundlers leave the import as it is.
  const { LinuxBackend } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "./linux/backend.js");
  return await LinuxBackend.make(topology);
}
