/// <reference types="node" />
/**
 * Scenarios on this machine's kernel: each in a network namespace of its own, its commands run by bash with the real
 * tools. One thread does everything in turn, and waits for nothing but commands and pauses.
 */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { parseDuration } from "../../duration.js";
import { fromHex } from "../bytes.js";
import { commandResult, refuseUnsupported, requireSuccess } from "../command-result.js";
import {
  type CommandResult,
  type Scenario,
  type ScenarioResult,
  type ScenarioRunner,
  type ScenarioStep,
  type StepResult,
} from "../model.js";
import { type Libc, loadLibc } from "./libc.js";
import { GatewayNamespace } from "./namespace.js";
import { missingOn, thisMachine } from "./requirements.js";
import { Sandbox } from "./sandbox.js";

/** What this machine lacks, one sentence each; none when {@link LinuxRunner} can be made. */
export function missingForLinux(): string[] {
  return missingOn(thisMachine());
}

/**
 * When an address goes or a device goes down, the kernel forgets masqueraded connections from a work queue. It takes up
 * what was queued in turn, so that work of our own behind it tells when it was begun; where it had to wait for others'
 * it is given this long to go on, in milliseconds.
 */
const WORK_QUEUE_MS = 15;
/** A write is done when every processor's queue has come to it. Models `schedule_on_each_cpu()`. */
const WORK_BARRIER = "/proc/sys/vm/stat_refresh";
/** Commands that take away an address or a device: `ip a d`, `ip link set X down`, `ip addr flush`, `ifconfig X 0`. */
const LEAVES_WORK = /\b(?:ip|ifconfig)\b[^\n;&|]*\s(?:d|de|del\w*|f|fl\w*|do|down|0|0\.0\.0\.0)(?=\s|[;&|]|$)/m;

/**
 * Runs all commands in turn, each in a subshell, and stops at the first that fails; its number goes to descriptor 3.
 */
const SETUP_SCRIPT = `
exec 3>&1 1>/dev/null
i=0
for command in "$@"; do
  ( exec 3>&-; eval "$command" ) </dev/null || { status=$?; echo $i >&3; exit $status; }
  i=$((i + 1))
done`;

/** Stands around each step of a scenario: does what it wants before and after, and gives back what `run` gave. */
export type AroundStep = (index: number, run: () => StepResult) => StepResult;

/** Runs scenarios on the real kernel. Needs root; see {@link missingForLinux}. */
export class LinuxRunner implements ScenarioRunner {
  readonly backend = "linux";
  readonly #around: AroundStep;
  readonly #libc: Libc = loadLibc();
  /** The namespace that this program came from. */
  readonly #home: number = openSync("/proc/thread-self/ns/net", "r");
  readonly #sandbox: Sandbox = new Sandbox(this.#libc);

  /** `around` may watch the kernel while it is busy with a step, such as by its function tracer. */
  constructor(around: AroundStep = (_index, run) => run()) {
    this.#around = around;
  }

  run(scenario: Scenario): ScenarioResult {
    const gateway = new GatewayNamespace(this.#libc, this.#home, scenario);
    try {
      this.#setUp(gateway, scenario.setup ?? []);
      const steps = (scenario.steps ?? []).map((step, index) =>
        this.#around(index, () => this.#step(gateway, `steps[${index}]`, step)),
      );
      const last = (scenario.finally ?? []).map((command, index) =>
        this.#command(gateway, `finally[${index}]`, command),
      );
      return { version: 1, name: scenario.name, steps, finally: last };
    } finally {
      gateway.leave();
      this.#sandbox.clear();
    }
  }

  #setUp(gateway: GatewayNamespace, commands: readonly string[]): void {
    if (commands.length === 0) return;
    const { stdout, stderr, status } = this.#sandbox.run(SETUP_SCRIPT, commands);
    const field = `setup[${stdout.trim()}]`;
    refuseUnsupported(field, { stdout: "", stderr, status });
    requireSuccess(field, { stdout: "", stderr, status });
    if (commands.some((command) => LEAVES_WORK.test(command))) {
      awaitWork();
      while (gateway.wait(WORK_QUEUE_MS)) gateway.take();
    }
    gateway.take();
  }

  #step(gateway: GatewayNamespace, field: string, step: ScenarioStep): StepResult {
    if ("run" in step) return this.#command(gateway, `${field}.run`, step.run);
    if ("sleep" in step) pause(parseDuration(step.sleep));
    else gateway.inject(step.in, fromHex(step.hex));
    return gateway.take();
  }

  #command(gateway: GatewayNamespace, field: string, command: string): CommandResult {
    const output = this.#sandbox.run(command);
    refuseUnsupported(field, output);
    const { out, events } = gateway.take();
    if (LEAVES_WORK.test(command)) {
      awaitWork();
      while (gateway.wait(WORK_QUEUE_MS)) {
        const more = gateway.take();
        out.push(...more.out);
        events.push(...more.events);
      }
    }
    return commandResult(output, { out, events });
  }

  close(): void {
    this.#sandbox.close();
    closeSync(this.#home);
  }
}

/** Waits until the kernel's work queues have begun all that was queued, however busy the machine is. */
function awaitWork(): void {
  try {
    writeFileSync(WORK_BARRIER, "1");
  } catch {
    // Not every container may: then the time that is given has to do.
  }
}

/** Lets real time pass. */
function pause(micros: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, micros / 1000);
}
