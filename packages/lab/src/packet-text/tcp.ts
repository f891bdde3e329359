/** TCP as tcpdump prints it: print-tcp.c. */
import { IPPROTO_TCP } from "./numbers.js";
import { TEXT_PROTOCOLS, textPayload } from "./payload.js";
import { hex4, type Printout, type Transport } from "./printout.js";

const TCP_HEADER_LENGTH = 20;

const TCP_FLAG_TEXT: readonly (readonly [number, string])[] = [
  [0x01, "F"],
  [0x02, "S"],
  [0x04, "R"],
  [0x08, "P"],
  [0x10, "."],
  [0x20, "U"],
  [0x40, "E"],
  [0x80, "W"],
];

const TCP_OPTION_NAMES: Readonly<Record<number, string>> = {
  0: "eol",
  1: "nop",
  2: "mss",
  3: "wscale",
  4: "sackOK",
  5: "sack",
  8: "TS",
};

/** Bytes behind kind and length, where the kind fixes them; a length that says otherwise is told, and not followed. */
const TCP_OPTION_LENGTHS: Readonly<Record<number, number>> = { 2: 2, 3: 1, 4: 0, 8: 8 };

export function printTcp(out: Printout, context: Transport): void {
  const { src, dst, at } = context;
  if (out.data.length < at + 4) {
    out.text += `${src} > ${dst}: [|tcp]`;
    return;
  }
  const [sport, dport] = [out.u16(at), out.u16(at + 2)];
  out.text += context.bare ? `${sport} > ${dport}: ` : `${src}.${sport} > ${dst}.${dport}: `;
  const headerLength = (out.u8(at + 12) >> 4) * 4;
  const { quiet = false, unverified = false } = out.options;
  if (headerLength < TCP_HEADER_LENGTH) {
    out.text += ` tcp ${context.length - headerLength} [bad hdr length ${headerLength} - too short, < 20]`;
    return;
  }
  const tooLong =
    headerLength > context.length ? ` [bad hdr length ${headerLength} - too long, > ${context.length}]` : "";
  let seq = out.u32(at + 4);
  let ack = out.u32(at + 8);
  const window = out.u16(at + 14);
  const checksum = out.u16(at + 16);
  const urgent = out.u16(at + 18);
  if (quiet) {
    out.text += `tcp ${(context.length - headerLength) >>> 0}${tooLong}`;
    return;
  }
  const bits = out.u8(at + 13);
  const flags = TCP_FLAG_TEXT.map(([bit, letter]) => (bits & bit ? letter : "")).join("") || "none";
  out.text += `Flags [${flags}]`;
  let received = 0;
  if (out.options.flows !== undefined && (bits & 0x10) !== 0) {
    const [mine, theirs] = [`${src}:${sport}`, `${dst}:${dport}`];
    const key = mine < theirs ? `${mine} ${theirs}` : `${theirs} ${mine}`;
    const known = out.options.flows.get(key);
    if (known === undefined || (bits & 0x02) !== 0) {
      received = (ack - 1) >>> 0;
      out.options.flows.set(
        key,
        new Map([
          [mine, seq],
          [theirs, received],
        ]),
      );
    } else {
      received = known.get(theirs) ?? 0;
      seq = (seq - (known.get(mine) ?? 0)) >>> 0;
      ack = (ack - received) >>> 0;
    }
  }
  out.text += tooLong;
  if (tooLong !== "") return;
  if (out.verbose > 0 && !unverified && !context.fragmented) {
    const right = out.checksum(context, IPPROTO_TCP, 16);
    if (right !== null)
      out.text += `, cksum ${hex4(checksum)} ${right === checksum ? "(correct)" : `(incorrect -> ${hex4(right)})`}`;
  }
  const length = context.length - headerLength;
  if (out.verbose > 1 || length > 0 || (bits & 0x07) !== 0)
    out.text += `, seq ${seq}${length > 0 ? `:${(seq + length) >>> 0}` : ""}`;
  if ((bits & 0x10) !== 0) out.text += `, ack ${ack}`;
  out.text += `, win ${window}`;
  if ((bits & 0x20) !== 0) out.text += `, urg ${urgent}`;
  if (headerLength > TCP_HEADER_LENGTH) {
    out.text += ", options [";
    if (!tcpOptions(out, at + TCP_HEADER_LENGTH, at + headerLength, received)) {
      out.text += "[bad opt]";
      return;
    }
    out.text += "]";
  }
  out.text += `, length ${length}`;
  if (length <= 0) return;
  const payload = out.data.subarray(at + headerLength);
  if ((bits & 0x04) !== 0) {
    if (out.verbose > 0) out.text += ` [RST${length > 24 ? "+" : ""} ${printable(payload.subarray(0, 24))}]`;
    return;
  }
  const protocol = TEXT_PROTOCOLS.get(sport) ?? TEXT_PROTOCOLS.get(dport);
  if (protocol !== undefined) out.text += textPayload(protocol, payload, length, out.verbose > 0);
}

/** False when they cannot be read. `received` is what the other end's numbers count from. */
function tcpOptions(out: Printout, from: number, end: number, received: number): boolean {
  for (let at = from, separator = ""; at < end; separator = ",") {
    out.text += separator;
    const kind = out.u8(at);
    const length = kind <= 1 ? 1 : out.u8(at + 1);
    if (kind > 1 && (length < 2 || at + length > end)) return false;
    out.text += TCP_OPTION_NAMES[kind] ?? `unknown-${kind}`;
    if (kind === 0) return true;
    const body = at + 2;
    const dataLength = TCP_OPTION_LENGTHS[kind] ?? length - 2;
    if (kind > 1 && body + dataLength > end) return false;
    if (kind === 2) out.text += ` ${out.u16(body)}`;
    else if (kind === 3) out.text += ` ${out.u8(body)}`;
    else if (kind === 8) out.text += ` val ${out.u32(body)} ecr ${out.u32(body + 4)}`;
    else if (kind === 5) {
      if (dataLength % 8 !== 0) out.text += " malformed sack ";
      else {
        out.text += ` ${dataLength / 8} `;
        for (let i = 0; i < dataLength; i += 8)
          out.text += `{${(out.u32(body + i) - received) >>> 0}:${(out.u32(body + i + 4) - received) >>> 0}}`;
      }
    } else if (kind > 8 || kind === 6 || kind === 7)
      for (let i = 0; i < dataLength; i++)
        out.text += `${i === 0 ? " 0x" : ""}${out
          .u8(body + i)
          .toString(16)
          .padStart(2, "0")}`;
    if (kind > 1 && dataLength !== length - 2) out.text += `[len ${length}]`;
    at += kind > 1 ? 2 + dataLength : 1;
  }
  return true;
}

const printable = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
