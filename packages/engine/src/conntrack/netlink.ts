/**
 * Connections made, changed, fetched and deleted by a tool: what `conntrack` asks of the kernel by netlink, with the
 * kernel's checks and error numbers. Helpers, sequence corrections, SYN proxies and masters cannot be given here, as
 * the tool gives none. Models net/netfilter/nf_conntrack_netlink.c.
 */
import { HZ } from "../clock.js";
import { EBUSY, EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC, EOPNOTSUPP, EPERM, ETIME, SystemError } from "../errno.js";
import { NF_DROP } from "../hooks.js";
import { type ManipType, type NatRange, NF_NAT_MANIP_DST, NF_NAT_MANIP_SRC } from "../nat/range.js";
import { IP_CT_DIR_ORIGINAL, NO_CT } from "../skb.js";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from "../wire/ipv4.js";
import type { Conntrack } from "./conntrack.js";
import { findRival, hashReply, meetsLongChain } from "./core.js";
import {
  C_START,
  COUNTERS_SHIFT,
  E_EXT,
  E_MARK,
  E_STATUS,
  E_TIMEOUT,
  E_USE,
  ENTRY_SHIFT,
  EXT_ACCT,
  EXT_ECACHE,
  EXT_LABELS,
  EXT_TSTAMP,
} from "./entry.js";
import {
  IPCT_ASSURED,
  IPCT_HELPER,
  IPCT_LABEL,
  IPCT_MARK,
  IPCT_NEW,
  IPCT_PROTOINFO,
  IPCT_RELATED,
  IPCT_REPLY,
} from "./events.js";
import { type SctpInformation, sctpSetInformation } from "./proto-sctp.js";
import { type TcpInformation, tcpSetInformation } from "./proto-tcp.js";
import { udpBegunLongAgo } from "./proto-udp.js";
import {
  type CtHandle,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_DST_NAT,
  IPS_DST_NAT_DONE,
  IPS_DYING,
  IPS_EXPECTED,
  IPS_FIXED_TIMEOUT,
  IPS_HELPER,
  IPS_OFFLOAD,
  IPS_SEEN_REPLY,
  IPS_SEQ_ADJUST,
  IPS_SRC_NAT,
  IPS_SRC_NAT_DONE,
  IPS_TEMPLATE,
} from "./status.js";
import { invertTuple, TUPLE_WORDS, tupleProtonum } from "./tuple.js";
import { DEFAULT_ZONE, type Zone, zoneId, zoneWord } from "./zone.js";

/** What a message says about a connection; null: nothing. Models the attributes `CTA_*`. */
export interface ConntrackMessage {
  /** {@link TUPLE_WORDS} words each, as tuple.ts has them. */
  readonly original: Int32Array | null;
  readonly reply: Int32Array | null;
  /** In both directions, or in the direction of its tuple alone. */
  readonly zone: number | null;
  readonly originalZone: number | null;
  readonly replyZone: number | null;
  readonly timeoutSeconds: number | null;
  /** Bits `IPS_*`, IPS_CONFIRMED among them. */
  readonly status: number | null;
  readonly mark: number | null;
  readonly tcp: TcpInformation | null;
  readonly sctp: SctpInformation | null;
  readonly labels: { readonly data: Uint32Array; readonly mask: Uint32Array } | null;
  readonly sourceNat: NatRange | null;
  readonly destinationNat: NatRange | null;
  readonly id: number | null;
}

/** A message that says nothing. */
export const EMPTY_MESSAGE: ConntrackMessage = {
  original: null,
  reply: null,
  zone: null,
  originalZone: null,
  replyZone: null,
  timeoutSeconds: null,
  status: null,
  mark: null,
  tcp: null,
  sctp: null,
  labels: null,
  sourceNat: null,
  destinationNat: null,
  id: null,
};

/** What a tool may not set or clear. Models `IPS_UNCHANGEABLE_MASK`. */
const IPS_UNCHANGEABLE_MASK: number =
  IPS_SRC_NAT |
  IPS_DST_NAT |
  IPS_SRC_NAT_DONE |
  IPS_DST_NAT_DONE |
  IPS_EXPECTED |
  IPS_CONFIRMED |
  IPS_DYING |
  IPS_SEQ_ADJUST |
  IPS_TEMPLATE |
  IPS_HELPER |
  IPS_OFFLOAD;

const INT_MAX = 0x7fffffff;

/** All that a made or changed entry tells of. */
const TOLD: number =
  (1 << IPCT_REPLY) | (1 << IPCT_ASSURED) | (1 << IPCT_HELPER) | (1 << IPCT_PROTOINFO) | (1 << IPCT_MARK);

const scratch = new Int32Array(TUPLE_WORDS);

/** Checks a tuple as its protocol's tracker does: nothing answers some of ICMP's types. Models `nlattr_to_tuple()`. */
function checkTuple(tuple: Int32Array | null): void {
  if (tuple === null) return;
  const protonum = tupleProtonum(tuple, 0);
  if (protonum !== IPPROTO_ICMP && protonum !== IPPROTO_ICMPV6) return;
  if (!invertTuple(tuple, 0, scratch, 0)) throw new SystemError(EINVAL);
}

