/**
 * Scenarios on the engine: one network namespace between TUN devices, its shell, a virtual clock. A packet takes no
 * time, a command next to none; a pause costs nothing.
 */
import {
  type ConntrackEvent,
  IFF_MULTICAST,
  NetNamespace,
  type PacketTrace,
  PinnedRandom,
  parseCidr,
  parseCidr6,
  SeededRandom,
  SysctlError,
  strerror,
  TunDevice,
  VirtualClock,
} from "@netfilter-lab/engine";
import { eventLine, PLAIN_FORMAT } from "../commands/conntrack/print.js";
import { commands } from "../commands/index.js";
import { parseDuration } from "../duration.js";
import type { HostEnvironment } from "../environment.js";
import { FileSystem } from "../files.js";
import { addProcFiles } from "../proc.js";
import { Process, runToEnd } from "../scheduler.js";
import { Shell } from "../shell/interpreter.js";
import { Terminal, TextReader } from "../streams.js";
import { BASELINE_SYSCTLS, IPV6_SYSCTLS, usesIPv6 } from "./baseline.js";
import { fromHex, toHex } from "./bytes.js";
import { commandResult, refuseUnsupported, requireSuccess } from "./command-result.js";
import {
  type CommandResult,
  type PacketOut,
  type PacketResult,
  type Scenario,
  ScenarioError,
  type ScenarioResult,
  type ScenarioRunner,
  type ScenarioStep,
  type StepResult,
} from "./model.js";

/**
 * A command takes a moment: nothing is at the clock's very beginning. It is shorter than any kernel's, so that where
 * seconds are compared the kernel can only be the later one: with a whole jiffy, a quick kernel was the earlier.
 */
const COMMAND_MICROS = 1;

/** The gateway of one scenario. */
class Gateway {
  readonly #clock: VirtualClock = new VirtualClock();
  readonly net: NetNamespace;
  readonly #host: HostEnvironment;
  readonly #devices: Map<string, TunDevice> = new Map();
  /** What left since it was last asked for, by device in the scenario's order. */
  readonly #sent: Map<string, string[]> = new Map();
  #events: string[] = [];

