/**
 * What a command line says about a connection, as a message to the kernel: libnetfilter_conntrack's part of
 * `conntrack`. Models `nfct_nlmsg_build()` and `nfct_setobjopt()`.
 */
import {
  type ConntrackMessage,
  type ConntrackSnapshot,
  EINVAL,
  EMPTY_MESSAGE,
  IP_CT_TCP_FLAG_BE_LIBERAL,
  IP_CT_TCP_FLAG_CLOSE_INIT,
  IP_CT_TCP_FLAG_SACK_PERM,
  IPS_CONFIRMED,
  invertTuple,
  type NatRange,
  NF_NAT_RANGE_MAP_IPS,
  NF_NAT_RANGE_PROTO_SPECIFIED,
  parseIPv4,
  parseIPv6,
  SCTP_STATE_NAMES,
  SystemError,
  TCP_CONNTRACK_TIME_WAIT,
  TCP_STATE_NAMES,
  TUPLE_DST,
  TUPLE_PORTS,
  TUPLE_PROTO,
  TUPLE_SRC,
  TUPLE_WORDS,
} from "@netfilter-lab/engine";
import type { Flow, FlowEnd, FlowNat, FlowValues } from "./flow.js";

const IPPROTO_ICMP = 1;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_GRE = 47;
const IPPROTO_ICMPV6 = 58;
const IPPROTO_SCTP = 132;
const IPPROTO_UDPLITE = 136;
/** Protocols whose tuples cannot do without ports. */
const PORTED: ReadonlySet<number> = new Set([IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_GRE]);

/** ICMP's three numbers as a tuple's word. */
function icmpWord(flow: Flow): number {
  return ((flow.icmpId ?? 0) << 16) | ((flow.icmpType ?? 0) << 8) | (flow.icmpCode ?? 0);
}

/** The tuple of one end. Throws EINVAL where the kernel would, as something is missing. */
function tupleOf(end: FlowEnd, ports: number | null): Int32Array {
  if (end.family === null) throw new SystemError(EINVAL);
  const tuple = new Int32Array(TUPLE_WORDS);
  const protonum = end.protonum ?? 0;
  if (end.src !== null) tuple.set(end.src, TUPLE_SRC);
  if (end.dst !== null) tuple.set(end.dst, TUPLE_DST);
  tuple[TUPLE_PROTO] = (end.family << 8) | protonum;
  if (protonum === IPPROTO_ICMP || protonum === IPPROTO_ICMPV6) {
    // Each ICMP has its own family; the other's packets have no tuple here.
    if (ports === null || (protonum === IPPROTO_ICMP) !== (end.family === 2)) throw new SystemError(EINVAL);
    tuple[TUPLE_PORTS] = ports;
  } else if (PORTED.has(protonum)) {
    if (end.sport === null || end.dport === null) throw new SystemError(EINVAL);
    tuple[TUPLE_PORTS] = (end.sport << 16) | end.dport;
  }
  return tuple;
}

/** A tuple of a command about expectations: what was not said is 0. */
export function endTuple(end: FlowEnd): Int32Array {
  return tupleOf({ ...end, sport: end.sport ?? 0, dport: end.dport ?? 0 }, 0);
}

function inverted(tuple: Int32Array): Int32Array {
  const other = new Int32Array(TUPLE_WORDS);
  if (!invertTuple(tuple, 0, other, 0)) throw new SystemError(EINVAL);
  return other;
}

/** The tuple that a command asks for. Throws {@link SystemError}. */
export function askedTuple(flow: Flow): Int32Array {
  return tupleOf(flow.original, flow.icmpType === null ? null : icmpWord(flow));
}

function said(end: FlowEnd): boolean {
  return end.src !== null || end.dst !== null;
}

/** With one direction said, the other is its answer. Models NFCT_SOPT_SETUP_REPLY and NFCT_SOPT_SETUP_ORIGINAL. */
function bothTuples(flow: Flow): { readonly original: Int32Array; readonly reply: Int32Array } {
  const protonum = flow.protonum ?? 0;
  const portless = { sport: flow.original.sport ?? 0, dport: flow.original.dport ?? 0 };
  const icmp = flow.icmpType === null ? null : icmpWord(flow);
  if (!said(flow.reply)) {
    const original = tupleOf({ ...flow.original, ...portless }, icmp);
    return { original, reply: inverted(original) };
  }
  if (!said(flow.original)) {
    const { sport, dport } = flow.reply;
    const reply = tupleOf({ ...flow.reply, protonum, sport: sport ?? 0, dport: dport ?? 0 }, icmp);
    return { original: inverted(reply), reply };
  }
  // Of ICMP nothing can be said about the answer: it is an echo reply without an identifier.
  return { original: tupleOf(flow.original, icmp), reply: tupleOf({ ...flow.reply, protonum }, 0) };
}

/** One address, and perhaps one port, which the tool's library tells the kernel of TCP and UDP alone. */
function natRange({ address, port }: FlowNat, protonum: number | null): NatRange | null {
  if (address === null) return null;
  const { words, family } = address;
  const told = port !== null && (protonum === IPPROTO_TCP || protonum === IPPROTO_UDP);
  const ports = told ? port : 0;
  return {
    flags: NF_NAT_RANGE_MAP_IPS | (told ? NF_NAT_RANGE_PROTO_SPECIFIED : 0),
    minAddr: words[0] >>> 0,
    maxAddr: words[0] >>> 0,
    ...(family === 10 ? { min6: words, max6: words } : {}),
    minPort: ports,
    maxPort: ports,
    basePort: 0,
  };
}

