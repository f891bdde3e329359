/**
 * The five places in a packet's way through IPv4 (and the five through IPv6) where others may look at it, and the
 * ordered list of who does. Conntrack, NAT and the tables never call one another: they meet here, by priority, and in
 * the packet. Models include/uapi/linux/netfilter_ipv4.h and net/netfilter/core.c.
 */
import type { NetDevice } from "./dev/device.js";
import type { NetNamespace } from "./netns.js";
import type { SkBuff } from "./skb.js";
import type { PacketTracer } from "./trace.js";

export const NF_INET_PRE_ROUTING = 0;
export const NF_INET_LOCAL_IN = 1;
export const NF_INET_FORWARD = 2;
export const NF_INET_LOCAL_OUT = 3;
export const NF_INET_POST_ROUTING = 4;
export const NF_INET_NUMHOOKS = 5;
/** A hook point, `NF_INET_*`. */
export type HookNumber = 0 | 1 | 2 | 3 | 4;
/** Names of the hook points as iptables spells its chains, by number. */
export const HOOK_NAMES: readonly string[] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

export const NFPROTO_IPV4 = 2;
export const NFPROTO_IPV6 = 10;
/** The family whose hook it is, `NFPROTO_*`. */
export type NfProto = typeof NFPROTO_IPV4 | typeof NFPROTO_IPV6;

/** Priorities of the well-known users, lowest first. Models `enum nf_ip_hook_priorities`. */
export const NF_IP_PRI_RAW_BEFORE_DEFRAG = -450;
export const NF_IP_PRI_CONNTRACK_DEFRAG = -400;
export const NF_IP_PRI_RAW = -300;
export const NF_IP_PRI_CONNTRACK = -200;
export const NF_IP_PRI_MANGLE = -150;
export const NF_IP_PRI_NAT_DST = -100;
export const NF_IP_PRI_FILTER = 0;
export const NF_IP_PRI_SECURITY = 50;
export const NF_IP_PRI_NAT_SRC = 100;
export const NF_IP_PRI_CONNTRACK_HELPER = 300;
export const NF_IP_PRI_CONNTRACK_CONFIRM = 0x7fffffff;

export const NF_DROP = 0;
export const NF_ACCEPT = 1;
export const NF_STOLEN = 2;
export const NF_QUEUE = 3;
export const NF_REPEAT = 4;
/**
 * What a hook function decides: one of `NF_*` in the low byte; with NF_DROP the errno that a local sender is to see
 * stands above it ({@link nfDropErr}).
 */
export type Verdict = number;
const VERDICT_MASK = 0xff;
/** Names of the verdicts, by number. */
export const VERDICT_NAMES: readonly string[] = ["DROP", "ACCEPT", "STOLEN", "QUEUE", "REPEAT"];

/** A drop that tells a local sender why (`EPERM` is 1). Models `NF_DROP_ERR()`. */
export function nfDropErr(errno: number): Verdict {
  return (errno << 16) | NF_DROP;
}

/** The errno in a drop verdict, 0 when there is none. Models `NF_DROP_GETERR()`. */
export function nfDropGetErr(verdict: Verdict): number {
  return verdict >> 16;
}

/** The circumstances of one traversal of one hook. Models `struct nf_hook_state`. */
export class HookState {
  hook: HookNumber = NF_INET_PRE_ROUTING;
  /** The device the packet came by; null in OUTPUT (and in POSTROUTING for local packets). */
  indev: NetDevice | null = null;
  /** The device it leaves by; null in PREROUTING and INPUT. */
  outdev: NetDevice | null = null;
  readonly net: NetNamespace;
  /** The family. Models `nf_hook_state.pf`. */
  readonly pf: NfProto;

  constructor(net: NetNamespace, pf: NfProto) {
    this.net = net;
    this.pf = pf;
  }
}

/** What hangs on a hook: looks at a packet and decides. */
export type HookFunction = (skb: SkBuff, state: HookState) => Verdict;

/**
 * One registration. Models `struct nf_hook_ops`. Those that most packets meet are objects of few classes (conntrack's,
 * NAT's, the tables'): V8 calls a method straight where it sees no more than four classes, any other function by a
 * detour.
 */
