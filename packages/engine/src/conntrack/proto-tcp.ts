/**
 * TCP as a man in the middle sees it: a state for the connection, and for each sender the window its segments must fall
 * into. Packets that fit neither are INVALID, or let through unjudged ("ignored") where the tracker itself may be the
 * one out of step. Models net/netfilter/nf_conntrack_proto_tcp.c; SYN proxy is not modelled.
 */
import { HZ } from "../clock.js";
import { type HookState, NF_ACCEPT, NF_DROP, NF_INET_PRE_ROUTING, NF_REPEAT } from "../hooks.js";
import { ctinfoDirection, type Direction, IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY, type SkBuff } from "../skb.js";
import { get16, getInt32 } from "../wire/bytes.js";
import { IPPROTO_TCP } from "../wire/ipv4.js";
import {
  TCP_ACK,
  TCP_ACK_SEQ,
  TCP_CWR,
  TCP_DATA_OFFSET,
  TCP_ECE,
  TCP_FIN,
  TCP_FLAGS,
  TCP_HEADER_LENGTH,
  TCP_PSH,
  TCP_RST,
  TCP_SEQ,
  TCP_SYN,
  TCP_URG,
  TCP_WINDOW,
  TCPOPT_EOL,
  TCPOPT_NOP,
  TCPOPT_SACK,
  TCPOPT_SACK_PERM,
  TCPOPT_TIMESTAMP,
  TCPOPT_WINDOW,
} from "../wire/tcp.js";
import { l4ChecksumOk } from "./checksum.js";
import type { Conntrack } from "./conntrack.js";
import { E_STATUS, E_TIMEOUT, ENTRY_SHIFT, OWN_BYTE_SHIFT, OWN_SHIFT } from "./entry.js";
import { IPCT_ASSURED, IPCT_PROTOINFO } from "./events.js";
import { type CtHandle, IPS_ASSURED, IPS_CONFIRMED, IPS_FIXED_TIMEOUT, IPS_SEEN_REPLY } from "./status.js";

/** States of a connection. Models `enum tcp_conntrack`. */
export const TCP_CONNTRACK_NONE = 0;
export const TCP_CONNTRACK_SYN_SENT = 1;
export const TCP_CONNTRACK_SYN_RECV = 2;
export const TCP_CONNTRACK_ESTABLISHED = 3;
export const TCP_CONNTRACK_FIN_WAIT = 4;
export const TCP_CONNTRACK_CLOSE_WAIT = 5;
export const TCP_CONNTRACK_LAST_ACK = 6;
export const TCP_CONNTRACK_TIME_WAIT = 7;
export const TCP_CONNTRACK_CLOSE = 8;
export const TCP_CONNTRACK_SYN_SENT2 = 9;
/** In the table: the packet is invalid. */
export const TCP_CONNTRACK_MAX = 10;
/** In the table: let it through and learn nothing. */
export const TCP_CONNTRACK_IGNORE = 11;
/** Further timeouts that are no states. */
export const TCP_CONNTRACK_RETRANS = 12;
export const TCP_CONNTRACK_UNACK = 13;
export const TCP_CONNTRACK_TIMEOUT_MAX = 14;

/** Names of the states as tools print them, by number. */
export const TCP_STATE_NAMES: readonly string[] = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "SYN_SENT2",
];

/** Default timeouts in jiffies, by state and the two extra ones. */
export const TCP_DEFAULT_TIMEOUTS: readonly number[] = [
  0,
  120 * HZ,
  60 * HZ,
  432_000 * HZ,
  120 * HZ,
  60 * HZ,
  30 * HZ,
  120 * HZ,
  10 * HZ,
  120 * HZ,
  0,
  0,
  300 * HZ,
  300 * HZ,
];

/** The tunables. Models `struct nf_tcp_net`. */
export interface TcpSettings {
  /** Jiffies by state. */
  readonly timeouts: number[];
  loose: number;
  beLiberal: number;
  maxRetrans: number;
  ignoreInvalidRst: number;
}

/** What kind of segment it is. Models `enum tcp_bit_set`. */
export const TCP_SYN_SET = 0;
export const TCP_SYNACK_SET = 1;
export const TCP_FIN_SET = 2;
export const TCP_ACK_SET = 3;
export const TCP_RST_SET = 4;
export const TCP_NONE_SET = 5;

/**
 * The transition table as it reads: for each direction and kind of segment one letter for each present state.
 * Columns: none, SYN_SENT (S), SYN_RECV (R), ESTABLISHED (E), FIN_WAIT (F), CLOSE_WAIT (W), LAST_ACK (L),
 * TIME_WAIT (T), CLOSE (C), SYN_SENT2 (2); `-` is invalid, `i` is ignore.
 */
const TRANSITIONS: readonly (readonly string[])[] = [
  [
    // original direction
    "SSiiiiiSS2", // SYN: opens; in a live connection somebody is out of step; reopens a closed one
    "--R------R", // SYN+ACK: only in a simultaneous open
    "--FFLLLTC-", // FIN
    "E-EEWWTTC-", // ACK: picks up, establishes, or acknowledges a FIN
    "-CCCCCCCCC", // RST
    "----------", // none of them
  ],
  [
    // reply direction
    "-2-----S-2", // SYN: simultaneous open, or the server reopens
    "-RiiiiiiiR", // SYN+ACK: the answer, or a late one
    "--FFLLLTC-", // FIN
    "-iREWWTTCi", // ACK
    "-CCCCCCCCC", // RST
    "----------", // none of them
  ],
];

const STATE_LETTERS = "_SREFWLTC2-i";

