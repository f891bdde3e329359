/**
 * Runs scenarios through {@link Gateway} and puts the results into the form in which test/kernel/record.py writes the
 * kernel's, so that the two can be compared with nothing left out. A forwarded packet's DSCP tells how conntrack saw it.
 */
import { put16 } from "../../packages/engine/src/wire/bytes.js";
import { ipv4DecreaseTtl, ipv4SetChecksum } from "../../packages/engine/src/wire/ipv4.js";
import type { Gateway, Passage } from "./gateway.js";
import type { Scenario } from "./scenarios.js";

/** What one packet gave. */
export interface StepResult {
  readonly out: readonly (readonly [string, string])[];
  readonly events: readonly string[];
}

const DSCP: Readonly<Record<string, number>> = {
  NEW: 1,
  ESTABLISHED: 2,
  RELATED: 3,
  INVALID: 4,
  "ESTABLISHED REPLY": 10,
  "RELATED REPLY": 11,
};

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** What the kernel's gateway would send for what ours did: one hop less to live, and the DSCP mark. */
function asForwarded(passage: Passage): Uint8Array | null {
  if (passage.out === null) return null;
  const bytes = passage.out.slice();
  ipv4DecreaseTtl(bytes, 0);
  put16(bytes, 0, (0x45 << 8) | (DSCP[passage.seenAs] << 2));
  ipv4SetChecksum(bytes, 0);
  return bytes;
}

/** Runs one scenario. */
export function runScenario(gateway: Gateway, scenario: Scenario): StepResult[] {
  return scenario.steps.map(({ from, bytes }) => {
    const passage = gateway.receive(from, bytes);
    const forwarded = asForwarded(passage);
    return {
      out: forwarded === null ? [] : [[from === "lan" ? "wan" : "lan", hex(forwarded)] as const],
      events: passage.events,
    };
  });
}
