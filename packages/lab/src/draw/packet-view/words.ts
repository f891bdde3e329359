/** The packet view's sentences: each step in words, for the line above the pictures and for those who listen to it. */
import { isCall, type TraceCall, type TraceNote, type TupleText } from "@netfilter-lab/engine";
import { dissect } from "../dissect.js";
import { tupleChange, tupleLine } from "../passage.js";
import type { EntryState } from "./entry-state.js";

/** Where a step happens: its hook, and priority and label of the hook function; null outside of one. */
interface Around {
  readonly hook: string | null;
  readonly priority: number | null;
  readonly label: string | null;
}

/** A priority as the kernel's headers name the last one. */
export function priorityText(priority: number): string {
  return priority === 0x7fffffff ? "INT_MAX" : String(priority);
}

/** What the functions of the IP layer are for. */
const DEEDS: Readonly<Record<string, string>> = {
  ipv6_rcv: "The packet is received.",
  ip6_route_input: "Routing decides where the packet goes.",
  ip6_forward: "The packet is to be forwarded.",
  ip6_input: "The packet is for this host.",
  __ip6_local_out: "A local process sends the packet.",
  ip6_output: "The packet is on its way out.",
  ip_rcv: "The packet is received.",
  ip_route_input_noref: "Routing decides where the packet goes.",
  ip_forward: "The packet is to be forwarded.",
  ip_local_deliver: "The packet is for this host.",
  __ip_local_out: "A local process sends the packet.",
  ip_output: "The packet is on its way out.",
};

/** A function is entered; `named`: it is the hook itself, or a function that hangs on it. */
export function callInWords(call: TraceCall, { hook, priority, label }: Around, named: boolean): string {
  if (named && priority === null) return `The packet comes to ${hook}.`;
  if (named) {
    const idle = call.module === "nf_nat" && !asksTable(call) ? " The nat table is not asked." : "";
    return `${hook} calls ${label}, at priority ${priorityText(priority as number)}.${idle}`;
  }
  return DEEDS[call.fn] ?? `${call.fn} is called.`;
}

/** Whether a table is asked in a call, by whichever of the two evaluators. */
export function asksTable(call: TraceCall): boolean {
  return call.children.some((item) => isCall(item) && (/do_table$|do_chain/.test(item.fn) || asksTable(item)));
}

/** A tuple with its protocol. */
function named(tuple: TupleText): string {
  return `${tuple.protocol} ${tupleLine(tuple)}`;
}

/** What was learned in a function. */
export function noteInWords(
  note: Exclude<TraceNote, { kind: "hook" | "hookfn" | "bytes" }>,
  around: Around & { readonly decides: boolean; readonly entry: EntryState | null },
): string {
  switch (note.kind) {
    case "verdict":
      if (!around.decides) return `${around.label ?? "It"} says ${note.verdict}.`;
      return note.verdict === "ACCEPT"
        ? `${around.hook}: ACCEPT. Everyone on the hook has let the packet pass.`
        : `${around.hook}: ${note.verdict}, says ${around.label ?? "the hook"}. The packet goes no further here.`;
    case "lookup":
      return note.found === null
        ? `Looked up in the conntrack hash: ${named(note.tuple)}. There is no such tuple.`
        : `Looked up in the conntrack hash: ${named(note.tuple)}. Found: it is the ${note.found} tuple of entry ${note.entry}.`;
    case "attach":
      return note.already
        ? `Entry ${note.entry} hangs on the packet already (${note.ctinfo}): nothing is looked up.`
        : `Entry ${note.entry} is attached to the packet: skb->_nfct points to it, ${note.ctinfo}.`;
    case "alloc":
      return `A new entry is made, number ${note.entry}, with two tuples. It is not in the hash yet.`;
    case "alter-reply":
      return `NAT alters the reply tuple of entry ${note.entry}: ${tupleChange(note.before, note.after)}.`;
    case "rewrite": {
      const end = note.manip === "SRC" ? "source" : "destination";
      return `NAT rewrites the packet’s ${end}: ${tupleChange(note.before, note.after)}.`;
    }
    case "confirm":
      return `Entry ${note.entry} is confirmed: both tuples go into the hash.`;
    case "state":
      return `The connection’s state: ${note.before} → ${note.after}.`;
    case "invalid":
      return `INVALID: ${note.reason}.`;
    case "insert-failed":
      return `The entry cannot go into the hash: ${note.reason}.`;
    case "event":
      return `conntrack -E is told: ${note.type}, entry ${note.entry}.`;
    case "rule":
      return `Rule ${note.number} of ${note.chain} in the ${note.table} table ${note.matched ? "matches" : "does not match"}: ${note.rule}`;
    case "policy":
      return `The ${note.table} table has no rule for it: the policy of ${note.chain} is ${note.verdict}.`;
    case "route":
      return `Route: ${note.result}.`;
    case "end":
      return `The packet’s way ends here: ${note.reason}.`;
    case "transmit":
      return `The packet leaves by ${note.device}.`;
  }
}

/** What was written into a packet, field by field. */
export function fieldsInWords(before: Uint8Array, after: Uint8Array): string {
  const then = dissect(before);
  const changes = dissect(after).flatMap((layer) => {
    const old = then.find(({ name, at }) => name === layer.name && at === layer.at);
    return layer.fields.flatMap((field) => {
      const value = old?.fields.find(({ name }) => name === field.name)?.value;
      return value === field.value ? [] : [`${field.name} ${value ?? "none"} → ${field.value}`];
    });
  });
  return changes.length === 0 ? "Bytes of the payload are written." : `Written: ${changes.join(", ")}.`;
}
