/**
 * Which cells of the TCP transition table the recordings look up. The table's readers in a copy of the built engine
 * tell each cell that they read; the copy then answers every recorded scenario.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { TCP_STATE_NAMES } from "@netfilter-lab/engine";
import type { EngineRunner } from "../../../packages/lab/dist/scenario/engine-runner.js";
import { alterEngine, type Change } from "../altered-engine.js";
import type { Scenario } from "../scenario.js";

/** Where the engine reads the table: a first packet's state, and each later one's. */
const READERS: readonly string[] = ["kind * 10 + TCP_CONNTRACK_NONE", "(dir * 6 + kind) * 10 + oldState"];
const WATCHED: readonly Change[] = READERS.map((cell) => ({
  file: "conntrack/proto-tcp.js",
  from: `= TCP_CONNTRACKS[${cell}]`,
  to: `= TCP_CONNTRACKS[globalThis.tcpCellRead(${cell})]`,
}));

const DIRECTIONS = ["original", "reply"];
const KINDS = ["SYN", "SYN+ACK", "FIN", "ACK", "RST", "none of them"];

/** Why a cell is never read; null where it can be. */
function unreachable(direction: string, kind: string, state: string): string | null {
  if (kind === "none of them") return "a segment without SYN, FIN, ACK or RST is INVALID before the table is asked";
  if (direction === "reply" && state === "NONE") return "an entry's first packet is of the original direction";
  return null;
}

/** What the recordings pass through. */
export interface TcpCoverage {
  readonly read: number;
  readonly reachable: number;
  /** Reachable cells that no recording reads, each by its name. */
  readonly missing: readonly string[];
  /** Cells that nothing reads, by the reason. */
  readonly unreachable: Readonly<Record<string, number>>;
}

/** Has the engine answer the scenarios, and tells which cells it read. */
export async function tcpCoverage(root: string, scenarios: readonly Scenario[]): Promise<TcpCoverage> {
  const seen = new Set<number>();
  Object.assign(globalThis, {
    tcpCellRead: (cell: number) => {
      seen.add(cell);
      return cell;
    },
  });
  const { packages, remove } = alterEngine(root, WATCHED);
  try {
    const path = pathToFileURL(join(packages, "lab/dist/scenario/engine-runner.js")).href;
    const runner = new ((await import(path)) as { EngineRunner: typeof EngineRunner }).EngineRunner();
    for (const scenario of scenarios) runner.run(scenario);
  } finally {
    remove();
  }
  const missing: string[] = [];
  const reasons: Record<string, number> = {};
  let [read, reachable] = [0, 0];
  for (const [d, direction] of DIRECTIONS.entries())
    for (const [k, kind] of KINDS.entries())
      for (const [s, state] of TCP_STATE_NAMES.entries()) {
        const cell = (d * KINDS.length + k) * TCP_STATE_NAMES.length + s;
        const why = unreachable(direction, kind, state);
        if (why !== null && seen.has(cell)) throw new Error(`${direction} ${kind} in ${state} was read, though ${why}`);
        if (why !== null) reasons[why] = (reasons[why] ?? 0) + 1;
        else {
          reachable++;
          if (seen.has(cell)) read++;
          else missing.push(`${direction} ${kind} in ${state}`);
        }
      }
  return { read, reachable, missing, unreachable: reasons };
}
