/**
 * What SIP's helper finds in a message (RFC 3261, RFC 4566): header lines with their continuations and short names, the
 * address in a URI, parameters, and the lines of a session description. It reads as Linux does, which is not as the
 * RFCs say: a name that another begins with ends the search, an `@` counts anywhere on the line. Text holds a byte in
 * each letter. Models the first half of net/netfilter/nf_conntrack_sip.c.
 */
import { NFPROTO_IPV4, type NfProto } from "../../hooks.js";
import { readAddressAt } from "./address-text.js";

/** The port of a URI without one. Models `SIP_PORT`. */
const SIP_PORT = 5060;
const LOWEST_PORT = 1024;

/** A piece of a message. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** An address in a message, with its port where one follows; the span is that of both. */
export interface UriSpan extends Span {
  readonly words: Int32Array;
  readonly port: number;
}

/** A number in a message. */
export interface NumberSpan extends Span {
  readonly value: number;
}

/** How many letters from `at` on a piece has, and how many are passed over before; length 0: there is none. */
type Measure = (family: NfProto, text: string, at: number) => { readonly skipped: number; readonly length: number };

/**
 * A header: its name and short name, what is searched for in its value, and what comes then. Models `struct
 * sip_header`.
 */
interface Header {
  readonly name: string;
  readonly short: string | null;
  readonly search: string | null;
  readonly measure: Measure;
}

const isDigit = (character: string | undefined): boolean =>
  character !== undefined && character >= "0" && character <= "9";
const isNewline = (character: string): boolean => character === "\r" || character === "\n";
const isBlank = (character: string): boolean => character === " " || character === "\t";
/** The kernel's letters are those of Latin-1. */
export const isLetter = (character: string): boolean => /^[A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\xff]/.test(character);

/** Whether `word` (in lower case) stands at `at` in whatever case. */
export function beginsWith(text: string, at: number, word: string): boolean {
  return text.length - at >= word.length && text.slice(at, at + word.length).toLowerCase() === word;
}

const count = (text: string, at: number, test: (character: string) => boolean): number => {
  let end = at;
  while (end < text.length && test(text[end])) end++;
  return end - at;
};

const digits: Measure = (_family, text, at) => ({ skipped: 0, length: count(text, at, isDigit) });

/** The address at `at`; one of IPv6 stands in brackets. Models `sip_parse_addr()`. */
function readAddress(
  family: NfProto,
  text: string,
  at: number,
  delimited: boolean,
): { readonly words: Int32Array; readonly end: number } | null {
  if (family === NFPROTO_IPV4) return readAddressAt(family, text, at);
  const opened = text[at] === "[";
  if (!opened && delimited) return null;
  const found = readAddressAt(family, text, opened ? at + 1 : at);
  if (found === null) return null;
  const closed = text[found.end] === "]";
  if (!closed && delimited) return null;
  return { words: found.words, end: closed ? found.end + 1 : found.end };
}

/** The port behind an address that ends at `at`. Null where it is malformed. Models `sip_parse_port()`. */
function readPort(text: string, at: number): { readonly port: number; readonly end: number } | null {
  if (at >= text.length) return null;
  if (text[at] !== ":") return { port: SIP_PORT, end: at };
  const length = count(text, at + 1, isDigit);
  const end = at + 1 + length;
  if (length === 0 || length > 5 || end >= text.length) return null;
  const port = Number(text.slice(at + 1, end));
  return port < LOWEST_PORT || port > 0xffff ? null : { port, end };
}

/** The address and port at `at`. */
function readEnd(family: NfProto, text: string, at: number): UriSpan | null {
  const address = readAddress(family, text, at, true);
  const port = address === null ? null : readPort(text, address.end);
  if (address === null || port === null) return null;
  return { offset: at, length: port.end - at, words: address.words, port: port.port };
}

/** Models `epaddr_len()`. */
const endpoint: Measure = (family, text, at) => ({ skipped: 0, length: readEnd(family, text, at)?.length ?? 0 });