/** The zone of a message: of both directions, or of one. Models `ctnetlink_parse_zone()` and `..._tuple_zone()`. */
function zoneOf({ zone, originalZone, replyZone }: ConntrackMessage): Zone {
  const number = zone ?? 0;
  let found: Zone = zone === null ? DEFAULT_ZONE : zoneWord(zone, "both");
  let counted = number;
  for (const [id, direction] of [
    [originalZone, "original"],
    [replyZone, "reply"],
  ] as const) {
    if (id === null) continue;
    if (counted !== 0) throw new SystemError(EINVAL);
    counted = id;
    found = zoneWord(id, direction);
  }
  return found;
}

/** The entry a message names, without a reference; throws ENOENT. Models `nf_conntrack_find_get()` of a message. */
function find(ct: Conntrack, message: ConntrackMessage): { readonly zone: Zone; readonly entry: CtHandle } {
  const zone = zoneOf(message);
  checkTuple(message.original);
  checkTuple(message.reply);
  const tuple = message.original ?? message.reply;
  const entry = tuple === null ? NO_CT : ct.findGet(tuple, 0, zone) >>> 1;
  if (entry !== NO_CT) ct.put(entry);
  return { zone, entry };
}

/** The entry of a tuple. Throws {@link SystemError}. Models `ctnetlink_get_conntrack()`. */
export function getConntrack(ct: Conntrack, message: ConntrackMessage): CtHandle {
  if (message.original === null && message.reply === null) throw new SystemError(EINVAL);
  const { entry } = find(ct, message);
  if (entry === NO_CT) throw new SystemError(ENOENT);
  return entry;
}

/**
 * Deletes the entry of a tuple, and of an id if it is said. Throws {@link SystemError}. Models
 * `ctnetlink_del_conntrack()`.
 */
export function deleteConntrack(ct: Conntrack, message: ConntrackMessage, portid: number): void {
  const entry = getConntrack(ct, message);
  if (message.id !== null && ct.idOf(entry) !== message.id) throw new SystemError(ENOENT);
  ct.delete(entry, portid);
}

/** What is to be done when there is, or is not, an entry of the tuple. Models `NLM_F_CREATE` and `NLM_F_EXCL`. */
export type NewConntrackMode = "create" | "create-or-change" | "change";

/** Makes or changes an entry. Throws {@link SystemError}. Models `ctnetlink_new_conntrack()`. */
export function newConntrack(ct: Conntrack, message: ConntrackMessage, mode: NewConntrackMode, portid: number): void {
  const { zone, entry } = find(ct, message);
  if (entry !== NO_CT) {
    if (mode === "create") throw new SystemError(EEXIST);
    change(ct, entry, message);
    if (hasEventCache(ct, entry)) ct.report(entry, TOLD | (1 << IPCT_LABEL), portid);
    return;
  }
  if (mode === "change") throw new SystemError(ENOENT);
  const made = create(ct, message, zone);
  let events = TOLD | (1 << (ct.statusOf(made) & IPS_EXPECTED ? IPCT_RELATED : IPCT_NEW));
  if (message.labels !== null && ct.replaceLabels(made, message.labels.data, message.labels.mask))
    events |= 1 << IPCT_LABEL;
  if (hasEventCache(ct, made)) ct.report(made, events, portid);
  ct.put(made);
}

function hasEventCache(ct: Conntrack, entry: CtHandle): boolean {
  return (ct.slab.words[(entry << ENTRY_SHIFT) + E_EXT] & EXT_ECACHE) !== 0;
}

/** A fresh entry in the table, with a reference for the caller. Models `ctnetlink_create_conntrack()`. */
function create(ct: Conntrack, message: ConntrackMessage, zone: Zone): CtHandle {
  const { original, reply } = message;
  if (original === null || reply === null) throw new SystemError(EINVAL);
  if (tupleProtonum(original, 0) !== tupleProtonum(reply, 0)) throw new SystemError(EINVAL);
  const hash = ct.hash(original, 0, zoneId(zone, IP_CT_DIR_ORIGINAL));
  // Where the table is full, `nf_conntrack_alloc()` looks for room in its first chains, whatever the tuple.
  const entry = ct.allocate(original, reply, hash, zone, 0);
  if (entry === NO_CT) throw new SystemError(ENOMEM);
  try {
    if (message.timeoutSeconds === null) throw new SystemError(EINVAL);
    setUpNat(ct, entry, message);
    addExtensions(ct, entry);
    ct.slab.words[(entry << ENTRY_SHIFT) + E_STATUS] |= IPS_CONFIRMED;
    setTimeout(ct, entry, message.timeoutSeconds);
    if (message.status !== null) changeStatus(ct, entry, message.status);
    setProtocolInformation(ct, entry, message);
    if (ct.protonumOf(entry) === IPPROTO_UDP) udpBegunLongAgo(ct, entry);
    if (message.mark !== null) ct.slab.words[(entry << ENTRY_SHIFT) + E_MARK] = message.mark;
    insert(ct, entry);
  } catch (error) {
    ct.put(entry);
    throw error;
  }
  return entry;
}

