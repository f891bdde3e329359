/**
 * FTP (RFC 959, 1123, 2428): the control connection says in text where the data connection will go: the client by PORT
 * or EPRT, the server in its answers 227 and 229. A line counts only where a line was seen to begin, and must come
 * whole in one segment: one that is cut is dropped, so that its repetition may come whole. An address that is not the
 * speaker's own is passed over, as where the module's option `loose` has its default. Models
 * net/netfilter/nf_conntrack_ftp.c.
 */
import { NF_ACCEPT, NF_DROP, NFPROTO_IPV4, type NfProto, type Verdict } from "../../hooks.js";
import { ctinfoDirection, type Direction, IP_CT_ESTABLISHED, IP_CT_ESTABLISHED_REPLY, type SkBuff } from "../../skb.js";
import { getInt32 } from "../../wire/bytes.js";
import { IPPROTO_TCP } from "../../wire/ipv4.js";
import { before } from "../../wire/sequence.js";
import { TCP_DATA_OFFSET, TCP_HEADER_LENGTH, TCP_SEQ } from "../../wire/tcp.js";
import type { Conntrack } from "../conntrack.js";
import { addressOf, Expectation, expectTuple } from "../expect.js";
import { type CtHandle, IPS_DST_NAT, IPS_SRC_NAT } from "../status.js";
import { readIPv6At } from "./address-text.js";
import { BOTH_FAMILIES, type ConntrackHelper, payloadText } from "./helper.js";
import type { FtpAnnouncement } from "./nat-hook.js";

/** How many beginnings of lines are remembered of each side. Models `NUM_SEQ_TO_REMEMBER`. */
const LINES_REMEMBERED = 2;

/** Sequence numbers at which a line begins, by direction. Models `struct nf_ct_ftp_master`. */
class FtpState {
  readonly lineStarts: readonly [number[], number[]] = [[], []];

  startsLine(direction: Direction, seq: number): boolean {
    return this.lineStarts[direction].includes(seq);
  }

  /** A line ended before `seq`: takes the place of the oldest. Models `update_nl_seq()`. */
  lineEnded(direction: Direction, seq: number): void {
    const starts = this.lineStarts[direction];
    if (starts.includes(seq)) return;
    if (starts.length < LINES_REMEMBERED) {
      starts.push(seq);
      return;
    }
    const oldest = before(starts[0], starts[1]) ? 0 : 1;
    if (before(starts[oldest], seq)) starts[oldest] = seq;
  }
}

/**
 * An announced end: its text's length, and the address (null: the speaker's) and port in it. Of an address those words
 * are there that the text names: one in the forms of IPv4, whatever the connection's family, and four in that of IPv6.
 */
interface Named {
  readonly length: number;
  readonly address: readonly number[] | null;
  readonly port: number;
}

/** What is looked for in one direction's lines. Models `struct ftp_search`. */
interface Pattern {
  readonly type: FtpAnnouncement;
  readonly text: string;
  /** The end is named behind the first one of these. */
  readonly skip: string;
  readonly read: (text: string, family: NfProto) => (Named & { readonly offset?: number }) | null;
}

const isDigit = (character: string | undefined): boolean =>
  character !== undefined && character >= "0" && character <= "9";

/**
 * So many numbers with a separator between, and a character that ends them (any, where `end` is empty), which must be
 * there. Numbers wrap at 32 bits as the kernel's. Models `try_number()`.
 */
function readNumbers(
  text: string,
  count: number,
  separator: string,
  end: string,
): { readonly numbers: readonly number[]; readonly length: number } | null {
  const numbers = [0];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isDigit(character))
      numbers[numbers.length - 1] = (Math.imul(numbers[numbers.length - 1], 10) + Number(character)) | 0;
    else if (character === separator) {
      if (numbers.length === count) return null;
      numbers.push(0);
    } else return (character === end || end === "") && numbers.length === count ? { numbers, length: at } : null;
  }
  return null;
}