/** The transition table flat: (direction * 6 + kind) * 10 + state. Models `tcp_conntracks`. */
export const TCP_CONNTRACKS: Uint8Array = Uint8Array.from(
  TRANSITIONS.flat().flatMap((row) => Array.from(row, (letter) => STATE_LETTERS.indexOf(letter))),
);

/** Flags of a sender. Models `IP_CT_TCP_FLAG_*`. */
const FLAG_WINDOW_SCALE = 0x01;
const FLAG_SACK_PERM = 0x02;
const FLAG_CLOSE_INIT = 0x04;
const FLAG_BE_LIBERAL = 0x08;
const FLAG_DATA_UNACKNOWLEDGED = 0x10;
const FLAG_MAXACK_SET = 0x20;
/** These two stand in the flags of the last packet. */
const EXP_CHALLENGE_ACK = 0x40;
const SIMULTANEOUS_OPEN = 0x80;

/** Word offsets in a sender's five words. Models `struct ip_ct_tcp_state`. */
const TD_END = 0;
const TD_MAXEND = 1;
const TD_MAXWIN = 2;
const TD_MAXACK = 3;
const TD_FLAGS = 4;
const SENDER_WORDS = 5;
/** Bytes 0-3 of word 10 and 0-3 of word 11. */
const STATE_BYTES: number = 2 * SENDER_WORDS * 4;
const B_STATE: number = STATE_BYTES;
const B_RETRANS: number = STATE_BYTES + 1;
const B_LAST_INDEX: number = STATE_BYTES + 2;
const B_LAST_DIR: number = STATE_BYTES + 3;
const B_LAST_FLAGS: number = STATE_BYTES + 4;
const B_LAST_WSCALE: number = STATE_BYTES + 5;
/** The window scale of each sender. */
const B_SCALE: number = STATE_BYTES + 6;
/** What the last packet had. */
const LAST_SEQ = 12;
const LAST_ACK = 13;
const LAST_END = 14;
const LAST_WIN = 15;

const TCP_MAX_WSCALE = 14;
const MAXACKWINCONST = 66000;

/** Flag combinations that a sane stack sends (PSH, ECE and CWR apart), by the flags byte. */
const VALID_FLAGS = new Uint8Array(64);
for (const flags of [
  TCP_SYN,
  TCP_SYN | TCP_URG,
  TCP_SYN | TCP_ACK,
  TCP_RST,
  TCP_RST | TCP_ACK,
  TCP_FIN | TCP_ACK,
  TCP_FIN | TCP_ACK | TCP_URG,
  TCP_ACK,
  TCP_ACK | TCP_URG,
])
  VALID_FLAGS[flags] = 1;

/** Whether sequence number `a` comes before `b`, modulo 2^32. */
function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** The kind of a segment, by its flags. Models `get_conntrack_index()`. */
export function tcpKind(flags: number): number {
  if (flags & TCP_RST) return TCP_RST_SET;
  if (flags & TCP_SYN) return flags & TCP_ACK ? TCP_SYNACK_SET : TCP_SYN_SET;
  if (flags & TCP_FIN) return TCP_FIN_SET;
  return flags & TCP_ACK ? TCP_ACK_SET : TCP_NONE_SET;
}

/** The state of a TCP entry, `TCP_CONNTRACK_*`. */
export function tcpStateOf(ct: Conntrack, entry: CtHandle): number {
  return ct.slab.ownBytes[(entry << OWN_BYTE_SHIFT) + B_STATE];
}

/** Flags of both senders that a tool gives to what it makes, as it has seen no packet. Models `IP_CT_TCP_FLAG_*`. */
export const IP_CT_TCP_FLAG_SACK_PERM: number = FLAG_SACK_PERM;
export const IP_CT_TCP_FLAG_CLOSE_INIT: number = FLAG_CLOSE_INIT;
export const IP_CT_TCP_FLAG_BE_LIBERAL: number = FLAG_BE_LIBERAL;

/** What a tool says about a TCP connection. Models `CTA_PROTOINFO_TCP`. */
export interface TcpInformation {
  /** `TCP_CONNTRACK_*`; null: it stays. */
  readonly state: number | null;
  /** Flags that both senders get. */
  readonly flags: number;
}

/** Models `nlattr_to_tcp()`. */
export function tcpSetInformation(ct: Conntrack, entry: CtHandle, { state, flags }: TcpInformation): void {
  if (state !== null) ct.slab.ownBytes[(entry << OWN_BYTE_SHIFT) + B_STATE] = state;
  const first = (entry << OWN_SHIFT) + TD_FLAGS;
  for (let sender = 0; sender < 2; sender++) ct.slab.own[first + sender * SENDER_WORDS] |= flags;
}

/** The last sequence number (plus one) that the opener is known to have sent. */
export function tcpOriginalEnd(ct: Conntrack, entry: CtHandle): number {
  return ct.slab.own[(entry << OWN_SHIFT) + TD_END];
}

/** The greatest window that a side has shown, scaled. Models `seen[].td_maxwin`. */
export function tcpMaxWindow(ct: Conntrack, entry: CtHandle, direction: Direction): number {
  return ct.slab.own[(entry << OWN_SHIFT) + direction * SENDER_WORDS + TD_MAXWIN] >>> 0;
}

/** Whether a full table may take the entry although it is assured: it is closing. Models `tcp_can_early_drop()`. */
export function tcpCanEarlyDrop(ct: Conntrack, entry: CtHandle): boolean {
  const state = tcpStateOf(ct, entry);
  return state >= TCP_CONNTRACK_FIN_WAIT && state <= TCP_CONNTRACK_CLOSE;
}

