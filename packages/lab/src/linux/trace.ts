/**
 * The rules that packets met, as nf_tables' own trace tells them. For the time of a walk a table of ours asks for the
 * trace in each hook, before everything else, and `xtables-monitor --trace` prints it with rules in iptables' words. It
 * tells of rules that matched and of policies, in tables of iptables-nft; rules that did not match are not in it, nor
 * are the tables of iptables-legacy, nor conntrack and NAT, which have no rules of their own.
 */
import { HOOK_NAMES, type HookNumber, type TraceNote } from "@netfilter-lab/engine";
import { describeNote, type WalkStep } from "../walk.js";

/** The table of ours; no ruleset of a lesson has one of this name. */
export const TRACE_TABLE = "netfilter-lab-walk";

/** Before defragmentation (-400) and raw (-300). */
const PRIORITY = -450;

/** The input of `nft -f -` that begins the trace. */
export const TRACE_RULESET: string = [
  `table ip ${TRACE_TABLE} {`,
  ...HOOK_NAMES.map((chain) => {
    const hook = chain.toLowerCase();
    const begins = hook === "prerouting" || hook === "output" ? " meta nftrace set 1;" : "";
    return `  chain ${chain} { type filter hook ${hook} priority ${PRIORITY}; policy accept;${begins} }`;
  }),
  "}",
  "",
].join("\n");

/** The trace of one packet on one host. */
export interface TracedPacket {
  /** The device it came in by; null for one made here. */
  readonly iif: string | null;
  /** Total length and identification of its IP header. */
  readonly length: number;
  readonly identification: number;
  readonly steps: readonly WalkStep[];
  /** The hook in which a rule or a policy threw it away; null where none did. */
  readonly droppedIn: string | null;
}

/** A rule's place in its chain, counted from 1, and its counters. */
export interface RuleState {
  readonly number: number;
  readonly packets: number;
  readonly bytes: number;
}

/** The rules by `TABLE CHAIN HANDLE`, from `nft --json --handle list ruleset`. */
export function ruleStates(json: string): ReadonlyMap<string, RuleState> {
  const { nftables } = JSON.parse(json) as {
    nftables: {
      rule?: {
        family: string;
        table: string;
        chain: string;
        handle: number;
        expr?: { counter?: { packets: number; bytes: number } }[];
      };
    }[];
  };
  const counts = new Map<string, number>();
  const states = new Map<string, RuleState>();
  for (const { rule } of nftables) {
    if (rule === undefined || rule.family !== "ip") continue;
    const chain = `${rule.table} ${rule.chain}`;
    const number = (counts.get(chain) ?? 0) + 1;
    counts.set(chain, number);
    const counter = rule.expr?.find((part) => part.counter !== undefined)?.counter;
    states.set(`${chain} ${rule.handle}`, {
      number,
      packets: counter?.packets ?? 0,
      bytes: counter?.bytes ?? 0,
    });
  }
  return states;
}

/** Priority and label of a table's function in a hook, as `hooks()` of the engine has them. */
function place(table: string, hook: string): { priority: number | null; label: string } {
  const source = hook === "INPUT" || hook === "POSTROUTING";
  if (table === "nat") return { priority: source ? 100 : -100, label: `nat (${source ? "SNAT" : "DNAT"})` };
  const priorities: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0, security: 50 };
  return { priority: priorities[table] ?? null, label: table };
}

const PACKET = /^PACKET: \d+ ([0-9a-f]+) (?:IN=(\S+) )?(?:OUT=\S+ )?.*\bLEN=(\d+) .*\bID=(\d+)/;
const TRACE =
  /^ TRACE: \d+ ([0-9a-f]+) ([^:]+):([^:]+):(?:rule:0x([0-9a-f]+)|(policy)|return):([A-Z]*)\S* *(?:-[46] -t \S+ )?(.*)$/;

interface Growing {
  iif: string | null;
  length: number;
  /** At the hook that it crosses now. */
  lengthNow: number;
  identification: number;
  steps: WalkStep[];
  hook: string | null;
  droppedIn: string | null;
}