/** Models `ctnetlink_setup_nat()`: with one binding given, the other is made as by no rule. */
function setUpNat(ct: Conntrack, entry: CtHandle, { sourceNat, destinationNat }: ConntrackMessage): void {
  if (sourceNat === null && destinationNat === null) return;
  bind(ct, entry, destinationNat, NF_NAT_MANIP_DST);
  bind(ct, entry, sourceNat, NF_NAT_MANIP_SRC);
}

/** Models `nfnetlink_parse_nat_setup()`. */
function bind(ct: Conntrack, entry: CtHandle, range: NatRange | null, manip: ManipType): void {
  const { nat } = ct.net;
  const verdict = range === null ? nat.nullBinding(entry, manip) : nat.setupInfo(entry, range, manip);
  if (verdict === NF_DROP) throw new SystemError(ENOMEM);
}

function addExtensions(ct: Conntrack, entry: CtHandle): void {
  let extensions = 0;
  if (ct.acct !== 0) extensions |= EXT_ACCT;
  if (ct.timestamp !== 0) extensions |= EXT_TSTAMP;
  if (ct.cachesEvents) extensions |= EXT_ECACHE;
  if (ct.labelsUsed > 0) extensions |= EXT_LABELS;
  ct.slab.words[(entry << ENTRY_SHIFT) + E_EXT] = extensions;
  if (extensions & (EXT_ACCT | EXT_TSTAMP)) ct.slab.keepCounters(entry);
}

/** Models `nf_conntrack_hash_check_insert()`. */
function insert(ct: Conntrack, entry: CtHandle): void {
  const { words } = ct.slab;
  const base = entry << ENTRY_SHIFT;
  hashReply(ct, entry);
  if (findRival(ct, entry) !== 0) throw new SystemError(EEXIST);
  if (meetsLongChain(ct, entry)) throw new SystemError(ENOSPC);
  if (words[base + E_EXT] & EXT_TSTAMP) ct.slab.counters[(entry << COUNTERS_SHIFT) + C_START] = ct.net.clock.nowMicros;
  words[base + E_USE]++;
  ct.table.insert(entry * 2);
  ct.table.insert(entry * 2 + 1);
  ct.stats.insert++;
  ct.inserted();
}

/** Models `ctnetlink_change_conntrack()`. */
function change(ct: Conntrack, entry: CtHandle, message: ConntrackMessage): void {
  // NAT is for new ones alone.
  if (message.sourceNat !== null || message.destinationNat !== null) throw new SystemError(EOPNOTSUPP);
  if (message.timeoutSeconds !== null) {
    if (ct.statusOf(entry) & IPS_FIXED_TIMEOUT) throw new SystemError(EPERM);
    setTimeout(ct, entry, message.timeoutSeconds);
    if (ct.statusOf(entry) & IPS_DYING) throw new SystemError(ETIME);
  }
  if (message.status !== null) changeStatus(ct, entry, message.status);
  setProtocolInformation(ct, entry, message);
  if (message.mark !== null) ct.slab.words[(entry << ENTRY_SHIFT) + E_MARK] = message.mark;
  if (message.labels !== null && !ct.replaceLabels(entry, message.labels.data, message.labels.mask))
    throw new SystemError(ENOSPC);
}

/** Models `__nf_ct_set_timeout()` of a confirmed entry. */
function setTimeout(ct: Conntrack, entry: CtHandle, seconds: number): void {
  const jiffies = Math.min((seconds >>> 0) * HZ, INT_MAX);
  ct.slab.words[(entry << ENTRY_SHIFT) + E_TIMEOUT] = (jiffies + ct.net.clock.jiffies) | 0;
}

/** Models `nf_ct_change_status_common()`. */
function changeStatus(ct: Conntrack, entry: CtHandle, status: number): void {
  const slot = (entry << ENTRY_SHIFT) + E_STATUS;
  const changed = ct.slab.words[slot] ^ status;
  // What has been seen cannot be unseen.
  const cleared = changed & ~status;
  if (changed & (IPS_EXPECTED | IPS_CONFIRMED | IPS_DYING) || cleared & (IPS_SEEN_REPLY | IPS_ASSURED))
    throw new SystemError(EBUSY);
  ct.slab.words[slot] |= status & ~IPS_UNCHANGEABLE_MASK;
}

/** What a message says for another protocol goes unread. Models `ctnetlink_change_protoinfo()`. */
function setProtocolInformation(ct: Conntrack, entry: CtHandle, { tcp, sctp }: ConntrackMessage): void {
  const protonum = ct.protonumOf(entry);
  if (protonum === IPPROTO_TCP && tcp !== null) tcpSetInformation(ct, entry, tcp);
  if (protonum !== IPPROTO_SCTP || sctp === null) return;
  if (!sctpSetInformation(ct, entry, sctp)) throw new SystemError(EINVAL);
}