/** The sequence number after the segment's last. */
function segmentEnd(data: Uint8Array, at: number, length: number): number {
  const flags = data[at + TCP_FLAGS];
  return (
    (getInt32(data, at + TCP_SEQ) +
      length -
      (data[at + TCP_DATA_OFFSET] >>> 4) * 4 +
      (flags & TCP_SYN ? 1 : 0) +
      (flags & TCP_FIN ? 1 : 0)) |
    0
  );
}

/** What {@link readOptions} found: flags of the sender and its scale. */
let optionFlags = 0;
let optionScale = 0;

/** Reads SACK-permitted and window scale. False when the header has no options. Models `tcp_options()`. */
function readOptions(data: Uint8Array, at: number): boolean {
  let length = (data[at + TCP_DATA_OFFSET] >>> 4) * 4 - TCP_HEADER_LENGTH;
  optionFlags = 0;
  optionScale = 0;
  if (length === 0) return false;
  let offset = at + TCP_HEADER_LENGTH;
  while (length > 0) {
    const kind = data[offset];
    if (kind === TCPOPT_EOL) break;
    if (kind === TCPOPT_NOP) {
      offset++;
      length--;
      continue;
    }
    if (length < 2) break;
    const size = data[offset + 1];
    if (size < 2 || size > length) break;
    if (kind === TCPOPT_SACK_PERM && size === 2) optionFlags |= FLAG_SACK_PERM;
    else if (kind === TCPOPT_WINDOW && size === 3) {
      optionScale = Math.min(data[offset + 2], TCP_MAX_WSCALE);
      optionFlags |= FLAG_WINDOW_SCALE;
    }
    offset += size;
    length -= size;
  }
  return true;
}

/** The right edge of the highest SACK block, or `ack` when none is higher. Models `tcp_sack()`. */
function highestSack(data: Uint8Array, at: number, ack: number): number {
  let length = (data[at + TCP_DATA_OFFSET] >>> 4) * 4 - TCP_HEADER_LENGTH;
  let offset = at + TCP_HEADER_LENGTH;
  let sack = ack;
  // A lone time stamp, aligned as everybody sends it, holds no block.
  if (
    length === 12 &&
    getInt32(data, offset) === ((TCPOPT_NOP << 24) | (TCPOPT_NOP << 16) | (TCPOPT_TIMESTAMP << 8) | 10)
  )
    return sack;
  while (length > 0) {
    const kind = data[offset];
    if (kind === TCPOPT_EOL) return sack;
    if (kind === TCPOPT_NOP) {
      offset++;
      length--;
      continue;
    }
    if (length < 2) return sack;
    const size = data[offset + 1];
    if (size < 2 || size > length) return sack;
    if (kind === TCPOPT_SACK && size >= 10 && (size - 2) % 8 === 0) {
      for (let block = offset + 2; block < offset + size; block += 8) {
        const right = getInt32(data, block + 4);
        if (before(sack, right)) sack = right;
      }
      return sack;
    }
    offset += size;
    length -= size;
  }
  return sack;
}

/** Takes the options of a SYN into a sender's record; without options nothing changes. */
function adoptOptions(ct: Conntrack, entry: CtHandle, dir: Direction, data: Uint8Array, at: number): void {
  if (!readOptions(data, at)) return;
  const flags = (entry << OWN_SHIFT) + dir * SENDER_WORDS + TD_FLAGS;
  ct.slab.own[flags] = (ct.slab.own[flags] & FLAG_BE_LIBERAL) | optionFlags;
  ct.slab.ownBytes[(entry << OWN_BYTE_SHIFT) + B_SCALE + dir] = optionScale;
}

/** A sender begins (again): what its SYN says holds. Models `tcp_init_sender()`. */
function initSender(
  ct: Conntrack,
  entry: CtHandle,
  dir: Direction,
  data: Uint8Array,
  at: number,
  end: number,
  win: number,
): void {
  const { own } = ct.slab;
  const first = entry << OWN_SHIFT;
  const sender = first + dir * SENDER_WORDS;
  own[sender + TD_END] = end;
  own[sender + TD_MAXEND] = end;
  own[sender + TD_MAXWIN] = win === 0 ? 1 : win;
  adoptOptions(ct, entry, dir, data, at);
  // Scaling holds in either direction only when both offered it (RFC 7323).
  const both = own[first + TD_FLAGS] & own[first + SENDER_WORDS + TD_FLAGS] & FLAG_WINDOW_SCALE;
  if (dir === IP_CT_DIR_REPLY && both === 0) {
    const scale = (entry << OWN_BYTE_SHIFT) + B_SCALE;
    ct.slab.ownBytes[scale] = 0;
    ct.slab.ownBytes[scale + 1] = 0;
  }
}

const WINDOW_ACCEPT = 0;
const WINDOW_IGNORE = 1;
const WINDOW_INVALID = 2;

/** Why {@link inWindow} refused; null when it did not. */
let windowReason: string | null = null;

/** Refuses a packet for its sequence numbers, unless the tracker is to be liberal. Models `nf_tcp_store_invalid()`. */
function refuse(ct: Conntrack, senderFlags: number, result: number, before_: string, value: number, after_: string) {
  if (senderFlags & FLAG_BE_LIBERAL || ct.tcp.beLiberal !== 0) return WINDOW_ACCEPT;
  windowReason = `${before_}${value >>> 0}${after_}`;
  return result;
}

/**
 * Whether a segment falls into the window its sender may use, and what it teaches about both. Bounds, with the receiver
 * being the other side: (I) seq <= sender's greatest allowed end; (II) end >= sender's end - receiver's window;
 * (III) ack <= receiver's end; (IV) ack >= receiver's end - a generous window. Models `tcp_in_window()`.
 */