/** Labels as the bits of four words. */
export function labelBits(labels: Iterable<number>): Uint32Array {
  const bits = new Uint32Array(4);
  for (const label of labels) bits[label >>> 5] |= 1 << (label & 31);
  return bits;
}

const ALL_LABELS: Uint32Array = new Uint32Array(4).fill(0xffffffff);

/** Everything of a connection but its tuples. Models the attributes of NFCT_CP_META. */
function metaOf(flow: FlowValues): Omit<ConntrackMessage, "original" | "reply" | "labels" | "mark"> {
  const { tcpState, sctpState, originalVtag, replyVtag } = flow;
  // A connection that no packet made has no window that packets could be in.
  const closing = tcpState !== null && tcpState >= TCP_CONNTRACK_TIME_WAIT ? IP_CT_TCP_FLAG_CLOSE_INIT : 0;
  const flags = IP_CT_TCP_FLAG_BE_LIBERAL | IP_CT_TCP_FLAG_SACK_PERM | closing;
  return {
    zone: flow.zone,
    originalZone: flow.originalZone,
    replyZone: flow.replyZone,
    timeoutSeconds: flow.timeoutSeconds,
    status: flow.status === null ? null : flow.status | IPS_CONFIRMED,
    tcp: flow.protonum === IPPROTO_TCP ? { state: tcpState, flags } : null,
    sctp:
      sctpState === null && originalVtag === null && replyVtag === null
        ? null
        : { state: sctpState, originalVtag, replyVtag },
    sourceNat: natRange(flow.sourceNat, flow.protonum),
    destinationNat: natRange(flow.destinationNat, flow.protonum),
    id: null,
  };
}

/** The message of `-I` and `-A`. Throws {@link SystemError}. */
export function newMessage(flow: Flow): ConntrackMessage {
  return {
    ...metaOf(flow),
    ...bothTuples(flow),
    mark: flow.mark?.value ?? null,
    labels: flow.changedLabels.size === 0 ? null : { data: labelBits(flow.changedLabels), mask: ALL_LABELS },
  };
}

/** The tuple of one direction of an entry that the kernel told of. */
export function toldTuple(entry: ConntrackSnapshot, direction: 0 | 1): Int32Array {
  const { src, dst, sport, dport, srckey, dstkey, type, code, id } = entry.tuple[direction];
  const tuple = new Int32Array(TUPLE_WORDS);
  const words = (text: string): ArrayLike<number> => (entry.l3num === 2 ? [parseIPv4(text)] : parseIPv6(text));
  tuple.set(words(src), TUPLE_SRC);
  tuple.set(words(dst), TUPLE_DST);
  tuple[TUPLE_PROTO] = (entry.l3num << 8) | entry.protonum;
  if (sport !== undefined) tuple[TUPLE_PORTS] = (sport << 16) | (dport ?? 0);
  else if (srckey !== undefined) tuple[TUPLE_PORTS] = (srckey << 16) | (dstkey ?? 0);
  else if (id !== undefined) tuple[TUPLE_PORTS] = (id << 16) | ((type ?? 0) << 8) | (code ?? 0);
  return tuple;
}

/** The number of the state that the kernel told of. */
function stateNumber({ protonum, tcpState }: ConntrackSnapshot): number {
  return (protonum === IPPROTO_TCP ? TCP_STATE_NAMES : SCTP_STATE_NAMES).indexOf(tcpState ?? "");
}

/** What labels an update gives an entry; null: they stay. Models `copy_label()` as 1.4.7 has it. */
function updatedLabels(flow: FlowValues, deletes: boolean, entry: ConntrackSnapshot): ConntrackMessage["labels"] {
  const present = entry.labels ?? [];
  if (!deletes) {
    if (flow.changedLabels.size === 0) return null;
    return { data: labelBits([...present, ...flow.changedLabels]), mask: ALL_LABELS };
  }
  if (present.length === 0) return null;
  // A mask as long as the labels themselves makes the kernel clear all that remain.
  const all = flow.changedLabels.size === 0 || [...flow.changedLabels].some((label) => label >= 96);
  return { data: labelBits(all ? [] : present.filter((label) => !flow.changedLabels.has(label))), mask: ALL_LABELS };
}

/**
 * The message of `-U` about an entry; null: it would change nothing. Only the original tuple goes with it, without a
 * zone. `deletes`: labels are taken away.
 */
export function updateMessage(flow: FlowValues, deletes: boolean, entry: ConntrackSnapshot): ConntrackMessage | null {
  const meta = metaOf(flow);
  const { mark } = flow;
  const status = flow.status === null ? null : entry.status | flow.status;
  const marked = mark === null ? null : ((entry.mark & ~mark.mask) ^ mark.value) >>> 0;
  const labels = updatedLabels(flow, deletes, entry);
  const { sctp } = meta;
  const changed =
    (meta.timeoutSeconds !== null && meta.timeoutSeconds !== entry.timeoutSeconds) ||
    (status !== null && status !== entry.status) ||
    (marked !== null && marked !== entry.mark) ||
    (flow.tcpState !== null && (entry.protonum !== IPPROTO_TCP || flow.tcpState !== stateNumber(entry))) ||
    (sctp !== null &&
      ((sctp.state !== null && sctp.state !== stateNumber(entry)) ||
        (sctp.originalVtag !== null && sctp.originalVtag !== entry.vtags?.[0]) ||
        (sctp.replyVtag !== null && sctp.replyVtag !== entry.vtags?.[1]))) ||
    flow.dccp ||
    labels !== null;
  if (!changed) return null;
  return { ...EMPTY_MESSAGE, ...meta, original: toldTuple(entry, 0), status, mark: marked, labels };
}
