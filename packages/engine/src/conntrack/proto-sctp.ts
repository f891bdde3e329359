/**
 * SCTP as a man in the middle sees it: each chunk of a packet may move the association's state, and the verification
 * tags must be those that INIT and INIT ACK gave. Of HEARTBEAT it learns further paths of an association whose
 * beginning went another way. Models net/netfilter/nf_conntrack_proto_sctp.c; multihoming beyond heartbeats is not
 * modelled, there as here.
 */
import { HZ } from "../clock.js";
import { type HookState, NF_ACCEPT, NF_INET_PRE_ROUTING } from "../hooks.js";
import { ctinfoDirection, IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY, type SkBuff } from "../skb.js";
import { get16, get32, getInt32 } from "../wire/bytes.js";
import { IPPROTO_SCTP } from "../wire/ipv4.js";
import {
  SCTP_CHUNK_FLAGS,
  SCTP_CHUNK_HEADER_LENGTH,
  SCTP_CHUNK_LENGTH,
  SCTP_CID_ABORT,
  SCTP_CID_COOKIE_ACK,
  SCTP_CID_COOKIE_ECHO,
  SCTP_CID_DATA,
  SCTP_CID_ERROR,
  SCTP_CID_HEARTBEAT,
  SCTP_CID_HEARTBEAT_ACK,
  SCTP_CID_INIT,
  SCTP_CID_INIT_ACK,
  SCTP_CID_SHUTDOWN,
  SCTP_CID_SHUTDOWN_ACK,
  SCTP_CID_SHUTDOWN_COMPLETE,
  SCTP_FLAG_T,
  SCTP_HEADER_LENGTH,
  SCTP_INIT_LENGTH,
  SCTP_VTAG,
  sctpChecksumOk,
} from "../wire/sctp.js";
import type { Conntrack } from "./conntrack.js";
import { E_STATUS, ENTRY_SHIFT, OWN_SHIFT } from "./entry.js";
import { IPCT_ASSURED, IPCT_PROTOINFO } from "./events.js";
import { type CtHandle, IPS_ASSURED, IPS_CONFIRMED } from "./status.js";

/** States of an association. Models `enum sctp_conntrack`. */
export const SCTP_CONNTRACK_NONE = 0;
export const SCTP_CONNTRACK_CLOSED = 1;
export const SCTP_CONNTRACK_COOKIE_WAIT = 2;
export const SCTP_CONNTRACK_COOKIE_ECHOED = 3;
export const SCTP_CONNTRACK_ESTABLISHED = 4;
export const SCTP_CONNTRACK_SHUTDOWN_SENT = 5;
export const SCTP_CONNTRACK_SHUTDOWN_RECD = 6;
export const SCTP_CONNTRACK_SHUTDOWN_ACK_SENT = 7;
export const SCTP_CONNTRACK_HEARTBEAT_SENT = 8;
const SCTP_CONNTRACK_MAX = 9;

/** Names of the states as tools print them, by number. */
export const SCTP_STATE_NAMES: readonly string[] = [
  "NONE",
  "CLOSED",
  "COOKIE_WAIT",
  "COOKIE_ECHOED",
  "ESTABLISHED",
  "SHUTDOWN_SENT",
  "SHUTDOWN_RECD",
  "SHUTDOWN_ACK_SENT",
  "HEARTBEAT_SENT",
];

/** Default timeouts in jiffies, by state. */
export const SCTP_DEFAULT_TIMEOUTS: readonly number[] = [10, 10, 3, 3, 210, 3, 3, 3, 30].map((s) => s * HZ);

/** The chunks that can move the state, in the order of the table's rows. */
const MOVERS: readonly number[] = [
  SCTP_CID_INIT,
  SCTP_CID_INIT_ACK,
  SCTP_CID_ABORT,
  SCTP_CID_SHUTDOWN,
  SCTP_CID_SHUTDOWN_ACK,
  SCTP_CID_ERROR,
  SCTP_CID_COOKIE_ECHO,
  SCTP_CID_COOKIE_ACK,
  SCTP_CID_SHUTDOWN_COMPLETE,
  SCTP_CID_HEARTBEAT,
  SCTP_CID_HEARTBEAT_ACK,
];

/**
 * The transition table as it reads: one letter for each present state. Columns: none, CLOSED (C), COOKIE_WAIT (w),
 * COOKIE_ECHOED (e), ESTABLISHED (E), SHUTDOWN_SENT (s), SHUTDOWN_RECD (r), SHUTDOWN_ACK_SENT (a), HEARTBEAT_SENT (H);
 * `-` is invalid.
 */
