/**
 * The front door's documents, version 1, as the referee writes and reads them: what a scenario asks and what a backend
 * answers. DESIGN's "Machine-readable front door" describes both; the schema is the lab's.
 */

/** A packet that arrives by a device. */
export interface PacketStep {
  readonly in: string;
  readonly hex: string;
}

/** One thing that happens in a scenario. */
export type Step = PacketStep | { readonly sleep: string } | { readonly run: string };

/** What one line of the front door asks. */
export interface Scenario {
  readonly version: 1;
  readonly name: string;
  readonly devices: Readonly<Record<string, readonly string[]>>;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly setup?: readonly string[];
  readonly steps: readonly Step[];
  readonly finally?: readonly string[];
  readonly random?: readonly number[];
}

/** A packet that left. */
export interface Sent {
  readonly dev: string;
  readonly hex: string;
}

/** What a step, or a command of `finally`, gave. */
export interface Outcome {
  readonly out?: readonly Sent[];
  readonly events?: readonly string[];
  readonly stdout?: string;
  readonly stderr?: string;
  readonly status?: number;
}

/** What one line of the front door answers. */
export interface Answer {
  readonly name?: string;
  readonly error?: unknown;
  /** How long it took to answer at most, where somebody looked. */
  readonly seconds?: number;
  readonly steps?: readonly Outcome[];
  readonly finally?: readonly Outcome[];
}

/** Whoever answers scenarios: the engine, the running kernel, or either of them altered. */
export interface Backend {
  ask(scenario: Scenario): Promise<Answer>;
}

export function isPacket(step: Step): step is PacketStep {
  return "in" in step;
}

/** How many packets a scenario sends. */
export function packetCount(scenario: Scenario): number {
  return scenario.steps.filter(isPacket).length;
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