const addressFrom = (numbers: readonly number[]): readonly number[] => [
  (numbers[0] << 24) | (numbers[1] << 16) | (numbers[2] << 8) | numbers[3],
];

/** `192,168,1,9,200,10`. Models `try_rfc959()`. */
function readPort(text: string, end: string): Named | null {
  const found = readNumbers(text, 6, ",", end);
  if (found === null) return null;
  const { numbers, length } = found;
  return { length, address: addressFrom(numbers), port: ((numbers[4] << 8) | numbers[5]) & 0xffff };
}

/** The numbers of a 227 begin at its first digit: servers write what they like before. Models `try_rfc1123()`. */
function readPassive(text: string): (Named & { readonly offset: number }) | null {
  const offset = text.search(/[0-9]/);
  if (offset < 0) return null;
  const named = readPort(text.slice(offset), "");
  return named === null ? null : { ...named, offset };
}

/** A port up to a delimiter, which counts in what is returned as the end. Models `get_port()`. */
function readDelimitedPort(text: string, start: number, delimiter: string): { port: number; end: number } | null {
  let port = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === delimiter) return port === 0 ? null : { port, end: at + 1 };
    if (!isDigit(character)) return null;
    port = (port * 10 + Number(character)) & 0xffff;
  }
  return null;
}

/** Whether a character may delimit: printable, and no digit. */
function isDelimiter(character: string): boolean {
  const code = character.charCodeAt(0);
  return !isDigit(character) && code >= 33 && code <= 126;
}

/** The address of a family up to a delimiter. */
function readDelimitedAddress(
  text: string,
  family: NfProto,
  delimiter: string,
): { readonly words: readonly number[]; readonly length: number } | null {
  if (family === NFPROTO_IPV4) {
    const found = readNumbers(text, 4, ".", delimiter);
    return found === null ? null : { words: addressFrom(found.numbers), length: found.length };
  }
  const found = readIPv6At(text, 0, delimiter);
  return found === null ? null : { words: [...found.words], length: found.end };
}

/** `|1|192.168.1.9|51210|`, `|2|2001:db8::9|51210|`. Models `try_eprt()`. */
function readExtendedPort(text: string, family: NfProto): Named | null {
  if (text.length <= 3) return null;
  const delimiter = text[0];
  if (!isDelimiter(delimiter) || text[1] !== (family === NFPROTO_IPV4 ? "1" : "2") || text[2] !== delimiter)
    return null;
  const found = readDelimitedAddress(text.slice(3), family, delimiter);
  if (found === null || found.length === 0) return null;
  const last = readDelimitedPort(text, 3 + found.length + 1, delimiter);
  return last === null ? null : { length: last.end, address: found.words, port: last.port };
}

/** `|||51210|`. Models `try_epsv_response()`. */
function readExtendedPassive(text: string): Named | null {
  if (text.length <= 3) return null;
  const delimiter = text[0];
  if (!isDelimiter(delimiter) || text[1] !== delimiter || text[2] !== delimiter) return null;
  const last = readDelimitedPort(text, 3, delimiter);
  return last === null ? null : { length: last.end, address: null, port: last.port };
}

/** By direction. */
const PATTERNS: readonly (readonly Pattern[])[] = [
  [
    { type: "PORT", text: "PORT", skip: " ", read: (text) => readPort(text, "\r") },
    { type: "EPRT", text: "EPRT", skip: " ", read: readExtendedPort },
  ],
  [
    { type: "PASV", text: "227 ", skip: "", read: readPassive },
    { type: "EPSV", text: "229 ", skip: "(", read: readExtendedPassive },
  ],
];

/** What a line announces, and where; `partial` when it begins like an announcement and is none. */
export type FtpLine =
  | { readonly type: FtpAnnouncement; readonly offset: number; readonly named: Named }
  | "partial"
  | null;