export interface HookOps {
  readonly hook: HookNumber;
  /** Lower runs earlier; of equal ones the one registered last (see nf_hook_entries_grow()). */
  readonly priority: number;
  /** Looks at a packet and decides. */
  fn(skb: SkBuff, state: HookState): Verdict;
  /** The kernel's name of the function, such as `ipv4_conntrack_in`. */
  readonly name: string;
  /** The kernel module it lives in, such as `nf_conntrack`. */
  readonly module: string;
  /** What a person calls it, such as `conntrack`, `nat (SNAT)`, `filter`. */
  readonly label: string;
}

/**
 * Who hangs where, in one network namespace and family. {@link entries} is the registry the diagrams are drawn from.
 */
export class Hooks {
  readonly #net: NetNamespace;
  readonly pf: NfProto;
  readonly #entries: HookOps[][] = [[], [], [], [], []];
  /** Traversals nest (a REJECT in FORWARD sends through OUTPUT); one state object for each depth, reused. */
  readonly #states: HookState[] = [];
  #depth = 0;

  constructor(net: NetNamespace, pf: NfProto) {
    this.#net = net;
    this.pf = pf;
  }

  /** Hangs a function on a hook. Models `nf_register_net_hook()`. */
  register(ops: HookOps): void {
    const list = this.#entries[ops.hook];
    let at = list.length;
    while (at > 0 && list[at - 1].priority >= ops.priority) at--;
    // A fresh array, so that a traversal under way finishes over the list it began with.
    this.#entries[ops.hook] = [...list.slice(0, at), ops, ...list.slice(at)];
  }

  /** Takes a function off its hook. Models `nf_unregister_net_hook()`. */
  unregister(ops: HookOps): void {
    this.#entries[ops.hook] = this.#entries[ops.hook].filter((entry) => entry !== ops);
  }

  /** Who hangs on a hook, in the order in which they run. */
  entries(hook: HookNumber): readonly HookOps[] {
    return this.#entries[hook];
  }

  /**
   * Sends a packet through a hook: each function in turn, until one does not accept. Returns NF_ACCEPT when the packet
   * goes on, NF_STOLEN when somebody keeps it, else a drop: the packet's conntrack entry is given back then. Models
   * `nf_hook()` and `nf_hook_slow()`, net/netfilter/core.c.
   */
  run(hook: HookNumber, skb: SkBuff, indev: NetDevice | null, outdev: NetDevice | null): Verdict {
    const list = this.#entries[hook];
    if (list.length === 0) return NF_ACCEPT;
    if (this.#depth === this.#states.length) this.#states.push(new HookState(this.#net, this.pf));
    const state = this.#states[this.#depth++];
    state.hook = hook;
    state.indev = indev;
    state.outdev = outdev;
    const { trace } = this.#net;
    let verdict: Verdict = NF_ACCEPT;
    if (trace !== null) verdict = walkTraced(list, skb, state, trace);
    else
      for (let i = 0; i < list.length; i++) {
        verdict = list[i].fn(skb, state);
        if (verdict === NF_ACCEPT) continue;
        if (verdict !== NF_REPEAT) {
          if ((verdict & VERDICT_MASK) === NF_DROP) this.#net.free(skb);
          break;
        }
        i--;
      }
    this.#depth--;
    return verdict;
  }
}

/** Calls each function in turn until one does not accept, told to the trace. */
function walkTraced(list: readonly HookOps[], skb: SkBuff, state: HookState, trace: PacketTracer): Verdict {
  const { hook } = state;
  trace.enter("nf_hook_slow", null, skb);
  trace.note({ kind: "hook", hook });
  let verdict: Verdict = NF_ACCEPT;
  for (let i = 0; i < list.length; i++) {
    const ops = list[i];
    trace.enter(ops.name, ops.module, skb);
    trace.note({ kind: "hookfn", hook, priority: ops.priority, label: ops.label });
    verdict = ops.fn(skb, state);
    trace.note({ kind: "verdict", verdict: VERDICT_NAMES[verdict & VERDICT_MASK] });
    trace.leave();
    if (verdict === NF_REPEAT) i--;
    else if (verdict !== NF_ACCEPT) {
      if ((verdict & VERDICT_MASK) === NF_DROP) state.net.free(skb);
      break;
    }
  }
  trace.leave();
  return verdict;
}
