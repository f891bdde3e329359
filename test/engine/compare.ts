/**
 * Runs scenarios through {@link Gateway} and puts the results into the form in which test/kernel/record.py writes the
 * kernel's, so that the two can be compared with nothing left out. A forwarded packet's DSCP tells how conntrack saw it.
 */

import { type ConntrackSnapshot, IPS_ASSURED, IPS_SEEN_REPLY } from "../../packages/engine/src/conntrack/conntrack.js";
import { put16 } from "../../packages/engine/src/wire/bytes.js";
import { ipv4DecreaseTtl, ipv4SetChecksum } from "../../packages/engine/src/wire/ipv4.js";
import { type Gateway, type Passage, tupleLine } from "./gateway.js";
import type { Answers } from "./kernel.js";
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

/** A line of `conntrack -E` or `-L` (the latter has the protocol's number as well): before, timeout, after. */
const WITH_TIMEOUT = /^((?:\[\w+\] )?\w+ +(?:\d+ )?)(\d+)( .*)$/;

/**
 * The kernel's line, with its timeout made ours when it is at most `tolerance` seconds less: its clock ran on between
 * packets, ours stood still. Anything else stays different.
 */
export function alignTimeout(ours: string | undefined, theirs: string, tolerance: number): string {
  const a = WITH_TIMEOUT.exec(ours ?? "");
  const b = WITH_TIMEOUT.exec(theirs);
  if (ours === undefined || a === null || b === null || a[1] !== b[1] || a[3] !== b[3]) return theirs;
  const late = Number(a[2]) - Number(b[2]);
  return late >= 0 && late <= tolerance ? ours : theirs;
}

/** Compares our run of scenarios with the kernel's; returns what differs, in words. */
export function differences(gateway: Gateway, scenarios: readonly Scenario[], answers: Answers): string[] {
  const found: string[] = [];
  scenarios.forEach((scenario, index) => {
    const theirs = answers.results[index];
    if (theirs.name !== scenario.name) throw new Error(`recorded "${theirs.name}", made "${scenario.name}"`);
    const ours = runScenario(gateway, scenario);
    const at = ours.findIndex((step, k) => {
      const kernel = theirs.results[k];
      const events = kernel.events.map((line, i) => alignTimeout(step.events[i], line, 1));
      return JSON.stringify(step) !== JSON.stringify({ out: kernel.out, events });
    });
    if (at >= 0)
      found.push(
        `${scenario.name}, packet ${at}: ours ${JSON.stringify(ours[at])}, kernel ${JSON.stringify(theirs.results[at])}`,
      );
  });
  const byTuples = new Map(answers.entries.map((line) => [line.replace(/^(\w+) \d+/, "$1"), line]));
  const listed = gateway.ct.list().map(entryLine);
  for (const line of listed) {
    const key = line.replace(/^(\w+) \d+/, "$1");
    const theirs = byTuples.get(key);
    if (theirs === undefined) found.push(`only ours: ${line}`);
    else if (alignTimeout(line, theirs, 30) !== line) found.push(`ours: ${line}, kernel: ${theirs}`);
    byTuples.delete(key);
  }
  for (const line of byTuples.values()) found.push(`only the kernel's: ${line}`);
  return found;
}

/** An entry of the table as record.py writes it. */
export function entryLine(entry: ConntrackSnapshot): string {
  return [
    entry.tuple[0].protocol,
    String(entry.timeoutSeconds),
    entry.tcpState,
    tupleLine(entry.tuple[0]),
    entry.status & IPS_SEEN_REPLY ? null : "[UNREPLIED]",
    tupleLine(entry.tuple[1]),
    entry.status & IPS_ASSURED ? "[ASSURED]" : null,
  ]
    .filter((part) => part !== null)
    .join(" ");
}