function inWindow(
  ct: Conntrack,
  entry: CtHandle,
  dir: Direction,
  kind: number,
  data: Uint8Array,
  at: number,
  length: number,
): number {
  const { own } = ct.slab;
  const bytes = ct.slab.ownBytes;
  const first = entry << OWN_SHIFT;
  const byteBase = entry << OWN_BYTE_SHIFT;
  const sender = first + dir * SENDER_WORDS;
  const receiver = first + (1 - dir) * SENDER_WORDS;
  const flags = data[at + TCP_FLAGS];
  const state = bytes[byteBase + B_STATE];
  const rawWin = get16(data, at + TCP_WINDOW);
  let win = rawWin;
  let seq = getInt32(data, at + TCP_SEQ);
  let ack = getInt32(data, at + TCP_ACK_SEQ);
  let end = segmentEnd(data, at, length);
  let sack = own[receiver + TD_FLAGS] & FLAG_SACK_PERM ? highestSack(data, at, ack) : ack;
  windowReason = null;
  // What a helper of NAT inserted into the other side's words, this side acknowledges too.
  if (ct.net.trace !== null) ct.net.trace.call("nf_ct_seq_offset", "nf_conntrack");
  const moved = ct.helpers.sequenceOffset(entry, dir === IP_CT_DIR_ORIGINAL ? 1 : 0, (ack - 1) | 0);
  ack = (ack - moved) | 0;
  sack = (sack - moved) | 0;

  if (own[sender + TD_MAXWIN] === 0) {
    if (flags & TCP_SYN) {
      initSender(ct, entry, dir, data, at, end, win);
      if ((flags & TCP_ACK) === 0) return WINDOW_ACCEPT;
    } else {
      // Picked up in the middle: believe the packet.
      const scaled = win << bytes[byteBase + B_SCALE + dir];
      own[sender + TD_END] = end;
      own[sender + TD_MAXWIN] = scaled === 0 ? 1 : scaled;
      own[sender + TD_MAXEND] = (end + own[sender + TD_MAXWIN]) | 0;
      if (own[receiver + TD_MAXWIN] === 0) {
        own[receiver + TD_END] = sack;
        own[receiver + TD_MAXEND] = sack;
      } else if (sack === ((own[receiver + TD_END] + 1) | 0)) {
        // Probably the answer to a keep-alive.
        own[receiver + TD_END] = sack;
      }
    }
  } else if (
    flags & TCP_SYN &&
    before(own[sender + TD_END], end) &&
    (state === TCP_CONNTRACK_SYN_SENT || state === TCP_CONNTRACK_SYN_RECV)
  ) {
    // The opener (or answerer) started over with a later sequence number.
    initSender(ct, entry, dir, data, at, end, win);
    if (dir === IP_CT_DIR_REPLY && (flags & TCP_ACK) === 0) return WINDOW_ACCEPT;
  }

  if ((flags & TCP_ACK) === 0 || (flags & TCP_RST && ack === 0)) {
    // No acknowledgement (or a RST with an empty one): pretend it was as expected.
    ack = own[receiver + TD_END];
    sack = ack;
  }
  if (flags & TCP_RST && seq === 0 && state === TCP_CONNTRACK_SYN_SENT) {
    // A RST that answers a SYN.
    seq = own[sender + TD_END];
    end = seq;
  }

  const senderFlags = own[sender + TD_FLAGS];
  const receiverWindow = own[receiver + TD_MAXWIN];
  const maxWindow = own[sender + TD_MAXWIN] >>> 0;
  const ackFloor = (own[receiver + TD_END] - (maxWindow > MAXACKWINCONST ? maxWindow : MAXACKWINCONST) - 1) | 0;
  const seqFloor = (own[sender + TD_END] - receiverWindow - 1) | 0;

  if (!before(seq, own[sender + TD_MAXEND] + 1)) {
    const overshot = (end - own[sender + TD_MAXEND] + 1) >>> 0;
    if (
      receiverWindow !== 0 &&
      before(seqFloor, end) &&
      before(ackFloor, sack) &&
      overshot <= receiverWindow >>> 0 &&
      before(sack, own[receiver + TD_END] + 1)
    ) {
      // Only the window was overrun. If a rule lets it pass and the peer acknowledges it, that must not look wrong.
      own[sender + TD_END] = end;
      own[sender + TD_FLAGS] |= FLAG_DATA_UNACKNOWLEDGED;
      return refuse(ct, senderFlags, WINDOW_IGNORE, "", overshot, " bytes more than expected");
    }
    return refuse(
      ct,
      senderFlags,
      WINDOW_INVALID,
      "SEQ is over upper bound ",
      own[sender + TD_MAXEND] + 1,
      " (over the window of the receiver)",
    );
  }
  if (!before(sack, own[receiver + TD_END] + 1))
    return refuse(
      ct,
      senderFlags,
      WINDOW_INVALID,
      "ACK is over upper bound ",
      own[receiver + TD_END] + 1,
      " (ACKed data not seen yet)",
    );
  if (receiverWindow !== 0 && !before(seqFloor, end))
    return refuse(
      ct,
      senderFlags,
      WINDOW_IGNORE,
      "SEQ is under lower bound ",
      seqFloor,
      " (already ACKed data retransmitted)",
    );
  if (!before(ackFloor, sack))
    return refuse(
      ct,
      senderFlags,
      WINDOW_IGNORE,
      "ignored ACK under lower bound ",
      ackFloor,
      " (possible overly delayed)",
    );

  if ((flags & TCP_SYN) === 0) win <<= bytes[byteBase + B_SCALE + dir];

  // What the sender now has shown.
  const shownWindow = win + ((sack - ack) | 0);
  if (own[sender + TD_MAXWIN] >>> 0 < shownWindow >>> 0) own[sender + TD_MAXWIN] = shownWindow;
  if (before(own[sender + TD_END], end)) {
    own[sender + TD_END] = end;
    own[sender + TD_FLAGS] |= FLAG_DATA_UNACKNOWLEDGED;
  }
  if (flags & TCP_ACK) {
    if ((own[sender + TD_FLAGS] & FLAG_MAXACK_SET) === 0) {
      own[sender + TD_MAXACK] = ack;
      own[sender + TD_FLAGS] |= FLAG_MAXACK_SET;
    } else if (before(own[sender + TD_MAXACK], ack)) own[sender + TD_MAXACK] = ack;
  }
  // What the receiver may do from here.
  if (receiverWindow !== 0 && before(own[sender + TD_MAXEND], end))
    own[receiver + TD_MAXWIN] += (end - own[sender + TD_MAXEND]) | 0;
  const edge = (sack + win) | 0;
  if (before(own[receiver + TD_MAXEND] - 1, edge)) own[receiver + TD_MAXEND] = win === 0 ? edge + 1 : edge;
  if (ack === own[receiver + TD_END]) own[receiver + TD_FLAGS] &= ~FLAG_DATA_UNACKNOWLEDGED;

  if (kind === TCP_ACK_SET) {
    if (
      bytes[byteBase + B_LAST_DIR] === dir &&
      own[first + LAST_SEQ] === seq &&
      own[first + LAST_ACK] === ack &&
      own[first + LAST_END] === end &&
      own[first + LAST_WIN] === rawWin
    )
      bytes[byteBase + B_RETRANS]++;
    else {
      bytes[byteBase + B_LAST_DIR] = dir;
      own[first + LAST_SEQ] = seq;
      own[first + LAST_ACK] = ack;
      own[first + LAST_END] = end;
      own[first + LAST_WIN] = rawWin;
      bytes[byteBase + B_RETRANS] = 0;
    }
  }
  return WINDOW_ACCEPT;
}