/**
 * Reads what `xtables-monitor --trace` printed: one trace a packet, in the order in which packets came. `rules` is how
 * they stood after the last packet; a rule's counters after an earlier one follow from the packets since.
 */
export function parseTrace(text: string, rules: ReadonlyMap<string, RuleState>): TracedPacket[] {
  const packets = new Map<string, Growing>();
  const matches: { key: string; length: number; note: Writable<Extract<TraceNote, { kind: "rule" }>> }[] = [];
  for (const line of text.split("\n")) {
    const [, id, iif, length, identification] = PACKET.exec(line) ?? [];
    if (id !== undefined) {
      if (!packets.has(id))
        packets.set(id, {
          iif: iif ?? null,
          length: Number(length),
          lengthNow: 0,
          identification: Number(identification),
          steps: [],
          hook: null,
          droppedIn: null,
        });
      const packet = packets.get(id);
      if (packet !== undefined) packet.lengthNow = Number(length);
      continue;
    }
    const [, of, table, chain, handle, policy, verdict, rule] = TRACE.exec(line) ?? [];
    const packet = of === undefined ? undefined : packets.get(of);
    if (packet === undefined) continue;
    if (table === TRACE_TABLE) {
      if (policy === undefined) continue;
      packet.hook = chain;
      const hook = HOOK_NAMES.indexOf(chain) as HookNumber;
      add(packet, { kind: "hook", hook }, { fn: "nf_hook_slow", module: null, priority: null, label: null });
      continue;
    }
    const by = { fn: "nft_do_chain", module: "nf_tables", ...place(table, packet.hook ?? "") };
    if (policy !== undefined) add(packet, { kind: "policy", table, chain, verdict }, by);
    else if (handle !== undefined) {
      const key = `${table} ${chain} ${Number.parseInt(handle, 16)}`;
      // A rule that is gone has no place any more.
      const number = rules.get(key)?.number ?? 0;
      const counters = { packets: 0, bytes: 0 };
      const note = { kind: "rule" as const, table, chain, number, rule: rule.trimEnd(), matched: true, ...counters };
      matches.push({ key, length: packet.lengthNow, note });
      add(packet, note, by);
    }
    if (verdict === "DROP") packet.droppedIn = packet.hook;
  }
  const left = new Map<string, { packets: number; bytes: number }>();
  for (const { key, length, note } of matches.reverse()) {
    const counters = left.get(key) ?? rules.get(key) ?? { packets: 0, bytes: 0 };
    note.packets = counters.packets;
    note.bytes = counters.bytes;
    left.set(key, { packets: Math.max(0, counters.packets - 1), bytes: Math.max(0, counters.bytes - length) });
  }
  return [...packets.values()];
}

type Writable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

function add(packet: Growing, note: TraceNote, by: Pick<WalkStep, "fn" | "module" | "priority" | "label">): void {
  packet.steps.push({
    index: packet.steps.length,
    kind: note.kind,
    depth: note.kind === "hook" ? 0 : 1,
    ...by,
    hook: packet.hook,
    note,
    text: describeNote(note),
  });
}

/** Gives each packet its trace: the first unused one of a packet that came in, or was made, like it. */
export class TraceIndex {
  readonly #waiting: Map<string, TracedPacket[]> = new Map();

  constructor(traces: readonly TracedPacket[]) {
    for (const trace of traces) {
      const key = keyOf(trace.iif, trace.length, trace.identification);
      this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), trace]);
    }
  }

  /** The trace of a packet with these bytes; null where none was told. */
  take(iif: string | null, bytes: Uint8Array): TracedPacket | null {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.#waiting.get(keyOf(iif, view.getUint16(2), view.getUint16(4)))?.shift() ?? null;
  }
}

function keyOf(iif: string | null, length: number, identification: number): string {
  return `${iif ?? "local"} ${length} ${identification}`;
}
