/**
 * Helpers at work in one namespace: which entry has which, whose child an entry is, and how far its sequence numbers
 * have moved. Few entries have any of these, and a bit of the status says so: nobody else pays for them. Models
 * net/netfilter/nf_conntrack_helper.c and what nf_conntrack_core.c and nf_conntrack_proto.c do about helpers.
 */
import { IFF_LOOPBACK } from "../../dev/device.js";
import { NF_ACCEPT, NF_DROP, type Verdict } from "../../hooks.js";
import { IP_CT_RELATED_REPLY, type SkBuff } from "../../skb.js";
import type { Conntrack } from "../conntrack.js";
import { E_MARK, E_STATUS, E_TIMEOUT, E_ZONE, ENTRY_SHIFT } from "../entry.js";
import { type Expectation, ExpectationTable } from "../expect.js";
import { SequenceAdjustment } from "../seqadj.js";
import {
  type CtHandle,
  IPS_CONFIRMED,
  IPS_EXPECTED,
  IPS_FIXED_TIMEOUT,
  IPS_HELPER,
  IPS_SEQ_ADJUST,
} from "../status.js";
import { transportOffset } from "../tuple.js";
import { ConnectionHelp, type ConntrackHelper } from "./helper.js";

/** The helpers of one namespace's tracker. */
export class ConntrackHelpers {
  readonly #ct: Conntrack;
  readonly expectations: ExpectationTable;
  readonly #helps: Map<CtHandle, ConnectionHelp> = new Map();
  readonly #masters: Map<CtHandle, CtHandle> = new Map();
  readonly #adjustments: Map<CtHandle, SequenceAdjustment> = new Map();

  constructor(ct: Conntrack) {
    this.#ct = ct;
    this.expectations = new ExpectationTable(ct);
  }