/**
 * An assured connection's FIN or RST fell out of the window: when both sides sent one, the two ends agree and only we
 * do not, so the entry need not live for days. Returns whether its timeout was lowered. Models
 * `nf_tcp_handle_invalid()`.
 */
function shortenAfterInvalid(ct: Conntrack, entry: CtHandle, dir: Direction, kind: number): boolean {
  const words = ct.slab.words;
  const base = entry << ENTRY_SHIFT;
  const status = words[base + E_STATUS];
  if ((status & IPS_ASSURED) === 0 || status & IPS_FIXED_TIMEOUT) return false;
  if (kind !== TCP_RST_SET && kind !== TCP_FIN_SET) return false;
  const bytes = ct.slab.ownBytes;
  const byteBase = entry << OWN_BYTE_SHIFT;
  const lastKind = bytes[byteBase + B_LAST_INDEX];
  if (bytes[byteBase + B_LAST_DIR] !== dir && (lastKind === TCP_FIN_SET || lastKind === TCP_RST_SET)) {
    const expires = ct.expiresJiffies(entry);
    if (expires < 120 * HZ) return false;
    const timeout = ct.timeoutsOf(entry, ct.tcp.timeouts)[TCP_CONNTRACK_UNACK];
    if (expires <= timeout) return false;
    words[base + E_TIMEOUT] = timeout + ct.net.clock.jiffies;
    return true;
  }
  bytes[byteBase + B_LAST_INDEX] = kind;
  bytes[byteBase + B_LAST_DIR] = dir;
  return false;
}

/** Why a segment is broken whatever its connection, or null. Models `tcp_error()`. */
function tcpError(ct: Conntrack, skb: SkBuff, at: number, length: number, hook: number): string | null {
  const data = skb.data;
  const headerLength = (data[at + TCP_DATA_OFFSET] >>> 4) * 4;
  if (headerLength < TCP_HEADER_LENGTH || length < headerLength) return "truncated packet";
  if (hook === NF_INET_PRE_ROUTING && ct.checksum !== 0 && !l4ChecksumOk(skb, at, length, IPPROTO_TCP))
    return "bad checksum";
  if (VALID_FLAGS[data[at + TCP_FLAGS] & ~(TCP_ECE | TCP_CWR | TCP_PSH)] === 0) return "invalid tcp flag combination";
  return null;
}

/** Sets up a fresh entry. False: no connection may begin so. Models `tcp_new()`. */
function tcpNew(ct: Conntrack, entry: CtHandle, data: Uint8Array, at: number, length: number): boolean {
  const kind = tcpKind(data[at + TCP_FLAGS]);
  const state = TCP_CONNTRACKS[kind * 10 + TCP_CONNTRACK_NONE];
  if (state >= TCP_CONNTRACK_MAX) return false;
  if (state !== TCP_CONNTRACK_SYN_SENT && ct.tcp.loose === 0) return false;
  const { own } = ct.slab;
  const first = entry << OWN_SHIFT;
  own.fill(0, first, (entry + 1) << OWN_SHIFT);
  const end = segmentEnd(data, at, length);
  const win = get16(data, at + TCP_WINDOW) || 1;
  own[first + TD_END] = end;
  own[first + TD_MAXWIN] = win;
  if (state === TCP_CONNTRACK_SYN_SENT) {
    own[first + TD_MAXEND] = end;
    adoptOptions(ct, entry, IP_CT_DIR_ORIGINAL, data, at);
  } else {
    // In the middle of a connection: SACK and scaling may be in use, and nobody can tell any more.
    own[first + TD_MAXEND] = (end + win) | 0;
    own[first + TD_FLAGS] = FLAG_SACK_PERM | FLAG_BE_LIBERAL;
    own[first + SENDER_WORDS + TD_FLAGS] = FLAG_SACK_PERM | FLAG_BE_LIBERAL;
  }
  ct.slab.ownBytes[(entry << OWN_BYTE_SHIFT) + B_LAST_INDEX] = TCP_NONE_SET;
  return true;
}