/** An address behind the user's name, if there is one before the line ends. Models `skp_epaddr_len()`. */
const userEndpoint: Measure = (family, text, at) => {
  const name = count(text, at, (character) => character !== "@" && !isNewline(character));
  const skipped = text[at + name] === "@" ? name + 1 : 0;
  return { skipped, length: readEnd(family, text, at + skipped)?.length ?? 0 };
};

const header = (name: string, short: string | null, search: string | null, measure: Measure): Header => ({
  name,
  short,
  search,
  measure,
});

/** The headers that are read. Models `ct_sip_hdrs`. */
export const CSEQ: Header = header("cseq", null, null, digits);
export const FROM: Header = header("from", "f", "sip:", userEndpoint);
export const TO: Header = header("to", "t", "sip:", userEndpoint);
export const CONTACT: Header = header("contact", "m", "sip:", userEndpoint);
export const VIA_UDP: Header = header("via", "v", "udp ", endpoint);
export const VIA_TCP: Header = header("via", "v", "tcp ", endpoint);
export const EXPIRES: Header = header("expires", null, null, digits);
export const CONTENT_LENGTH: Header = header("content-length", "l", null, digits);

/** Where the next line begins, from `at` on; -1 when none does. */
function nextLine(text: string, at: number): number {
  const found = at + count(text, at, (character) => !isNewline(character));
  const start = found + (text[found] === "\r" && text[found + 1] === "\n" ? 2 : 1);
  return start < text.length ? start : -1;
}

/**
 * What follows the end of a line at `at` where the next one continues it; -1 where it does not. Models
 * `sip_follow_continuation()`.
 */
function continuation(text: string, at: number, limit: number): number {
  const start = at + (text[at] === "\r" && at + 1 < limit && text[at + 1] === "\n" ? 2 : 1);
  if (start >= limit || !isBlank(text[start])) return -1;
  return Math.min(limit, start + count(text, start, isBlank));
}

/**
 * The first thing from `at` on that is not blank, on this line or the one that continues it; -1: nothing. Models
 * `sip_skip_whitespace()`.
 */
function skipBlanks(text: string, at: number): number {
  let found = at + count(text, at, isBlank);
  if (found < text.length && isNewline(text[found])) found = continuation(text, found, text.length);
  return found < text.length ? found : -1;
}

/**
 * Where `word` (in lower case) stands in a header's value from `at` on; -1: nowhere before `limit`. Models
 * `ct_sip_header_search()`.
 */
function searchValue(text: string, at: number, limit: number, word: string): number {
  const last = limit - word.length;
  for (let i = at; i < last; i++) {
    if (isNewline(text[i])) {
      i = continuation(text, i, last);
      if (i < 0) return -1;
      // The first letter of a line that continues another is passed over.
      continue;
    }
    if (beginsWith(text, i, word)) return i;
  }
  return -1;
}

/** What a search found: the piece, that there is none, or from where to search on behind a header without one. */
type Found = Span | "none" | { readonly broken: number };

/** Whether something was found. */
function isSpan(found: Found): found is Span {
  return found !== "none" && !("broken" in found);
}

/** The piece of a header's value at `at`, whose value begins there. */
function measureValue(family: NfProto, text: string, { search, measure }: Header, at: number): Found {
  let start = at;
  if (search !== null) {
    start = searchValue(text, at, text.length, search);
    if (start < 0) return { broken: at };
    start += search.length;
  }
  const { skipped, length } = measure(family, text, start);
  return length === 0 ? { broken: at } : { offset: start + skipped, length };
}

