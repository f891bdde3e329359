/**
 * What nf_tables tells of a packet that TRACE marked: each rule that it met, with its verdict, and the policy at a
 * chain's end. `xtables-monitor --trace` listens. Models net/netfilter/nf_tables_trace.c; unlike there, a packet keeps
 * its number over the loopback.
 */
import { packetMacs } from "../dev/device.js";
import { type HookState, NF_QUEUE } from "../hooks.js";
import type { SkBuff } from "../skb.js";
import type { Chain } from "./chain.js";
import type { XtActionParam, XtFamily } from "./extension.js";
import { ruleText } from "./print.js";
import type { Rule } from "./rule.js";
import type { Table } from "./table.js";

/** The packet as it is when a chain first tells of it. */
export interface TracedPacket {
  readonly bytes: Uint8Array;
  readonly mark: number;
  readonly iif: string | null;
  readonly oif: string | null;
  /** The packet came in by the loopback. */
  readonly loopback: boolean;
  /** Of the frame that it came in; null where its link has none. */
  readonly macs: { readonly source: Uint8Array; readonly destination: Uint8Array } | null;
}

/** One message. Models the attributes `NFTA_TRACE_*`. */
export interface NftTraceEvent {
  readonly family: XtFamily;
  /** Which packet: the same in all messages about it. */
  readonly id: number;
  /** With the first message of each built-in chain. */
  readonly packet: TracedPacket | null;
  readonly table: string;
  readonly chain: string;
  /** Null: the chain's policy decided. */
  readonly rule: { readonly handle: number; readonly text: string } | null;
  /** A verdict of Netfilter's, `XT_CONTINUE` or `XT_RETURN`; of a jump it is `XT_CONTINUE`. */
  readonly verdict: number;
  /** Where a rule leads to. */
  readonly leadsTo: { readonly chain: string; readonly goto: boolean } | null;
}

/** Of one host, both families. */
export class NftTrace {
  readonly #listeners = new Set<(event: NftTraceEvent) => void>();
  #packets = 0;

  /** Whether anybody listens: untraced evaluation looks no further. */
  get active(): boolean {
    return this.#listeners.size > 0;
  }

  /** Begins to tell; returns what ends it. */
  subscribe(listener: (event: NftTraceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A rule matched. `chain` has it. */
  rule(par: XtActionParam, table: Table, chain: Chain, rule: Rule, verdict: number): void {
    const { chain: next, goto } = rule;
    this.#tell(par, table, chain, {
      rule: { handle: rule.handle, text: ruleText(chain.name, rule, false, "nft") },
      // Nobody listens to the queue, and the packet is dropped; what the rule said was to queue it.
      verdict: rule.target?.name === "NFQUEUE" ? NF_QUEUE : verdict,
      leadsTo: next === null ? null : { chain: next.name, goto },
    });
  }

  /** A built-in chain's policy decided. */
  policy(par: XtActionParam, table: Table, chain: Chain, verdict: number): void {
    this.#tell(par, table, chain, { rule: null, verdict, leadsTo: null });
  }

  #tell(
    par: XtActionParam,
    table: Table,
    chain: Chain,
    what: Pick<NftTraceEvent, "rule" | "verdict" | "leadsTo">,
  ): void {
    const { skb, state } = par;
    if (skb.traceId === 0) skb.traceId = scattered(++this.#packets);
    const packet = par.packetTold ? null : tracedPacket(skb, state);
    par.packetTold = true;
    const event = { family: par.family, id: skb.traceId, packet, table: table.name, chain: chain.name, ...what };
    for (const listener of this.#listeners) listener(event);
  }
}

/** Numbers that look like the kernel's, which are hashes of addresses. */
function scattered(count: number): number {
  return Math.imul(count, 0x9e3779b1) >>> 0;
}

function tracedPacket(skb: SkBuff, state: HookState): TracedPacket {
  const { indev, outdev } = state;
  return {
    bytes: skb.data.slice(0, skb.len),
    mark: skb.mark,
    iif: indev?.name ?? null,
    oif: outdev?.name ?? null,
    loopback: indev?.kind === "loopback",
    macs: indev === null ? null : packetMacs(skb, indev),
  };
}