/** ESTABLISHED, and seen to be so in both directions. Models `nf_conntrack_tcp_established()`. */
function wellEstablished(state: number, status: number): boolean {
  return state === TCP_CONNTRACK_ESTABLISHED && (status & IPS_ASSURED) !== 0;
}

/** What {@link judgeReset} decides. */
const RESET_CHECK_WINDOW = 0;
const RESET_IN_WINDOW = 1;
const RESET_INVALID = 2;
const RESET_KEEP_STATE = 3;

/** Judges a RST: an answer to something let through unjudged, a forged one, or one like any other. */
function judgeReset(
  ct: Conntrack,
  entry: CtHandle,
  dir: Direction,
  oldState: number,
  data: Uint8Array,
  at: number,
): number {
  const words = ct.slab.words;
  const { own } = ct.slab;
  const bytes = ct.slab.ownBytes;
  const base = entry << ENTRY_SHIFT;
  const first = entry << OWN_SHIFT;
  const byteBase = entry << OWN_BYTE_SHIFT;
  const status = words[base + E_STATUS];
  const seq = getInt32(data, at + TCP_SEQ);
  const ack = getInt32(data, at + TCP_ACK_SEQ);
  const lastKind = bytes[byteBase + B_LAST_INDEX];
  const lastDir = bytes[byteBase + B_LAST_DIR];
  const peer = first + (1 - dir) * SENDER_WORDS;
  let keep = RESET_CHECK_WINDOW;
  // A closing connection's tuple may be in use again already: what we know of sequence numbers is out of date.
  if (tcpCanEarlyDrop(ct, entry)) return RESET_IN_WINDOW;
  if (own[peer + TD_FLAGS] & FLAG_MAXACK_SET && lastKind !== TCP_SYN_SET) {
    const established = wellEstablished(oldState, status);
    // Most likely the answer to a SYN that was let through.
    if (seq === 0 && !established) return RESET_CHECK_WINDOW;
    if (before(seq, own[peer + TD_MAXACK]) && ct.tcp.ignoreInvalidRst === 0) return RESET_INVALID;
    if (!established || seq === own[peer + TD_MAXACK]) return RESET_CHECK_WINDOW;
    // The tail of a train: data, then RST.
    if (lastKind === TCP_ACK_SET && lastDir === dir && seq === own[first + LAST_END]) return RESET_CHECK_WINDOW;
    // Not exactly what the peer expects: it may answer with a challenge ACK, so the connection stays.
    keep = RESET_KEEP_STATE;
  }
  if (
    (((status & IPS_SEEN_REPLY) !== 0 && lastKind === TCP_SYN_SET && lastDir !== dir) ||
      ((status & IPS_ASSURED) === 0 && lastKind === TCP_ACK_SET)) &&
    ack === own[first + LAST_END]
  )
    // Answers an invalid SYN or ACK that was let through.
    return keep === RESET_KEEP_STATE ? RESET_KEEP_STATE | 4 : RESET_IN_WINDOW;
  // Answers a challenge ACK that was let through.
  if (
    oldState === TCP_CONNTRACK_SYN_SENT &&
    lastKind === TCP_ACK_SET &&
    lastDir === IP_CT_DIR_REPLY &&
    seq === own[first + LAST_ACK]
  )
    return keep === RESET_KEEP_STATE ? RESET_KEEP_STATE | 4 : RESET_IN_WINDOW;
  return keep;
}

/** Remembers a packet that is let through unjudged. */
function rememberIgnored(
  ct: Conntrack,
  entry: CtHandle,
  dir: Direction,
  kind: number,
  oldState: number,
  data: Uint8Array,
  at: number,
  length: number,
): void {
  const { own } = ct.slab;
  const bytes = ct.slab.ownBytes;
  const first = entry << OWN_SHIFT;
  const byteBase = entry << OWN_BYTE_SHIFT;
  bytes[byteBase + B_LAST_INDEX] = kind;
  bytes[byteBase + B_LAST_DIR] = dir;
  own[first + LAST_SEQ] = getInt32(data, at + TCP_SEQ);
  own[first + LAST_END] = segmentEnd(data, at, length);
  own[first + LAST_WIN] = get16(data, at + TCP_WINDOW);
  if (kind === TCP_SYN_SET && dir === IP_CT_DIR_ORIGINAL) {
    // Should the server answer it, its options are what counts from then on.
    readOptions(data, at);
    bytes[byteBase + B_LAST_FLAGS] = optionFlags;
    bytes[byteBase + B_LAST_WSCALE] = optionFlags & FLAG_WINDOW_SCALE ? optionScale : 0;
    // The server may send a challenge ACK (RFC 5961), which must not be taken for the ACK of the last FIN.
    if (oldState === TCP_CONNTRACK_LAST_ACK) bytes[byteBase + B_LAST_FLAGS] |= EXP_CHALLENGE_ACK;
  }
  if (oldState === TCP_CONNTRACK_SYN_SENT && kind === TCP_ACK_SET && dir === IP_CT_DIR_REPLY)
    own[first + LAST_ACK] = getInt32(data, at + TCP_ACK_SEQ);
}