/** The first header of a kind behind the line that `from` is on. Models `ct_sip_get_header()`. */
function findHeader(family: NfProto, text: string, from: number, kind: Header): Found {
  for (let line = nextLine(text, from); line >= 0; line = nextLine(text, line + 1)) {
    if (isBlank(text[line])) continue;
    let at = line;
    if (beginsWith(text, line, kind.name)) at += kind.name.length;
    else if (kind.short !== null && line + 1 < text.length && beginsWith(text, line, kind.short)) {
      at += kind.short.length;
      if (isLetter(text[at])) continue;
    } else continue;
    at = skipBlanks(text, at);
    // A name that only begins like this one ends the search.
    if (at < 0 || text[at] !== ":" || at + 1 >= text.length) return "none";
    at = skipBlanks(text, at + 1);
    return at < 0 ? "none" : measureValue(family, text, kind, at);
  }
  return "none";
}

/** The first header of a kind; null where there is none or its value is malformed. */
export function getHeader(family: NfProto, text: string, kind: Header): Span | null {
  const found = findHeader(family, text, 0, kind);
  return isSpan(found) ? found : null;
}

/** The next of the values that commas separate, from `from` on. Models `ct_sip_next_header()`. */
function nextValue(family: NfProto, text: string, from: number, kind: Header): Found {
  const comma = searchValue(text, from, text.length, ",");
  if (comma < 0 || kind.search === null) return "none";
  const at = searchValue(text, comma, text.length, kind.search);
  if (at < 0) return "none";
  const start = at + kind.search.length;
  const { skipped, length } = kind.measure(family, text, start);
  return length === 0 ? { broken: start } : { offset: start + skipped, length };
}

/** Where one is among the headers of a kind. */
export interface Walk {
  from: number;
  /** Whether inside of one, which may hold several values. */
  inside: boolean;
}

/** The next header that can be read. Models `ct_sip_walk_headers()`. */
function walkHeaders(family: NfProto, text: string, kind: Header, walk: Walk, several: boolean): Span | null {
  let { from } = walk;
  if (several && walk.inside) {
    for (;;) {
      const found = nextValue(family, text, from, kind);
      if (isSpan(found)) return found;
      if (found === "none") break;
      from = found.broken;
    }
    walk.inside = false;
  }
  for (;;) {
    const found = findHeader(family, text, from, kind);
    if (isSpan(found)) {
      walk.inside = true;
      return found;
    }
    if (found === "none") return null;
    from = found.broken;
  }
}

/**
 * The address in the next header of a kind; null where there is none, "malformed" where it is none. `walk` goes on
 * behind it; without one it is the first header's. Models `ct_sip_parse_header_uri()`.
 */
export function readHeaderUri(family: NfProto, text: string, kind: Header, walk?: Walk): UriSpan | "malformed" | null {
  const found = walkHeaders(family, text, kind, walk ?? { from: 0, inside: false }, walk !== undefined);
  if (found === null) return null;
  const uri = readEnd(family, text, found.offset);
  if (uri === null) return "malformed";
  if (walk !== undefined) walk.from = uri.offset + uri.length;
  return uri;
}

/** The address in a request's first line. Models `ct_sip_parse_request()`. */
export function readRequestUri(family: NfProto, text: string): UriSpan | null {
  const method = count(text, 0, isLetter);
  if (method === 0 || method + 1 >= text.length) return null;
  const last = text.length - "sip:".length;
  let at = method + 1;
  for (; at < last; at++) {
    if (isNewline(text[at])) return null;
    if (beginsWith(text, at, "sip:")) {
      at += "sip:".length;
      break;
    }
  }
  const { skipped, length } = userEndpoint(family, text, at);
  return length === 0 ? null : readEnd(family, text, at + skipped);
}

/** Where a parameter's value begins behind an address that ends at `from`, and where its list of values ends. */
function findParameter(
  text: string,
  from: number,
  name: string,
): { readonly start: number; readonly limit: number } | null {
  const comma = searchValue(text, from, text.length, ",");
  const limit = comma < 0 ? text.length : comma;
  const found = searchValue(text, from, limit, name);
  return found < 0 ? null : { start: found + name.length, limit };
}

