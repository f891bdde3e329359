/**
 * Reads a packet's trace the way a hook map tells it: which hooks the packet traversed, which functions ran there, and
 * what each of them did to the packet or to its connection.
 */
import { HOOK_NAMES, isCall, type TraceCall, type TraceNote, type TupleText } from "@netfilter-lab/engine";
import { endpoint } from "./dissect.js";

/** One function hanging on a hook, from a host's registry. */
export interface HookUserData {
  /** `PREROUTING`, `INPUT`, `FORWARD`, `OUTPUT` or `POSTROUTING`. */
  readonly hook: string;
  /** Lower runs earlier. */
  readonly priority: number;
  /** The kernel's name of the function. */
  readonly fn: string;
  /** The kernel module. */
  readonly module: string;
  /** What a person calls it. */
  readonly label: string;
}

/** One packet's passage through one host, as the walk hands it over. */
export interface PassageData {
  /** The host that it crossed. */
  readonly host: string;
  /** Names the packet: the same on every host that it crosses. */
  readonly serial: number;
  /** When it began, in microseconds of the lab's time. */
  readonly atMicros: number;
  /** The device it came in by; null when it was made here. */
  readonly iif: string | null;
  /** The device it left by; null when it ended here. */
  readonly oif: string | null;
  /** The IP packet as it came in. */
  readonly before: Uint8Array;
  /** The IP packet as it left or as a socket got it; null when it was dropped. */
  readonly after: Uint8Array | null;
  /** The outermost calls. */
  readonly calls: readonly TraceCall[];
  /** Who hung on the host's hooks, in the order in which they run. */
  readonly hooks: readonly HookUserData[];
  /** The hook in which it was dropped, as told by a backend that does not tell {@link calls}. */
  readonly droppedIn?: string | null;
}

/** Something a hook function did. */
export interface Effect {
  readonly kind:
    | "lookup"
    | "entry"
    | "attach"
    | "state"
    | "rule"
    | "policy"
    | "alter"
    | "rewrite"
    | "confirm"
    | "event"
    | "invalid"
    | "idle"
    | "verdict";
  /** One short line. */
  readonly text: string;
}

/** One hook function that ran. */
export interface FunctionRun {
  readonly fn: string;
  readonly priority: number;
  readonly label: string;
  readonly effects: readonly Effect[];
  /** `ACCEPT`, `DROP`, `STOLEN`, ... */
  readonly verdict: string;
}

/** One traversal of a hook. */
export interface HookRun {
  readonly hook: string;
  readonly functions: readonly FunctionRun[];
  /** The last function's decision: `ACCEPT` when the packet went on. */
  readonly verdict: string;
}

/** What happened to a packet on one host. */
export interface Journey {
  readonly traversals: readonly HookRun[];
  /** Routing decisions, in order. */
  readonly routes: readonly string[];
  /** Why the packet ended here; null when it left by a device. */
  readonly end: string | null;
}

/** A tuple in one line: `192.168.2.55:50798 → 217.254.1.76:443`, ICMP with its id. */
export function tupleLine(tuple: TupleText): string {
  const ends = `${endpoint(tuple.src, tuple.sport)} → ${endpoint(tuple.dst, tuple.dport)}`;
  return tuple.id === undefined ? ends : `${ends} id ${tuple.id}`;
}

/** Names of a tuple's parts in the order in which `conntrack -L` prints them. */
export const TUPLE_PARTS: readonly ["src", "dst", "sport", "dport", "type", "code", "id"] = [
  "src",
  "dst",
  "sport",
  "dport",
  "type",
  "code",
  "id",
];

/** The parts in which two tuples differ: `src 192.168.2.55 → 193.157.56.3`. */
export function tupleChange(before: TupleText, after: TupleText): string {
  const parts = TUPLE_PARTS.filter((part) => before[part] !== after[part]);
  return parts.map((part) => `${part} ${before[part]} → ${after[part]}`).join(", ");
}