/** A SYN+ACK answers a SYN that was let through: both ends are in step, so fall in with them. */
function resynchronise(ct: Conntrack, entry: CtHandle, dir: Direction): void {
  const { own } = ct.slab;
  const bytes = ct.slab.ownBytes;
  const first = entry << OWN_SHIFT;
  const byteBase = entry << OWN_BYTE_SHIFT;
  const lastDir = bytes[byteBase + B_LAST_DIR];
  const opener = first + lastDir * SENDER_WORDS;
  own[opener + TD_END] = own[first + LAST_END];
  own[opener + TD_MAXEND] = own[first + LAST_END];
  own[opener + TD_MAXWIN] = own[first + LAST_WIN] === 0 ? 1 : own[first + LAST_WIN];
  bytes[byteBase + B_SCALE + lastDir] = bytes[byteBase + B_LAST_WSCALE];
  bytes[byteBase + B_LAST_FLAGS] &= ~EXP_CHALLENGE_ACK;
  own[opener + TD_FLAGS] = bytes[byteBase + B_LAST_FLAGS];
  const answerer = first + dir * SENDER_WORDS;
  own.fill(0, answerer, answerer + TD_FLAGS);
  bytes[byteBase + B_SCALE + dir] = 0;
  own[answerer + TD_FLAGS] &= FLAG_BE_LIBERAL;
}

/**
 * One segment of a connection. Returns NF_ACCEPT when it fits, else a verdict negated: invalid (-NF_ACCEPT), drop, or
 * look it up again (-NF_REPEAT). Models `nf_conntrack_tcp_packet()`.
 */
export function tcpPacket(
  ct: Conntrack,
  entry: CtHandle,
  skb: SkBuff,
  at: number,
  ctinfo: number,
  state: HookState,
): number {
  const data = skb.data;
  const length = skb.len - at;
  if (length < TCP_HEADER_LENGTH) return -NF_ACCEPT;
  const error = tcpError(ct, skb, at, length, state.hook);
  if (error !== null) {
    ct.logInvalid(skb, state, IPPROTO_TCP, error);
    return -NF_ACCEPT;
  }
  const words = ct.slab.words;
  const { own } = ct.slab;
  const bytes = ct.slab.ownBytes;
  const base = entry << ENTRY_SHIFT;
  const first = entry << OWN_SHIFT;
  const byteBase = entry << OWN_BYTE_SHIFT;
  if ((words[base + E_STATUS] & IPS_CONFIRMED) === 0 && !tcpNew(ct, entry, data, at, length)) return -NF_ACCEPT;

  const flags = data[at + TCP_FLAGS];
  const dir = ctinfoDirection(ctinfo);
  const kind = tcpKind(flags);
  let oldState = bytes[byteBase + B_STATE];
  let newState = TCP_CONNTRACKS[(dir * 6 + kind) * 10 + oldState];
  let checkWindow = true;

  if (newState === TCP_CONNTRACK_SYN_SENT && oldState >= TCP_CONNTRACK_TIME_WAIT) {
    const closeInit = (own[first + TD_FLAGS] | own[first + SENDER_WORDS + TD_FLAGS]) & FLAG_CLOSE_INIT;
    if (closeInit !== 0 || (bytes[byteBase + B_LAST_DIR] === dir && bytes[byteBase + B_LAST_INDEX] === TCP_RST_SET))
      // A closed connection's tuple is used again: a new connection, so a new entry.
      return ct.kill(entry) ? -NF_REPEAT : -NF_DROP;
    newState = TCP_CONNTRACK_IGNORE;
  }

  switch (newState) {
    case TCP_CONNTRACK_IGNORE:
      if (
        kind === TCP_SYNACK_SET &&
        bytes[byteBase + B_LAST_INDEX] === TCP_SYN_SET &&
        bytes[byteBase + B_LAST_DIR] !== dir &&
        getInt32(data, at + TCP_ACK_SEQ) === own[first + LAST_END]
      ) {
        oldState = TCP_CONNTRACK_SYN_SENT;
        newState = TCP_CONNTRACK_SYN_RECV;
        resynchronise(ct, entry, dir);
        break;
      }
      rememberIgnored(ct, entry, dir, kind, oldState, data, at, length);
      if (ct.listensToInvalid)
        ct.logInvalid(
          skb,
          state,
          IPPROTO_TCP,
          `packet (index ${kind}) in dir ${dir} ignored, state ${TCP_STATE_NAMES[oldState]}`,
        );
      return NF_ACCEPT;
    case TCP_CONNTRACK_MAX:
      if (ct.listensToInvalid)
        ct.logInvalid(
          skb,
          state,
          IPPROTO_TCP,
          `packet (index ${kind}) in dir ${dir} invalid, state ${TCP_STATE_NAMES[oldState]}`,
        );
      return -NF_ACCEPT;
    case TCP_CONNTRACK_TIME_WAIT:
      if (
        oldState === TCP_CONNTRACK_LAST_ACK &&
        kind === TCP_ACK_SET &&
        bytes[byteBase + B_LAST_DIR] !== dir &&
        bytes[byteBase + B_LAST_INDEX] === TCP_SYN_SET &&
        bytes[byteBase + B_LAST_FLAGS] & EXP_CHALLENGE_ACK
      ) {
        bytes[byteBase + B_LAST_FLAGS] &= ~EXP_CHALLENGE_ACK;
        ct.logInvalid(skb, state, IPPROTO_TCP, "challenge-ack ignored");
        return NF_ACCEPT;
      }
      break;
    case TCP_CONNTRACK_SYN_SENT2:
      bytes[byteBase + B_LAST_FLAGS] |= SIMULTANEOUS_OPEN;
      break;
    case TCP_CONNTRACK_SYN_RECV:
      if (dir === IP_CT_DIR_REPLY && kind === TCP_ACK_SET && bytes[byteBase + B_LAST_FLAGS] & SIMULTANEOUS_OPEN)
        newState = TCP_CONNTRACK_ESTABLISHED;
      break;
    case TCP_CONNTRACK_CLOSE: {
      if (kind !== TCP_RST_SET) break;
      const judged = judgeReset(ct, entry, dir, oldState, data, at);
      if (judged === RESET_INVALID) {
        ct.logInvalid(skb, state, IPPROTO_TCP, "invalid rst");
        return -NF_ACCEPT;
      }
      if ((judged & RESET_KEEP_STATE) === RESET_KEEP_STATE) newState = oldState;
      if (judged === RESET_IN_WINDOW || judged & 4) checkWindow = false;
      break;
    }
    default:
      break;
  }

  if (checkWindow) {
    const result = inWindow(ct, entry, dir, kind, data, at, length);
    if (result !== WINDOW_ACCEPT) {
      const lowered = result === WINDOW_INVALID && shortenAfterInvalid(ct, entry, dir, kind);
      ct.logInvalid(skb, state, IPPROTO_TCP, windowReason ?? "");
      if (lowered) ct.logInvalid(skb, state, IPPROTO_TCP, "lowered timeout to UNACK");
      return result === WINDOW_INVALID ? -NF_ACCEPT : NF_ACCEPT;
    }
  }

  bytes[byteBase + B_LAST_INDEX] = kind;
  bytes[byteBase + B_LAST_DIR] = dir;
  bytes[byteBase + B_STATE] = newState;
  if (oldState !== newState) {
    if (newState === TCP_CONNTRACK_FIN_WAIT) own[first + dir * SENDER_WORDS + TD_FLAGS] |= FLAG_CLOSE_INIT;
    if (ct.net.trace !== null)
      ct.net.trace.note({
        kind: "state",
        entry,
        before: TCP_STATE_NAMES[oldState],
        after: TCP_STATE_NAMES[newState],
      });
    ct.cacheEvent(entry, IPCT_PROTOINFO);
  }

  const timeouts = ct.timeoutsOf(entry, ct.tcp.timeouts);
  let timeout = timeouts[newState];
  if (bytes[byteBase + B_RETRANS] >= ct.tcp.maxRetrans && timeout > timeouts[TCP_CONNTRACK_RETRANS])
    timeout = timeouts[TCP_CONNTRACK_RETRANS];
  else if (kind === TCP_RST_SET) timeout = timeouts[TCP_CONNTRACK_CLOSE];
  else if (
    (own[first + TD_FLAGS] | own[first + SENDER_WORDS + TD_FLAGS]) & FLAG_DATA_UNACKNOWLEDGED &&
    timeout > timeouts[TCP_CONNTRACK_UNACK]
  )
    timeout = timeouts[TCP_CONNTRACK_UNACK];
  else if (own[first + LAST_WIN] === 0 && timeout > timeouts[TCP_CONNTRACK_RETRANS])
    timeout = timeouts[TCP_CONNTRACK_RETRANS];

  const status = words[base + E_STATUS];
  if ((status & IPS_SEEN_REPLY) === 0) {
    if (flags & TCP_RST) {
      // The only answer is a refusal: there was no connection.
      ct.killAcct(entry, ctinfo, skb);
      return NF_ACCEPT;
    }
    // A repeated SYN does not keep the entry alive, or reused ports could keep it for ever.
    if (kind === TCP_SYN_SET && oldState === TCP_CONNTRACK_SYN_SENT) return NF_ACCEPT;
    // Picked up in the middle and not answered yet.
    if (newState === TCP_CONNTRACK_ESTABLISHED && timeout > timeouts[TCP_CONNTRACK_UNACK])
      timeout = timeouts[TCP_CONNTRACK_UNACK];
  } else if (
    (status & IPS_ASSURED) === 0 &&
    (oldState === TCP_CONNTRACK_SYN_RECV || oldState === TCP_CONNTRACK_ESTABLISHED) &&
    newState === TCP_CONNTRACK_ESTABLISHED
  ) {
    words[base + E_STATUS] |= IPS_ASSURED;
    ct.cacheEvent(entry, IPCT_ASSURED);
  }
  ct.refreshAcct(entry, ctinfo, skb, timeout);
  return NF_ACCEPT;
}

