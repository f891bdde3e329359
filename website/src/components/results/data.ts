/**
 * What was compared with Linux, as the runs left it in test/results: `npm run referee -- --record-results test/results`
 * and `npm run record` write there. No figure on the page is typed.
 */

import brokenJson from "../../../../test/results/broken/transition.json";
import coverageJson from "../../../../test/results/coverage.json";
import knownJson from "../../../../test/results/known-differences.json";
import recordingsJson from "../../../../test/results/recordings.json";

/** The kernel and the tools that answered. */
export interface Machine {
  readonly kernel: string;
  readonly tools: Readonly<Record<string, string>>;
  readonly date: string;
}

/** One run of a kind of scenario. */
export interface Run extends Machine {
  readonly seed: number;
  readonly packets: number;
  readonly scenarios: number;
  readonly agreeing: number;
  readonly disagreeing: number;
  readonly unrepeated: number;
  readonly notComparable: number;
}

export interface KindResults {
  readonly kind: string;
  readonly about: string;
  readonly runs: readonly Run[];
}

export interface GroupSummary extends Machine {
  readonly group: string;
  readonly about: string;
  readonly scenarios: number;
  readonly packets: number;
  readonly notYet: readonly string[];
}

export interface KnownDifference {
  readonly name: string;
  readonly about: string;
  readonly reason: string;
}

interface PacketStep {
  readonly in: string;
  readonly hex: string;
}

/** A broken engine, and the least scenario by which Linux found it out. */
export interface BrokenResult extends Machine {
  readonly break: string;
  readonly about: string;
  readonly change: { readonly file: string; readonly from: string; readonly to: string };
  readonly finding: {
    readonly kind: string;
    readonly name: string;
    readonly difference: { readonly aspect: string; readonly at: string; engine: unknown; linux: unknown };
    readonly minimised: { readonly steps: readonly (PacketStep | object)[] };
  };
}

interface Coverage {
  readonly tcp: {
    readonly read: number;
    readonly reachable: number;
    readonly missing: readonly string[];
    readonly unreachable: Readonly<Record<string, number>>;
  };
  readonly branches: Readonly<Record<string, { readonly covered: number; readonly total: number }>>;
}

/** All files of a folder, as the bundler gives them. */
declare const require: {
  context(folder: string, deep: boolean, names: RegExp): { keys(): string[]; (name: string): unknown };
};

const files = require.context("../../../../test/results/referee", false, /\.json$/);

/** The kinds by name. */
export const kinds: readonly KindResults[] = files
  .keys()
  .map((name) => files(name) as KindResults)
  .sort((a, b) => (a.kind < b.kind ? -1 : 1));

export const recordings: readonly GroupSummary[] = recordingsJson;
export const knownDifferences: readonly KnownDifference[] = knownJson;
export const broken: BrokenResult = brokenJson;
export const coverage: Coverage = coverageJson as Coverage;

/** A figure of a kind, over all its runs. */
export function sum(runs: readonly Run[], of: "packets" | "scenarios" | "disagreeing" | "notComparable"): number {
  return runs.reduce((total, run) => total + run[of], 0);
}

/** 1234567 as `1,234,567`. */
export function figure(value: number): string {
  return value.toLocaleString("en-US");
}

/** The kernels, tools and days of several answers, in a sentence's words. */
export function answeredBy(machines: readonly Machine[]): string {
  const unique = (of: (machine: Machine) => string): string => [...new Set(machines.map(of))].sort().join(", ");
  const tool = (name: string): string => unique(({ tools }) => tools[name] ?? "");
  const days = [...new Set(machines.map(({ date }) => date))].sort();
  const when = days.length > 1 ? `${days[0]} to ${days.at(-1)}` : days[0];
  return `Linux ${unique(({ kernel }) => kernel)} with iptables ${tool("iptables")}, conntrack ${tool("conntrack")} and iproute2 ${tool("iproute2")}, ${when}`;
}

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];

/** A TCP packet in a line, from its bytes. */
export function packetLine(hex: string): string {
  const byte = (at: number): number => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  const word = (at: number): number => byte(at) * 256 + byte(at + 1);
  const address = (at: number): string => [0, 1, 2, 3].map((i) => byte(at + i)).join(".");
  const start = (byte(0) & 15) * 4;
  if (byte(9) !== 6) return `protocol ${byte(9)}, ${address(12)} to ${address(16)}`;
  const flags = FLAGS.filter((_, bit) => (byte(start + 13) >> bit) & 1).join("+");
  return `${flags} from ${address(12)}:${word(start)} to ${address(16)}:${word(start + 2)}`;
}