/** Reads the payload of a segment that begins a line. Models `find_pattern()`. */
export function readFtpLine(direction: Direction, text: string, family: NfProto): FtpLine {
  for (const pattern of PATTERNS[direction]) {
    const found = matchPattern(pattern, text, family);
    if (found !== null) return found;
  }
  return null;
}

function matchPattern(pattern: Pattern, text: string, family: NfProto): FtpLine {
  const { length } = pattern.text;
  const begins = text.slice(0, length).toUpperCase() === pattern.text.slice(0, text.length);
  if (!begins) return null;
  if (text.length <= length) return "partial";
  let at = length;
  if (pattern.skip !== "") {
    at = text.indexOf(pattern.skip, length);
    // What would be named must follow.
    if (at < 0) return "partial";
    at++;
  }
  const named = pattern.read(text.slice(at), family);
  if (named === null || named.length === 0) return "partial";
  return { type: pattern.type, offset: at + (named.offset ?? 0), named };
}

export const ftpHelper: ConntrackHelper = {
  name: "ftp",
  families: BOTH_FAMILIES,
  protonum: IPPROTO_TCP,
  policies: [{ name: "", maxExpected: 1, timeoutSeconds: 300 }],
  state: () => new FtpState(),
  help(ct: Conntrack, skb: SkBuff, protoff: number, entry: CtHandle, ctinfo: number): Verdict {
    if (ctinfo !== IP_CT_ESTABLISHED && ctinfo !== IP_CT_ESTABLISHED_REPLY) return NF_ACCEPT;
    const { data } = skb;
    if (skb.len < protoff + TCP_HEADER_LENGTH) return NF_ACCEPT;
    const dataoff = protoff + (data[protoff + TCP_DATA_OFFSET] >>> 4) * 4;
    if (dataoff >= skb.len) return NF_ACCEPT;
    const direction = ctinfoDirection(ctinfo);
    const state = ct.helpers.helpOf(entry)?.state as FtpState;
    const seq = getInt32(data, protoff + TCP_SEQ);
    const next = (seq + skb.len - dataoff) | 0;
    const endsLine = data[skb.len - 1] === 0x0a;
    let verdict: Verdict = NF_ACCEPT;
    if (state.startsLine(direction, seq)) {
      const line = readFtpLine(direction, payloadText(skb, dataoff), ct.l3numOf(entry));
      if (line === "partial") return NF_DROP;
      if (line !== null) verdict = expectData(ct, skb, protoff, entry, ctinfo, line);
    }
    if (endsLine) state.lineEnded(direction, next);
    return verdict;
  },
};

/** Notes the announced connection, or has NAT do it. */
function expectData(
  ct: Conntrack,
  skb: SkBuff,
  protoff: number,
  entry: CtHandle,
  ctinfo: number,
  line: Exclude<FtpLine, "partial" | null>,
): Verdict {
  const direction = ctinfoDirection(ctinfo);
  const other = direction === 0 ? 1 : 0;
  const { address, port, length } = line.named;
  // An address that is not the speaker's own would open a hole to a third party.
  if (address?.some((word, i) => word !== ct.srcWordOf(entry, direction, i)) === true) return NF_ACCEPT;
  const expectation = new Expectation(entry, 0, ftpHelper);
  expectTuple(
    expectation,
    ct.l3numOf(entry),
    IPPROTO_TCP,
    { address: addressOf(ct, entry, other, "src"), port: null },
    { address: addressOf(ct, entry, other, "dst"), port },
  );
  if (ct.natHelper !== null && ct.statusOf(entry) & (IPS_SRC_NAT | IPS_DST_NAT))
    return ct.natHelper.ftp({ skb, ctinfo, protoff, offset: line.offset, length }, line.type, expectation);
  return ct.helpers.expectations.related(expectation) === null ? NF_ACCEPT : NF_DROP;
}