/** Reads the calls of a passage. */
export function readJourney(calls: readonly TraceCall[]): Journey {
  const traversals: HookRun[] = [];
  const routes: string[] = [];
  let end: string | null = null;
  const visit = (call: TraceCall): void => {
    const hook = call.children.find((item) => !isCall(item) && item.kind === "hook") as
      | (TraceNote & { kind: "hook" })
      | undefined;
    if (hook !== undefined) {
      const functions = call.children
        .filter(isCall)
        .map(readFunction)
        .filter((run) => run !== null);
      const verdict = functions.at(-1)?.verdict ?? "ACCEPT";
      traversals.push({ hook: HOOK_NAMES[hook.hook], functions, verdict });
    }
    for (const item of call.children) {
      if (isCall(item)) visit(item);
      else if (item.kind === "route") routes.push(item.result);
      else if (item.kind === "end") end = item.reason;
    }
  };
  for (const call of calls) visit(call);
  return { traversals, routes, end };
}

function readFunction(call: TraceCall): FunctionRun | null {
  let where: (TraceNote & { kind: "hookfn" }) | null = null;
  let verdict = "ACCEPT";
  const effects: Effect[] = [];
  let asksTable = false;
  const visit = (inner: TraceCall): void => {
    for (const item of inner.children) {
      if (isCall(item)) {
        if (/do_table$|do_chain/.test(item.fn)) asksTable = true;
        visit(item);
      } else if (item.kind === "hookfn") where = item;
      else if (item.kind === "verdict") {
        if (inner === call) verdict = item.verdict;
      } else {
        const effect = readEffect(item);
        if (effect !== null) effects.push(effect);
      }
    }
  };
  visit(call);
  if (where === null) return null;
  const { priority, label } = where as TraceNote & { kind: "hookfn" };
  if (call.module === "nf_nat" && !asksTable) effects.push({ kind: "idle", text: "nat table: not asked" });
  if (verdict !== "ACCEPT") effects.push({ kind: "verdict", text: verdict });
  return { fn: call.fn, priority, label, effects, verdict };
}

function readEffect(note: TraceNote): Effect | null {
  switch (note.kind) {
    case "lookup":
      return {
        kind: "lookup",
        text: note.found === null ? "lookup: no entry" : `lookup: ${note.found} tuple of entry ${note.entry}`,
      };
    case "alloc":
      return { kind: "entry", text: `new entry ${note.entry}, unconfirmed` };
    case "attach":
      return {
        kind: "attach",
        text: `entry ${note.entry} ${note.already ? "is attached already" : "attached"}, ${note.ctinfo}`,
      };
    case "state":
      return { kind: "state", text: `${note.before} → ${note.after}` };
    case "rule":
      return note.matched
        ? { kind: "rule", text: `${table(note.table)}rule ${note.number}: ${ruleAction(note.rule)}` }
        : null;
    case "policy":
      return { kind: "policy", text: `${table(note.table)}policy ${note.verdict}` };
    case "alter-reply":
      return { kind: "alter", text: `reply tuple ${tupleChange(note.before, note.after)}` };
    case "rewrite":
      return { kind: "rewrite", text: `packet ${tupleChange(note.before, note.after)}` };
    case "confirm":
      return { kind: "confirm", text: `entry ${note.entry} confirmed: both tuples in the hash` };
    case "event":
      return { kind: "event", text: `event ${note.type}` };
    case "insert-failed":
      return { kind: "invalid", text: `insert_failed: ${note.reason}` };
    case "invalid":
      return { kind: "invalid", text: `INVALID: ${note.reason}` };
    default:
      return null;
  }
}

/** The nat table is named, because its hook functions do more than ask it; the others' functions are their table. */
function table(name: string): string {
  return name === "nat" ? "nat table: " : "";
}

/** A rule's target with its options: what stands after `-j` or `-g`; a rule without a target only counts. */
function ruleAction(rule: string): string {
  return / (-[jg] .*)$/.exec(` ${rule}`)?.[1].replace(/^-j /, "") ?? "counts only";
}
