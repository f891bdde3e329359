/**
 * The front door's documents, version 1, as the referee writes and reads them: what a scenario asks and what a backend
 * answers. DESIGN's "Machine-readable front door" describes both; types and schema are the lab's. Answers come from any
 * program, so that nothing in them is taken for granted.
 */
import type {
  CommandResult,
  Scenario as LabScenario,
  PacketOut,
  PacketResult,
  PacketStep,
  ScenarioStep,
} from "../../packages/lab/dist/scenario/model.js";

export type { PacketStep };

/** One thing that happens in a scenario. */
export type Step = ScenarioStep;

/** What one line of the front door asks; the referee's always have steps. */
export interface Scenario extends LabScenario {
  readonly steps: readonly Step[];
}

/** A packet that left. */
export type Sent = PacketOut;

/** What a step, or a command of `finally`, gave: which of it there is depends on the step. */
export type Outcome = Partial<PacketResult & CommandResult>;

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