const TRANSITIONS: readonly (readonly string[])[] = [
  [
    // original direction
    "CCweECCaw", // INIT: opens; during a shutdown somebody starts over
    "CCweEsraC", // INIT ACK: answers only
    "CCCCCCCCC", // ABORT
    "CCwessraC", // SHUTDOWN
    "aCweEaaaa", // SHUTDOWN ACK
    "CCweEsraC", // ERROR
    "CCeeEsraC", // COOKIE ECHO
    "CCwEEsraC", // COOKIE ACK
    "CCweEsrCC", // SHUTDOWN COMPLETE
    "HCweEsraH", // HEARTBEAT: opens a further path
    "CCweEsraH", // HEARTBEAT ACK
  ],
  [
    // reply direction
    "-CweEsra-", // INIT
    "-wweEsra-", // INIT ACK: the server's answer
    "-CCCCCCC-", // ABORT
    "-Cwersra-", // SHUTDOWN
    "-CweEaaa-", // SHUTDOWN ACK
    "-CwCEsra-", // ERROR: a stale cookie
    "-CeeEsra-", // COOKIE ECHO
    "-CwEEsra-", // COOKIE ACK: established
    "-CweEsrC-", // SHUTDOWN COMPLETE
    "-CweEsraH", // HEARTBEAT
    "-CweEsraE", // HEARTBEAT ACK: the path answers
  ],
];

const STATE_LETTERS = "_CweEsraH-";

/** The row of a chunk type plus 1; 0: it moves nothing. */
const ROW = new Uint8Array(256);
for (let row = 0; row < MOVERS.length; row++) ROW[MOVERS[row]] = row + 1;

/** The transition table flat: (direction * 11 + row) * 9 + state. Models `sctp_conntracks`. */
export const SCTP_CONNTRACKS: Uint8Array = Uint8Array.from(
  TRANSITIONS.flat().flatMap((row) => Array.from(row, (letter) => STATE_LETTERS.indexOf(letter))),
);

/** Words of the protocol's own. Models `struct ip_ct_sctp`. */
const STATE = 0;
/** The tag that packets of a direction bear (two words). */
const VTAG = 1;
/** Whether an INIT came in that direction and no COOKIE ACK since (two words). */
const INIT_SEEN = 3;
const LAST_DIR = 5;
/** A HEARTBEAT with a wrong tag went by: its answer may show that the tag was new. */
const HEARTBEAT_VTAG_FAILED = 6;

/** Chunk types as a set of bits; those beyond 31 are never asked for. */
const bit = (type: number): number => (type < 32 ? 1 << type : 0);

/** Packets with one of these have their tag judged chunk by chunk (RFC 4960, 8.5.1). */
const OWN_TAG_RULES: number =
  bit(SCTP_CID_INIT) |
  bit(SCTP_CID_SHUTDOWN_COMPLETE) |
  bit(SCTP_CID_COOKIE_ECHO) |
  bit(SCTP_CID_ABORT) |
  bit(SCTP_CID_SHUTDOWN_ACK) |
  bit(SCTP_CID_HEARTBEAT) |
  bit(SCTP_CID_HEARTBEAT_ACK);
/** With one of these no association begins (RFC 4960, 8.4). */
const NEVER_FIRST: number = bit(SCTP_CID_ABORT) | bit(SCTP_CID_SHUTDOWN_COMPLETE) | bit(SCTP_CID_COOKIE_ACK);

/** The state of an SCTP entry, `SCTP_CONNTRACK_*`. */
export function sctpStateOf(ct: Conntrack, entry: CtHandle): number {
  return ct.slab.own[(entry << OWN_SHIFT) + STATE];
}

/** What a tool says about an SCTP association; null: nothing. Models `CTA_PROTOINFO_SCTP`. */
export interface SctpInformation {
  readonly state: number | null;
  readonly originalVtag: number | null;
  readonly replyVtag: number | null;
}

/** Takes over all of it, or (false) nothing. Models `nlattr_to_sctp()`. */
export function sctpSetInformation(ct: Conntrack, entry: CtHandle, information: SctpInformation): boolean {
  const { state, originalVtag, replyVtag } = information;
  if (state === null || originalVtag === null || replyVtag === null) return false;
  const first = entry << OWN_SHIFT;
  ct.slab.own[first + STATE] = state;
  ct.slab.own[first + VTAG] = originalVtag;
  ct.slab.own[first + VTAG + 1] = replyVtag;
  return true;
}