  constructor(scenario: Scenario) {
    const net = new NetNamespace("gateway", this.#clock, new PinnedRandom(scenario.random ?? [], new SeededRandom(1)));
    this.net = net;
    const files = new FileSystem(net);
    addProcFiles(files, net);
    const kernelLog: { atMicros: number; line: string }[] = [];
    net.printk = (line) => kernelLog.push({ atMicros: this.#clock.nowMicros, line });
    this.#host = { name: "gateway", net, clock: this.#clock, files, kernelLog };
    net.ct.subscribe((event) => this.#events.push(this.#eventText(event)));
    const ipv6 = usesIPv6(scenario.devices);
    const off = { "net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1" };
    for (const [name, value] of Object.entries({ ...BASELINE_SYSCTLS, ...(ipv6 ? IPV6_SYSCTLS : off) }))
      net.sysctl.lookup(name)?.set?.(value);
    net.ip.setUp(net.loopback);
    for (const [name, addresses] of Object.entries(scenario.devices)) this.#addDevice(name, addresses, ipv6);
    for (const [name, value] of Object.entries(scenario.sysctl ?? {})) this.#setSysctl(name, value);
  }

  /** Every packet's passage is told from now on. */
  listen(listener: (passage: PacketTrace) => void): void {
    this.net.listen(listener);
  }

  #eventText(event: ConntrackEvent): string {
    return eventLine(event, PLAIN_FORMAT, this.#clock.epochMillis * 1000, "conntrack").trimStart();
  }

  #addDevice(name: string, addresses: readonly string[], ipv6: boolean): void {
    const dev = new TunDevice(this.net, name);
    if (ipv6) dev.kindFlags &= ~IFF_MULTICAST;
    const sent: string[] = [];
    dev.onTransmit = (bytes) => sent.push(toHex(bytes));
    this.#devices.set(name, dev);
    this.#sent.set(name, sent);
    this.net.ip.setUp(dev);
    for (const text of addresses) {
      if (text.includes(":")) {
        const { address, prefixLength } = parseCidr6(text);
        this.net.ip6.addAddress(dev, address, prefixLength);
        continue;
      }
      const { address, prefixLength } = parseCidr(text);
      this.net.ip.addAddress(dev, { local: address, prefixLength });
    }
  }

  #setSysctl(name: string, value: string): void {
    const field = `sysctl[${JSON.stringify(name)}]`;
    const entry = this.net.sysctl.lookup(name.replaceAll("/", "."));
    if (entry === undefined) throw new ScenarioError(field, "the engine has no such tunable");
    if (entry.set === undefined) throw new ScenarioError(field, "is read-only");
    try {
      entry.set(value.trim());
    } catch (error) {
      if (!(error instanceof SysctlError)) throw error;
      throw new ScenarioError(field, `${JSON.stringify(value)} is refused (${strerror(error.errno)})`);
    }
  }

  /** What left and happened since the last call. */
  take(): PacketResult {
    const out: PacketOut[] = [];
    for (const [dev, sent] of this.#sent) {
      for (const hex of sent) out.push({ dev, hex });
      sent.length = 0;
    }
    const events = this.#events;
    this.#events = [];
    return { out, events };
  }

  packet(dev: string, bytes: Uint8Array): PacketResult {
    this.#devices.get(dev)?.inject(bytes);
    this.#clock.advance(0);
    return this.take();
  }

  sleep(micros: number): PacketResult {
    this.#clock.advance(micros);
    return this.take();
  }

  command(field: string, script: string): CommandResult {
    const terminal = new Terminal();
    const shell = new Shell(this.#host, commands);
    const streams = { stdin: new TextReader(""), stdout: terminal.stdoutWriter, stderr: terminal.stderrWriter };
    const process = new Process(this.#clock, shell.run(script, streams), shell).start();
    // All parts of the program are there: nothing holds the clock up between its steps.
    const { value: endless } = runToEnd(this.#clock, process).next();
    if (typeof endless === "string") throw new ScenarioError(field, `the command ${endless}`);
    this.#clock.advance(COMMAND_MICROS);
    const { stdout, stderr } = terminal;
    const output = { stdout, stderr, status: process.status ?? 1 };
    refuseUnsupported(field, output);
    return commandResult(output, this.take());
  }
}

/** Looks on while scenarios run. */
export interface EngineObserver {
  /** Each packet's passage through the gateway, and during which step it was; with it the steps' packets are traced. */
  passage?(passage: PacketTrace, step: number): void;
  /** The gateway when a step is over. */
  afterStep?(net: NetNamespace, step: number): void;
}

/** Runs scenarios on the engine. */
export class EngineRunner implements ScenarioRunner {
  readonly backend = "engine";
  readonly #observer: EngineObserver;

  constructor(observer: EngineObserver = {}) {
    this.#observer = observer;
  }

  run(scenario: Scenario): ScenarioResult {
    const gateway = new Gateway(scenario);
    (scenario.setup ?? []).forEach((command, index) => {
      const field = `setup[${index}]`;
      requireSuccess(field, gateway.command(field, command));
    });
    gateway.take();
    let current = 0;
    const observer = this.#observer;
    if (observer.passage !== undefined) gateway.listen((passage) => observer.passage?.(passage, current));
    const steps = (scenario.steps ?? []).map((step, index) => {
      current = index;
      const result = runStep(gateway, `steps[${index}]`, step);
      observer.afterStep?.(gateway.net, index);
      return result;
    });
    const last = (scenario.finally ?? []).map((command, index) => gateway.command(`finally[${index}]`, command));
    return { version: 1, name: scenario.name, steps, finally: last };
  }

  close(): void {}
}

function runStep(gateway: Gateway, field: string, step: ScenarioStep): StepResult {
  if ("run" in step) return gateway.command(`${field}.run`, step.run);
  if ("sleep" in step) return gateway.sleep(parseDuration(step.sleep));
  return gateway.packet(step.in, fromHex(step.hex));
}