/**
 * The host itself reset the connection (REJECT did): nothing more is to come. An entry still unconfirmed stays as it
 * is, as its packet is about to be dropped. Models `nf_conntrack_tcp_set_closing()`.
 */
export function tcpSetClosing(ct: Conntrack, entry: CtHandle): void {
  const { trace } = ct.net;
  if (trace !== null) trace.enter("nf_conntrack_tcp_set_closing", "nf_conntrack", null);
  close(ct, entry);
  if (trace !== null) trace.leave();
}

function close(ct: Conntrack, entry: CtHandle): void {
  const words = ct.slab.words;
  const base = entry << ENTRY_SHIFT;
  const status = words[base + E_STATUS];
  if ((status & IPS_CONFIRMED) === 0) return;
  const stateAt = (entry << OWN_BYTE_SHIFT) + B_STATE;
  const oldState = ct.slab.ownBytes[stateAt];
  ct.slab.ownBytes[stateAt] = TCP_CONNTRACK_CLOSE;
  if (oldState === TCP_CONNTRACK_CLOSE || status & IPS_FIXED_TIMEOUT) return;
  words[base + E_TIMEOUT] = ct.timeoutsOf(entry, ct.tcp.timeouts)[TCP_CONNTRACK_CLOSE] + ct.net.clock.jiffies;
  if (ct.net.trace !== null)
    ct.net.trace.note({ kind: "state", entry, before: TCP_STATE_NAMES[oldState], after: "CLOSE" });
  ct.cacheEvent(entry, IPCT_PROTOINFO);
}
