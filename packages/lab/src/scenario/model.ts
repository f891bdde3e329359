/**
 * What the `scenario` front door reads and writes, version 1: a gateway between point-to-point IP devices, its set-up,
 * and the packets, pauses and commands that follow one another; then what each of them gave. The JSON schemas in
 * schema/ describe the same for programs.
 */

/** A packet that arrives by a device, byte for byte from its IP header on. */
export interface PacketStep {
  /** The device. */
  readonly in: string;
  /** The packet in hexadecimal digits. */
  readonly hex: string;
}

/** Time passes. */
export interface SleepStep {
  /** Such as `"1s"`, `"200ms"`, `"2min"`. */
  readonly sleep: string;
}

/** A command of root's shell. */
export interface RunStep {
  readonly run: string;
}

export type ScenarioStep = PacketStep | SleepStep | RunStep;

/** One line of input. */
export interface Scenario {
  readonly version: 1;
  /** Comes back with the result. */
  readonly name: string;
  /** Addresses with prefix length of each device, by its name; the devices come in this order and are up. */
  readonly devices: Readonly<Record<string, readonly string[]>>;
  /** Tunables by their names, set before {@link setup}. */
  readonly sysctl?: Readonly<Record<string, string>>;
  /** Commands that must succeed. */
  readonly setup?: readonly string[];
  readonly steps?: readonly ScenarioStep[];
  /** Commands to look at what is there in the end. */
  readonly finally?: readonly string[];
  /**
   * 16-bit values that the engine's next choices of a port draw, in order. Linux draws its own: there they are read and
   * have no effect.
   */
  readonly random?: readonly number[];
}

/** A packet that left. */
export interface PacketOut {
  readonly dev: string;
  readonly hex: string;
}

/** What a packet, or time, brought about. */
export interface PacketResult {
  /** The packets that left: device by device in the scenario's order, on each in the order in which they left. */
  readonly out: readonly PacketOut[];
  /** Conntrack's events in order, as `conntrack -E` prints them (without the blanks that align its first column). */
  readonly events: readonly string[];
}

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
  /** The packets that left meanwhile; absent when none did. */
  readonly out?: readonly PacketOut[];
  /** The events that came meanwhile; absent when none did. */
  readonly events?: readonly string[];
}

export type StepResult = PacketResult | CommandResult;

/** One line of output: what a scenario gave. */
export interface ScenarioResult {
  readonly version: 1;
  readonly name: string;
  /** One for each step. */
  readonly steps: readonly StepResult[];
  /** One for each command of `finally`. */
  readonly finally: readonly CommandResult[];
}

/** One line of output: why a scenario did not run (to its end). */
export interface ScenarioFailure {
  readonly version: 1;
  /** The scenario's name; null when it could not be read. */
  readonly name: string | null;
  /** Begins with the place in the scenario: `steps[2].hex: ...`. */
  readonly error: string;
}

/** Something is wrong with one scenario; others are not affected. */
export class ScenarioError extends Error {
  override readonly name = "ScenarioError";

  /** `field` is the place in the scenario, `steps[2].hex`; empty for the whole. */
  constructor(field: string, problem: string) {
    super(field === "" ? problem : `${field}: ${problem}`);
  }
}

/** Runs scenarios, one after another, each from nothing. */
export interface ScenarioRunner {
  readonly backend: "engine" | "linux";
  /** Throws {@link ScenarioError} for what this backend cannot run. */
  run(scenario: Scenario): ScenarioResult;
  /** Gives back what it holds. */
  close(): void;
}