  #set(entry: CtHandle, status: number): void {
    this.#ct.slab.words[(entry << ENTRY_SHIFT) + E_STATUS] |= status;
  }

  /** What helps an entry, or null. Models `nfct_help()`. */
  helpOf(entry: CtHandle): ConnectionHelp | null {
    return (this.#ct.statusOf(entry) & IPS_HELPER) === 0 ? null : (this.#helps.get(entry) ?? null);
  }

  /** The name of an entry's helper, or null. */
  nameOf(entry: CtHandle): string | null {
    return this.helpOf(entry)?.helper?.name ?? null;
  }

  /** The connection that announced an entry's, or null. Models `master_ct()`. */
  masterOf(entry: CtHandle): CtHandle | null {
    return (this.#ct.statusOf(entry) & IPS_EXPECTED) === 0 ? null : (this.#masters.get(entry) ?? null);
  }

  /** Gives an entry or a template a helper. Models `nf_ct_helper_ext_add()`. */
  assign(entry: CtHandle, helper: ConntrackHelper): void {
    this.#helps.set(entry, new ConnectionHelp(helper));
    this.#set(entry, IPS_HELPER);
  }

  /**
   * A fresh entry: it is an expected one, or gets the helper of its template (0: none). Called with its tuple in
   * `tuple`, before anything else is done to it. Models the middle of `init_conntrack()`.
   */
  adopt(entry: CtHandle, tuple: Int32Array, template: CtHandle): void {
    const zone = this.#ct.slab.words[(entry << ENTRY_SHIFT) + E_ZONE];
    const expectation = this.expectations.take(tuple, zone);
    if (expectation !== null) this.#welcome(entry, expectation);
    else if (template !== 0) {
      const helper = this.helpOf(template)?.helper ?? null;
      if (helper !== null) this.assign(entry, helper);
    }
  }

  #welcome(entry: CtHandle, expectation: Expectation): void {
    const { words } = this.#ct.slab;
    this.#masters.set(entry, expectation.master);
    this.#set(entry, IPS_EXPECTED);
    if (expectation.assignHelper !== null) this.assign(entry, expectation.assignHelper);
    words[(entry << ENTRY_SHIFT) + E_MARK] = words[(expectation.master << ENTRY_SHIFT) + E_MARK];
    expectation.expectFunction?.run(entry, expectation);
  }

  /**
   * Lets the helper read a packet, and moves its sequence numbers: the last things before it is confirmed. Models what
   * `nf_confirm()` does first.
   */
  beforeConfirm(skb: SkBuff): Verdict {
    const entry = skb.nfct;
    const status = this.#ct.statusOf(entry);
    if ((status & (IPS_HELPER | IPS_SEQ_ADJUST)) === 0) return NF_ACCEPT;
    // Helpers expect no ICMP errors.
    if (skb.ctinfo === IP_CT_RELATED_REPLY) return NF_ACCEPT;
    const family = this.#ct.l3numOf(entry);
    const protoff = transportOffset(skb.data, 0, skb.len, family);
    if (protoff < 0) return NF_ACCEPT;
    const helper = this.helpOf(entry)?.helper ?? null;
    if (helper !== null) {
      const verdict = helper.help(this.#ct, skb, protoff, entry, skb.ctinfo);
      if (verdict !== NF_ACCEPT) return verdict;
    }
    if ((status & IPS_SEQ_ADJUST) === 0 || isLoopback(skb)) return NF_ACCEPT;
    if (this.#adjustments.get(entry)?.adjust(skb, protoff, skb.ctinfo) !== false) return NF_ACCEPT;
    this.#ct.stats.drop++;
    return NF_DROP;
  }

  /** An entry lives for so long from now, and nothing is counted. Models `nf_ct_refresh()`. */
  refresh(entry: CtHandle, timeoutJiffies: number): void {
    const { words } = this.#ct.slab;
    const base = entry << ENTRY_SHIFT;
    const status = words[base + E_STATUS];
    if (status & IPS_FIXED_TIMEOUT) return;
    words[base + E_TIMEOUT] = status & IPS_CONFIRMED ? timeoutJiffies + this.#ct.net.clock.jiffies : timeoutJiffies;
  }

  /** The corrections of a connection, which has them from now on. Models `nfct_seqadj_ext_add()` and IPS_SEQ_ADJUST. */
  adjustment(entry: CtHandle): SequenceAdjustment {
    let adjustment = this.#adjustments.get(entry);
    if (adjustment === undefined) {
      adjustment = new SequenceAdjustment();
      this.#adjustments.set(entry, adjustment);
    }
    this.#set(entry, IPS_SEQ_ADJUST);
    return adjustment;
  }

  /** The corrections of a connection, or null where it has none. Models `nfct_seqadj()`. */
  adjustmentOf(entry: CtHandle): SequenceAdjustment | null {
    return (this.#ct.statusOf(entry) & IPS_SEQ_ADJUST) === 0 ? null : (this.#adjustments.get(entry) ?? null);
  }

  /** How far a number of a direction has moved. Models `nf_ct_seq_offset()`. */
  sequenceOffset(entry: CtHandle, direction: 0 | 1, seq: number): number {
    if ((this.#ct.statusOf(entry) & IPS_SEQ_ADJUST) === 0) return 0;
    return this.#adjustments.get(entry)?.offset(direction, seq) ?? 0;
  }

  /** An entry is about to leave the table. Models `nf_ct_helper_destroy()`. */
  destroy(entry: CtHandle): void {
    this.helpOf(entry)?.helper?.destroy?.(this.#ct, entry);
  }

  /** Nobody comes for an ended connection. Models `nf_ct_remove_expectations()`. */
  removeExpectations(entry: CtHandle): void {
    const expectations = this.helpOf(entry)?.expectations ?? [];
    while (expectations.length > 0) this.expectations.unlink(expectations[0]);
  }

  /** An entry or template is freed. */
  forget(entry: CtHandle): void {
    const status = this.#ct.statusOf(entry);
    if ((status & (IPS_HELPER | IPS_EXPECTED | IPS_SEQ_ADJUST)) === 0) return;
    this.removeExpectations(entry);
    this.#helps.delete(entry);
    this.#adjustments.delete(entry);
    const master = this.#masters.get(entry);
    if (master === undefined) return;
    this.#masters.delete(entry);
    this.#ct.put(master);
  }
}

/** Whether a packet goes over the loopback, where both ends see what NAT wrote. Models `nf_is_loopback_packet()`. */
export function isLoopback(skb: SkBuff): boolean {
  return skb.dev !== null && skb.iif !== null && (skb.dev.flags & IFF_LOOPBACK) !== 0;
}