/** The verification tag that packets of a direction bear, as an unsigned number. */
export function sctpVtagOf(ct: Conntrack, entry: CtHandle, direction: number): number {
  return ct.slab.own[(entry << OWN_SHIFT) + VTAG + direction] >>> 0;
}

/** Whether a full table may take the entry although it is assured. Models `sctp_can_early_drop()`. */
export function sctpCanEarlyDrop(ct: Conntrack, entry: CtHandle): boolean {
  const state = sctpStateOf(ct, entry);
  return state >= SCTP_CONNTRACK_SHUTDOWN_SENT && state <= SCTP_CONNTRACK_SHUTDOWN_ACK_SENT;
}

/** Where the chunk after the one at `at` begins: chunks are padded to four bytes. */
function nextChunk(data: Uint8Array, at: number): number {
  return at + ((get16(data, at + SCTP_CHUNK_LENGTH) + 3) & ~3);
}

/** The number a little-endian machine reads from four bytes in network order; the kernel's log shows tags so. */
function hostOrder(tag: number): string {
  const swapped = (tag << 24) | ((tag & 0xff00) << 8) | ((tag >>> 8) & 0xff00) | (tag >>> 24);
  return (swapped >>> 0).toString(16);
}

/** The types of a packet's chunks as bits, or -1 for a packet whose chunks cannot be. Models `do_basic_checks()`. */
function chunkTypes(ct: Conntrack, skb: SkBuff, at: number, state: HookState): number {
  const { data, len } = skb;
  let types = 0;
  let alone = false;
  let count = 0;
  for (let chunk = at + SCTP_HEADER_LENGTH; chunk + SCTP_CHUNK_HEADER_LENGTH <= len; count++) {
    const type = data[chunk];
    const length = get16(data, chunk + SCTP_CHUNK_LENGTH);
    if (type === SCTP_CID_INIT || type === SCTP_CID_INIT_ACK || type === SCTP_CID_SHUTDOWN_COMPLETE) alone = true;
    const first = alone || type === SCTP_CID_COOKIE_ACK || type === SCTP_CID_COOKIE_ECHO;
    if ((first && count !== 0) || length === 0) {
      if (ct.listensToInvalid) {
        const swapped = ((length & 0xff) << 8) | (length >>> 8);
        const what = `chunk num ${count}, type ${type}, len ${swapped} flag ${alone ? 1 : 0}`;
        ct.logInvalid(skb, state, IPPROTO_SCTP, `do_basic_checks failed. ${what}`);
      }
      return -1;
    }
    types |= bit(type);
    chunk = nextChunk(data, chunk);
  }
  return count === 0 ? -1 : types;
}

/** The state after a chunk. Models `sctp_new_state()`. */
function stateAfter(direction: number, state: number, type: number): number {
  const row = ROW[type];
  return row === 0 ? state : SCTP_CONNTRACKS[(direction * MOVERS.length + row - 1) * SCTP_CONNTRACK_MAX + state];
}

/** Whether an INIT (or INIT ACK) chunk is all there. */
function initFits(chunk: number, len: number): boolean {
  return chunk + SCTP_CHUNK_HEADER_LENGTH + SCTP_INIT_LENGTH <= len;
}

/** Sets up a fresh entry. False: no association may begin so. Models `sctp_new()`. */
function sctpNew(ct: Conntrack, entry: CtHandle, skb: SkBuff, at: number): boolean {
  const { own } = ct.slab;
  const first = entry << OWN_SHIFT;
  const { data, len } = skb;
  const vtag = getInt32(data, at + SCTP_VTAG);
  own.fill(0, first, (entry + 1) << OWN_SHIFT);
  let chunk = at + SCTP_HEADER_LENGTH;
  for (; chunk + SCTP_CHUNK_HEADER_LENGTH <= len; chunk = nextChunk(data, chunk)) {
    const type = data[chunk];
    const state = stateAfter(IP_CT_DIR_ORIGINAL, SCTP_CONNTRACK_NONE, type);
    if (state === SCTP_CONNTRACK_NONE || state === SCTP_CONNTRACK_MAX) return false;
    if (type === SCTP_CID_INIT) {
      if (vtag !== 0 || !initFits(chunk, len)) return false;
      own[first + VTAG + IP_CT_DIR_REPLY] = getInt32(data, chunk + SCTP_CHUNK_HEADER_LENGTH);
    } else if (type === SCTP_CID_HEARTBEAT) own[first + VTAG + IP_CT_DIR_ORIGINAL] = vtag;
    // Out of the blue, it is answered by SHUTDOWN COMPLETE with the same tag (RFC 4960, 8.4).
    else if (type === SCTP_CID_SHUTDOWN_ACK) own[first + VTAG + IP_CT_DIR_REPLY] = vtag;
  }
  return true;
}