/** What `transport=` says, or "unsaid". Models `ct_sip_parse_transport()`. */
export function readTransport(text: string, from: number): "tcp" | "udp" | "other" | "unsaid" {
  const found = findParameter(text, from, "transport=");
  if (found === null) return "unsaid";
  if (beginsWith(text, found.start, "tcp")) return "tcp";
  return beginsWith(text, found.start, "udp") ? "udp" : "other";
}

/** The address in a parameter; `delimited`: one of IPv6 stands in brackets. Models `ct_sip_parse_address_param()`. */
export function readAddressParameter(
  family: NfProto,
  text: string,
  from: number,
  name: string,
  delimited: boolean,
): (Span & { readonly words: Int32Array }) | null {
  const found = findParameter(text, from, name);
  if (found === null) return null;
  const address = readAddress(family, text.slice(0, found.limit), found.start, delimited);
  if (address === null) return null;
  return { offset: found.start, length: address.end - found.start, words: address.words };
}

/** The number in a parameter; "malformed" where it is none. Models `ct_sip_parse_numerical_param()`. */
export function readNumberParameter(text: string, from: number, name: string): NumberSpan | "malformed" | null {
  const found = findParameter(text, from, name);
  if (found === null) return null;
  return readNumber(text.slice(0, found.limit), found.start) ?? "malformed";
}

const UINT_MAX = 0xffff_ffff;
const MOST_DIGITS = 11;

/** The number at `at`; null where there is none or it takes more than 32 bits. Models `sip_strtouint()`. */
export function readNumber(text: string, at: number): NumberSpan | null {
  const length = count(text, at, isDigit);
  const value = Number(text.slice(at, at + length));
  return length === 0 || length > MOST_DIGITS || value > UINT_MAX ? null : { offset: at, length, value };
}

// Session descriptions ------------------------------------------------------------------------------------------------

/** A kind of line in a session description. Models `struct sip_header` as `SDP_HDR()` has it. */
export type SdpLine = "v=" | "o=" | "c=" | "m=";

/** The piece that counts of a line whose value begins at `at`. */
function measureSdp(family: NfProto, text: string, line: SdpLine, at: number): Span | null {
  if (line === "v=") {
    const length = count(text, at, isDigit);
    return length === 0 ? null : { offset: at, length };
  }
  if (line === "m=") {
    const kind = count(text, at, isLetter);
    if (text[at + kind] !== " ") return null;
    return { offset: at, length: kind + 1 + count(text, at + kind + 1, isDigit) };
  }
  const network = family === NFPROTO_IPV4 ? "IN IP4 " : "IN IP6 ";
  const end = at + count(text, at, (character) => !isNewline(character));
  const found = text.indexOf(network, at);
  if (found < 0 || found >= end || found >= text.length - network.length) return null;
  const start = found + network.length;
  const address = readAddressAt(family, text, start);
  return address === null ? null : { offset: start, length: address.end - start };
}

/**
 * The first line of a kind behind the line that `from` is on, none where a line of the kind `stop` comes before it.
 * Models `ct_sip_get_sdp_header()`.
 */
export function getSdpLine(
  family: NfProto,
  text: string,
  from: number,
  kind: SdpLine,
  stop: SdpLine | null = null,
): Span | null {
  for (let line = nextLine(text, from); line >= 0; line = nextLine(text, line + 1)) {
    if (stop !== null && beginsWith(text, line, stop)) return null;
    if (beginsWith(text, line, kind)) return measureSdp(family, text, kind, line + kind.length);
  }
  return null;
}

/** The address in such a line. Models `ct_sip_parse_sdp_addr()`. */
export function getSdpAddress(
  family: NfProto,
  text: string,
  from: number,
): (Span & { readonly words: Int32Array }) | null {
  const found = getSdpLine(family, text, from, "c=", "m=");
  const address = found === null ? null : readAddressAt(family, text, found.offset);
  return found === null || address === null ? null : { ...found, words: address.words };
}
