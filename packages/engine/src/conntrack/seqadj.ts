/**
 * Sequence adjustment: NAT's helpers change the length of what is said (`PORT 192,168,1,9,...` becomes `PORT
 * 198,51,100,1,...`), so from there on each side counts other bytes than the other has sent, and every sequence number,
 * acknowledgement and SACK block is moved. One correction is remembered for each direction: numbers up to where it
 * happened move by what was before, later ones by what is since. Models net/netfilter/nf_conntrack_seqadj.c.
 */
import { ctinfoDirection, type Direction, type SkBuff } from "../skb.js";
import { get16, getInt32, put16, put32 } from "../wire/bytes.js";
import { checksumReplace4 } from "../wire/checksum.js";
import { after } from "../wire/sequence.js";
import {
  TCP_ACK,
  TCP_ACK_SEQ,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  TCP_HEADER_LENGTH,
  TCP_SEQ,
  TCPOPT_EOL,
  TCPOPT_NOP,
  TCPOPT_SACK,
} from "../wire/tcp.js";

/** Models `struct nf_ct_seqadj`. */
interface Correction {
  position: number;
  before: number;
  after: number;
}

const SACK_BLOCK = 8;

/** How far a sequence number of the sender has moved on its way. */
function offsetAt(correction: Correction, seq: number): number {
  return after(seq, correction.position) ? correction.after : correction.before;
}

/** How far back a number moves that the receiver tells about the sender's bytes. */
function offsetBack(correction: Correction, ack: number): number {
  return after((ack - correction.before) | 0, correction.position) ? correction.after : correction.before;
}

/** The corrections of one connection. Models `struct nf_conn_seqadj`. */
export class SequenceAdjustment {
  readonly #corrections: readonly [Correction, Correction] = [
    { position: 0, before: 0, after: 0 },
    { position: 0, before: 0, after: 0 },
  ];

  /** The segment that begins at `seq` grew by `growth` bytes. Models `nf_ct_seqadj_set()`. */
  set(direction: Direction, seq: number, growth: number): void {
    const correction = this.#corrections[direction];
    // A repeated segment is the same correction; the second one since is only remembered once it lies further on.
    if (correction.before !== correction.after && !after(seq, correction.position)) return;
    correction.position = seq | 0;
    correction.before = correction.after;
    correction.after += growth;
  }

  /** From its first byte on, a direction's numbers are off by so much. Models `nf_ct_seqadj_init()`. */
  init(direction: Direction, offset: number): void {
    this.#corrections[direction].before = offset;
    this.#corrections[direction].after = offset;
  }

  /** How far a sequence number of a direction moves. Models `nf_ct_seq_offset()`. */
  offset(direction: Direction, seq: number): number {
    return offsetAt(this.#corrections[direction], seq);
  }

  /** Moves a segment's numbers. False when its options are broken. Models `nf_ct_seq_adjust()`. */
  adjust(skb: SkBuff, at: number, ctinfo: number): boolean {
    const { data } = skb;
    if (skb.len < at + TCP_HEADER_LENGTH) return false;
    const direction = ctinfoDirection(ctinfo);
    const mine = this.#corrections[direction];
    const theirs = this.#corrections[direction === 0 ? 1 : 0];
    const seq = getInt32(data, at + TCP_SEQ);
    move(data, at, TCP_SEQ, offsetAt(mine, seq));
    if ((data[at + TCP_FLAGS] & TCP_ACK) === 0) return true;
    const ack = getInt32(data, at + TCP_ACK_SEQ);
    move(data, at, TCP_ACK_SEQ, -offsetBack(theirs, ack));
    return adjustSack(skb, at, theirs);
  }
}

/** Adds to a number in the segment at `at`, and to its checksum. */
function move(data: Uint8Array, at: number, field: number, offset: number): void {
  const before = getInt32(data, at + field);
  const moved = (before + offset) | 0;
  put16(data, at + TCP_CHECKSUM, checksumReplace4(get16(data, at + TCP_CHECKSUM), before, moved));
  put32(data, at + field, moved);
}

/** Models `nf_ct_sack_adjust()`. */
function adjustSack(skb: SkBuff, at: number, theirs: Correction): boolean {
  const { data } = skb;
  const end = at + (data[at + TCP_DATA_OFFSET] >>> 4) * 4;
  if (skb.len < end) return false;
  let option = at + TCP_HEADER_LENGTH;
  while (option < end) {
    const kind = data[option];
    if (kind === TCPOPT_EOL) return true;
    if (kind === TCPOPT_NOP) {
      option++;
      continue;
    }
    const size = data[option + 1];
    if (option + 1 === end || option + size > end || size < 2) return false;
    if (kind === TCPOPT_SACK && size >= 2 + SACK_BLOCK && (size - 2) % SACK_BLOCK === 0)
      for (let edge = option + 2; edge < option + size; edge += 4)
        move(data, at, edge - at, -offsetBack(theirs, getInt32(data, edge)));
    option += size;
  }
  return true;
}