const CHUNK_TAKEN = 0;
/** Let through, but the packet shall not keep the entry alive. */
const CHUNK_IGNORED = 1;
const CHUNK_INVALID = 2;

/** Judges a chunk's tag where the protocol has a rule of its own for it, and learns tags from heartbeats. */
function checkTag(
  ct: Conntrack,
  first: number,
  direction: number,
  type: number,
  flags: number,
  vtag: number,
  types: number,
  ignoring: boolean,
): number {
  const { own } = ct.slab;
  const expected = own[first + VTAG + direction];
  switch (type) {
    case SCTP_CID_INIT:
      return vtag === 0 ? CHUNK_TAKEN : CHUNK_INVALID;
    case SCTP_CID_ABORT:
    case SCTP_CID_SHUTDOWN_COMPLETE:
      // The T bit says that the sender knows no tag of its own, and reflects the peer's.
      return vtag === (flags & SCTP_FLAG_T ? own[first + VTAG + 1 - direction] : expected)
        ? CHUNK_TAKEN
        : CHUNK_INVALID;
    case SCTP_CID_COOKIE_ECHO:
      return vtag === expected ? CHUNK_TAKEN : CHUNK_INVALID;
    case SCTP_CID_COOKIE_ACK:
      own[first + INIT_SEEN] = 0;
      own[first + INIT_SEEN + 1] = 0;
      return CHUNK_TAKEN;
    case SCTP_CID_HEARTBEAT:
      if (expected === 0) own[first + VTAG + direction] = vtag;
      else if (vtag !== expected) {
        if (types & bit(SCTP_CID_DATA) || ignoring) return CHUNK_INVALID;
        own[first + HEARTBEAT_VTAG_FAILED] = 1;
        own[first + LAST_DIR] = direction;
        return CHUNK_IGNORED;
      } else own[first + HEARTBEAT_VTAG_FAILED] = 0;
      return CHUNK_TAKEN;
    case SCTP_CID_HEARTBEAT_ACK:
      if (expected === 0) own[first + VTAG + direction] = vtag;
      else if (vtag !== expected) {
        if (types & bit(SCTP_CID_DATA) || ignoring) return CHUNK_INVALID;
        if (own[first + HEARTBEAT_VTAG_FAILED] === 0 || own[first + LAST_DIR] === direction) return CHUNK_INVALID;
        // Both ends agree on new tags: the association was restarted on another path.
        own[first + HEARTBEAT_VTAG_FAILED] = 0;
        own[first + VTAG + direction] = vtag;
        own[first + VTAG + 1 - direction] = 0;
      } else own[first + HEARTBEAT_VTAG_FAILED] = 0;
      return CHUNK_TAKEN;
    default:
      return CHUNK_TAKEN;
  }
}

/** Notes the tag that INIT or INIT ACK gives to the packets coming back. */
function takeInitTag(
  ct: Conntrack,
  entry: CtHandle,
  direction: number,
  type: number,
  tag: number,
  before: number,
  after: number,
): number {
  const { own } = ct.slab;
  const first = entry << OWN_SHIFT;
  const other = 1 - direction;
  if (type === SCTP_CID_INIT) {
    // A stale or repeated INIT is not counted.
    if (before === SCTP_CONNTRACK_NONE || own[first + VTAG + other] !== tag) {
      if (own[first + INIT_SEEN + direction] !== 0) own[first + INIT_SEEN + other] = 0;
      own[first + INIT_SEEN + direction] = 1;
    }
    own[first + VTAG + other] = tag;
    // Repeated INITs keep nothing alive: a reused port could hold the entry for ever.
    const repeated = before === SCTP_CONNTRACK_CLOSED && after === SCTP_CONNTRACK_CLOSED;
    return repeated && ct.statusOf(entry) & IPS_CONFIRMED ? CHUNK_IGNORED : CHUNK_TAKEN;
  }
  const known = own[first + VTAG + other];
  if (own[first + INIT_SEEN + other] === 0 && known !== 0 && known !== tag) return CHUNK_INVALID;
  // Both ends opened at once.
  if (own[first + INIT_SEEN + direction] !== 0 && own[first + INIT_SEEN + other] !== 0 && known !== tag)
    return CHUNK_INVALID;
  own[first + VTAG + other] = tag;
  return CHUNK_TAKEN;
}

function noteState(ct: Conntrack, entry: CtHandle, before: number, after: number): void {
  if (ct.net.trace !== null)
    ct.net.trace.note({ kind: "state", entry, before: SCTP_STATE_NAMES[before], after: SCTP_STATE_NAMES[after] });
  ct.cacheEvent(entry, IPCT_PROTOINFO);
  const status = (entry << ENTRY_SHIFT) + E_STATUS;
  if (after !== SCTP_CONNTRACK_ESTABLISHED || ct.slab.words[status] & IPS_ASSURED) return;
  ct.slab.words[status] |= IPS_ASSURED;
  ct.cacheEvent(entry, IPCT_ASSURED);
}

/** One packet of an association. Models `nf_conntrack_sctp_packet()`. */
export function sctpPacket(
  ct: Conntrack,
  entry: CtHandle,
  skb: SkBuff,
  at: number,
  ctinfo: number,
  state: HookState,
): number {
  const { data, len } = skb;
  if (len < at + SCTP_HEADER_LENGTH) {
    ct.logInvalid(skb, state, IPPROTO_SCTP, "nf_ct_sctp: short packet ");
    return -NF_ACCEPT;
  }
  if (state.hook === NF_INET_PRE_ROUTING && ct.checksum !== 0 && !skb.checksumVerified) {
    if (!sctpChecksumOk(data, at, len - at)) {
      ct.logInvalid(skb, state, IPPROTO_SCTP, "nf_ct_sctp: bad CRC ");
      return -NF_ACCEPT;
    }
    skb.checksumVerified = true;
  }
  const types = chunkTypes(ct, skb, at, state);
  if (types === -1) return -NF_ACCEPT;
  const { own } = ct.slab;
  const first = entry << OWN_SHIFT;
  if ((ct.statusOf(entry) & IPS_CONFIRMED) === 0 && (types & NEVER_FIRST || !sctpNew(ct, entry, skb, at)))
    return -NF_ACCEPT;

  const direction = ctinfoDirection(ctinfo);
  const vtag = getInt32(data, at + SCTP_VTAG);
  if ((types & OWN_TAG_RULES) === 0 && vtag !== own[first + VTAG + direction]) {
    if (ct.listensToInvalid) {
      const tags = `${hostOrder(vtag)} vs ${hostOrder(own[first + VTAG + direction])}`;
      ct.logInvalid(skb, state, IPPROTO_SCTP, `verification tag check failed ${tags} for dir ${direction}`);
    }
    return -NF_ACCEPT;
  }

  let ignoring = false;
  let after = SCTP_CONNTRACK_NONE;
  let chunk = at + SCTP_HEADER_LENGTH;
  for (; chunk + SCTP_CHUNK_HEADER_LENGTH <= len; chunk = nextChunk(data, chunk)) {
    const type = data[chunk];
    const flags = data[chunk + SCTP_CHUNK_FLAGS];
    const judged = checkTag(ct, first, direction, type, flags, vtag, types, ignoring);
    if (judged === CHUNK_INVALID) return -NF_ACCEPT;
    if (judged === CHUNK_IGNORED) {
      ignoring = true;
      continue;
    }
    const before = own[first + STATE];
    after = stateAfter(direction, before, type);
    if (after === SCTP_CONNTRACK_MAX) {
      if (ct.listensToInvalid)
        ct.logInvalid(skb, state, IPPROTO_SCTP, `Invalid, old_state ${before}, dir ${direction}, type ${type}`);
      return -NF_ACCEPT;
    }
    if (type === SCTP_CID_INIT || type === SCTP_CID_INIT_ACK) {
      if (!initFits(chunk, len)) return -NF_ACCEPT;
      const tag = get32(data, chunk + SCTP_CHUNK_HEADER_LENGTH) | 0;
      const taken = takeInitTag(ct, entry, direction, type, tag, before, after);
      if (taken === CHUNK_INVALID) return -NF_ACCEPT;
      if (taken === CHUNK_IGNORED) ignoring = true;
    }
    own[first + STATE] = after;
    if (before !== after) noteState(ct, entry, before, after);
  }
  if (!ignoring) ct.refreshAcct(entry, ctinfo, skb, ct.timeoutsOf(entry, ct.sctp)[after]);
  return NF_ACCEPT;
}
