/**
 * SIP: telephones agree in text who is called and where speech and pictures are to go. A registration is expected to
 * bring calls, as long as it lasts; a session description announces a pair of UDP ports for each medium, for RTP and
 * RTCP, which are expected until the call ends or fails. The module's options have their defaults: calls come from the
 * registrar alone (`sip_direct_signalling`), media flow between those who signal (`sip_direct_media`), and a connection
 * is kept for an hour (`sip_timeout`). Models net/netfilter/nf_conntrack_sip.c.
 */
import { HZ } from "../../clock.js";
import { NF_ACCEPT, NF_DROP, type Verdict } from "../../hooks.js";
import { IP_CT_ESTABLISHED, IP_CT_ESTABLISHED_REPLY, type SkBuff } from "../../skb.js";
import { equalIPv6, IPV6_WORDS } from "../../wire/address.js";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../wire/ipv4.js";
import { TCP_DATA_OFFSET, TCP_HEADER_LENGTH } from "../../wire/tcp.js";
import { UDP_HEADER_LENGTH } from "../../wire/udp.js";
import type { Conntrack } from "../conntrack.js";
import {
  addressOf,
  Expectation,
  type ExpectPolicy,
  expectTuple,
  NF_CT_EXPECT_INACTIVE,
  NF_CT_EXPECT_PERMANENT,
} from "../expect.js";
import { type CtHandle, IPS_DST_NAT, IPS_EXPECTED, IPS_SRC_NAT } from "../status.js";
import { TUPLE_DST, TUPLE_PORTS, TUPLE_SRC, tupleProtonum } from "../tuple.js";
import { BOTH_FAMILIES, type ConntrackHelper, payloadText } from "./helper.js";
import type { SipNatHook } from "./nat-hook.js";
import { SipMessage, type SipState } from "./sip-message.js";
import {
  beginsWith,
  CONTACT,
  CONTENT_LENGTH,
  CSEQ,
  EXPIRES,
  getHeader,
  getSdpAddress,
  getSdpLine,
  isLetter,
  readHeaderUri,
  readNumber,
  readNumberParameter,
  readTransport,
  type UriSpan,
  VIA_UDP,
  type Walk,
} from "./sip-text.js";

const SIP_TIMEOUT: number = 3600 * HZ;
/** Nothing shorter is read. */
const SHORTEST_MESSAGE = "SIP/2.0 200".length;
const LOWEST_PORT = 1024;

/** Classes of expectations. Models `enum sip_expectation_classes`. */
export const SIP_EXPECT_SIGNALLING = 0;

/** What a session description may announce, with its class. */
const MEDIA: readonly { readonly text: string; readonly expectClass: number }[] = [
  { text: "audio ", expectClass: 1 },
  { text: "video ", expectClass: 2 },
  { text: "image ", expectClass: 3 },
];

const EXPECT_SECONDS = 180;
const POLICIES: readonly ExpectPolicy[] = [
  { name: "signalling", maxExpected: 1, timeoutSeconds: EXPECT_SECONDS },
  { name: "audio", maxExpected: 4, timeoutSeconds: EXPECT_SECONDS },
  { name: "video", maxExpected: 4, timeoutSeconds: EXPECT_SECONDS },
  { name: "image", maxExpected: 2, timeoutSeconds: EXPECT_SECONDS },
];

/** NAT's part, where the connection is translated. */
function natOf({ ct, entry }: SipMessage): SipNatHook | null {
  return (ct.statusOf(entry) & (IPS_SRC_NAT | IPS_DST_NAT)) === 0 ? null : (ct.natHelper?.sip ?? null);
}

/** Ends what is expected of media, or the newest registration. Models `flush_expectations()`. */
function flushExpectations({ ct, entry }: SipMessage, media: boolean): void {
  const { expectations } = ct.helpers;
  for (const each of ct.helpers.helpOf(entry)?.expectations.slice() ?? []) {
    if ((each.expectClass !== SIP_EXPECT_SIGNALLING) !== media) continue;
    expectations.unlink(each);
    if (!media) break;
  }
}

// Media ---------------------------------------------------------------------------------------------------------------

/** What came of a medium: the verdict, and the address that the description shall name. */
interface Announcing {
  readonly verdict: Verdict;
  readonly address: Int32Array;
}

/** The expectation of one port of a medium. */
function expectPort(message: SipMessage, expectClass: number, to: Int32Array, port: number): Expectation {
  const { ct, entry, family, opposite } = message;
  const expectation = new Expectation(entry, expectClass, ct.helpers.helpOf(entry)?.helper ?? null);
  const from = { address: addressOf(ct, entry, opposite, "src"), port: null };
  expectTuple(expectation, family, IPPROTO_UDP, from, { address: { words: to, at: 0 }, port });
  return expectation;
}

/** Where a medium is to be expected, and whether that is done. */
interface Place {
  readonly address: Int32Array;
  readonly port: number;
  /** Both ends of the call are behind this NAT, and reach each other there without it. */
  readonly direct: boolean;
  /** Another connection expects it there already. */
  readonly expected: boolean;
}

/** Looks whether other connections expect the medium, which the same call announced to them. */
function findPlace(message: SipMessage, expectClass: number, address: Int32Array, port: number): Place {
  const { ct, entry, opposite } = message;
  const helper = ct.helpers.helpOf(entry)?.helper ?? null;
  const { tuple } = expectPort(message, expectClass, address, port);
  tuple.set(message.address(opposite, "src"), TUPLE_SRC);
  const place = (direct: boolean, expected: boolean): Place => ({
    address: tuple.slice(TUPLE_DST, TUPLE_DST + IPV6_WORDS),
    port: tuple[TUPLE_PORTS] & 0xffff,
    direct,
    expected,
  });
  for (let direct = false; ; direct = true) {
    const found = ct.helpers.expectations.find(tuple, ct.zoneOf(entry));
    if (found === null || found.master === entry || found.helper !== helper || found.expectClass !== expectClass)
      return place(direct, false);
    const moved =
      found.savedPort !== found.destinationPort || !equalIPv6(found.savedAddress, found.tuple.subarray(TUPLE_DST));
    if (direct || !moved || natOf(message) === null) return place(direct, true);
    tuple.set(found.savedAddress, TUPLE_DST);
    tuple[TUPLE_PORTS] = found.savedPort;
  }
}

/** Notes both ports of a medium; one that is expected already will do. */
function expectPair({ ct }: SipMessage, rtp: Expectation, rtcp: Expectation): Verdict {
  const { expectations } = ct.helpers;
  const first = expectations.related(rtp, true);
  if (first !== null && first !== "EALREADY") return NF_DROP;
  const second = expectations.related(rtcp, true);
  if (second === null || second === "EALREADY") return NF_ACCEPT;
  if (first === null) expectations.unlink(rtp);
  return NF_DROP;
}

/** Expects RTP and RTCP of a medium, whose port stands at `at`. Models `set_expected_rtp_rtcp()`. */
function expectMedia(message: SipMessage, expectClass: number, announced: UriSpan): Announcing {
  // Who offers to receive elsewhere is not helped.
  if (!equalIPv6(announced.words, message.address(message.direction, "src")))
    return { verdict: NF_ACCEPT, address: announced.words };
  const nat = natOf(message);
  const { address, port, direct, expected } = findPlace(message, expectClass, announced.words, announced.port);
  const even = port & ~1;
  if (direct && nat !== null && !nat.sdpPort(message, announced, even)) return { verdict: NF_DROP, address };
  if (expected) return { verdict: NF_ACCEPT, address };
  const rtp = expectPort(message, expectClass, address, even);
  const rtcp = expectPort(message, expectClass, address, even + 1);
  if (nat !== null && !direct) return nat.sdpMedia(message, rtp, rtcp, announced);
  return { verdict: expectPair(message, rtp, rtcp), address };
}

/** Reads a message's session description. Models `process_sdp()`. */
function readDescription(message: SipMessage): Verdict {
  const { family } = message;
  const version = getSdpLine(family, message.text, 0, "v=");
  if (version === null) return NF_ACCEPT;
  const session = version.offset;
  const common = getSdpAddress(family, message.text, session);
  let address = common?.words ?? null;
  let from = session;
  for (let media = 0; media < MEDIA.length; ) {
    const line = getSdpLine(family, message.text, from, "m=");
    if (line === null) break;
    const kind = MEDIA.find(({ text }) => line.length >= text.length && message.text.startsWith(text, line.offset));
    if (kind === undefined) {
      from = line.offset + line.length;
      continue;
    }
    from = line.offset + kind.text.length;
    const port = readNumber(message.text, from)?.value ?? 0;
    // Not in use.
    if (port === 0) continue;
    if (port < LOWEST_PORT || port > 0xffff) return NF_DROP;
    // A medium may have an address of its own.
    const own = getSdpAddress(family, message.text, from);
    const words = own?.words ?? common?.words;
    if (words === undefined) return NF_DROP;
    const at = { offset: from, length: line.length - kind.text.length };
    const announcing = expectMedia(message, kind.expectClass, { ...at, words, port });
    if (announcing.verdict !== NF_ACCEPT) return announcing.verdict;
    address = announcing.address;
    if (own !== null && natOf(message)?.sdpAddress(message, from, address) === false) return NF_DROP;
    media++;
  }
  if (address !== null && natOf(message)?.sdpSession(message, session, address) === false) return NF_DROP;
  return NF_ACCEPT;
}

// Registrations -------------------------------------------------------------------------------------------------------

/** The transport protocol that an address's parameters ask for where the connection has it; null where not. */
function transportOf({ ct, entry, text }: SipMessage, from: number): number | null {
  const protonum = ct.protonumOf(entry);
  const said = readTransport(text, from);
  return said === "unsaid" || said === (protonum === IPPROTO_TCP ? "tcp" : "udp") ? protonum : null;
}

/** What `Expires:` says, in seconds. */
function expiresHeader({ family, text }: SipMessage): number {
  const found = getHeader(family, text, EXPIRES);
  return found === null ? 0 : (readNumber(text, found.offset)?.value ?? 0);
}

/** A telephone registers: calls to it are expected once the registrar agrees. Models `process_register_request()`. */
function registerRequest(message: SipMessage, cseq: number): Verdict {
  const { ct, entry, family, text } = message;
  if (ct.statusOf(entry) & IPS_EXPECTED) return NF_ACCEPT;
  const contact = readHeaderUri(family, text, CONTACT);
  if (contact === "malformed") return NF_DROP;
  // For itself alone.
  if (contact === null || !equalIPv6(contact.words, message.address(message.direction, "src"))) return NF_ACCEPT;
  const end = contact.offset + contact.length;
  const protonum = transportOf(message, end);
  if (protonum === null) return NF_ACCEPT;
  const parameter = readNumberParameter(text, end, "expires=");
  if (parameter === "malformed") return NF_DROP;
  let verdict: Verdict = NF_ACCEPT;
  // 0 ends a registration; what came of it ends with the answer.
  if ((parameter?.value ?? expiresHeader(message)) !== 0) verdict = expectCalls(message, contact, protonum);
  if (verdict === NF_ACCEPT) message.state.registerCseq = cseq;
  return verdict;
}

/** Expects calls for as long as a registration lasts. */
function expectCalls(message: SipMessage, contact: UriSpan, protonum: number): Verdict {
  const { ct, entry, family, opposite } = message;
  const helper = ct.helpers.helpOf(entry)?.helper ?? null;
  const expectation = new Expectation(entry, SIP_EXPECT_SIGNALLING, helper);
  expectTuple(
    expectation,
    family,
    protonum,
    { address: addressOf(ct, entry, opposite, "src"), port: null },
    { address: { words: contact.words, at: 0 }, port: contact.port },
  );
  expectation.assignHelper = helper;
  expectation.flags = NF_CT_EXPECT_PERMANENT | NF_CT_EXPECT_INACTIVE;
  const nat = natOf(message);
  if (nat !== null) return nat.expect(message, expectation, contact);
  return ct.helpers.expectations.related(expectation) === null ? NF_ACCEPT : NF_DROP;
}

/**
 * The registrar answers: as long as the registration lasts, calls are expected. Models `process_register_response()`.
 */
function registerResponse(message: SipMessage, cseq: number, code: number): Verdict {
  if (message.state.registerCseq !== cseq || (code >= 100 && code <= 199)) return NF_ACCEPT;
  if (code >= 200 && code <= 299) {
    const { family, text } = message;
    const expires = expiresHeader(message);
    const walk: Walk = { from: 0, inside: false };
    for (;;) {
      const contact = readHeaderUri(family, text, CONTACT, walk);
      if (contact === "malformed") return NF_DROP;
      if (contact === null) break;
      if (!equalIPv6(contact.words, message.address(message.direction, "dst"))) continue;
      const end = contact.offset + contact.length;
      const protonum = transportOf(message, end);
      if (protonum === null) continue;
      const parameter = readNumberParameter(text, end, "expires=");
      if (parameter === "malformed") return NF_DROP;
      const seconds = parameter?.value ?? expires;
      if (seconds === 0) break;
      if (refreshSignalling(message, contact, protonum, seconds)) return NF_ACCEPT;
    }
  }
  flushExpectations(message, false);
  return NF_ACCEPT;
}

/**
 * From now on a registration counts, and for so long. False where there is none. Models
 * `refresh_signalling_expectation()`.
 */
function refreshSignalling(
  { ct, entry }: SipMessage,
  { words, port }: UriSpan,
  protonum: number,
  seconds: number,
): boolean {
  const { expectations } = ct.helpers;
  const found = ct.helpers
    .helpOf(entry)
    ?.expectations.find(
      ({ expectClass, tuple, destinationPort }) =>
        expectClass === SIP_EXPECT_SIGNALLING &&
        equalIPv6(tuple.subarray(TUPLE_DST), words) &&
        tupleProtonum(tuple, 0) === protonum &&
        destinationPort === port,
    );
  if (found === undefined) return false;
  expectations.refresh(found, seconds);
  found.flags &= ~NF_CT_EXPECT_INACTIVE;
  return true;
}

// Messages ------------------------------------------------------------------------------------------------------------

/** What is done about a method's requests and its answers. Models `struct sip_handler`. */
interface Handler {
  readonly method: string;
  request(message: SipMessage, cseq: number): Verdict;
  readonly response: ((message: SipMessage, cseq: number, code: number) => Verdict) | null;
}

/**
 * An answer within a call: what fails ends what the invitation announced. Models `process_invite_response()` and its
 * like.
 */
function callResponse(message: SipMessage, cseq: number, code: number): Verdict {
  if (code >= 100 && code <= 299) return readDescription(message);
  if (message.state.inviteCseq === cseq) flushExpectations(message, true);
  return NF_ACCEPT;
}

const HANDLERS: readonly Handler[] = [
  {
    method: "invite",
    request(message, cseq): Verdict {
      flushExpectations(message, true);
      const verdict = readDescription(message);
      if (verdict === NF_ACCEPT) message.state.inviteCseq = cseq;
      return verdict;
    },
    response: callResponse,
  },
  { method: "update", request: readDescription, response: callResponse },
  { method: "ack", request: readDescription, response: null },
  { method: "prack", request: readDescription, response: callResponse },
  {
    method: "bye",
    request(message): Verdict {
      flushExpectations(message, true);
      return NF_ACCEPT;
    },
    response: null,
  },
  { method: "register", request: registerRequest, response: registerResponse },
];

/** The sequence number, and where its header's number ends; null where there is none. */
function readCseq({ family, text }: SipMessage): { readonly value: number; readonly end: number } | null {
  const found = getHeader(family, text, CSEQ);
  const number = found === null ? null : readNumber(text, found.offset);
  return found === null || number === null ? null : { value: number.value, end: found.offset + found.length };
}

/** Models `process_sip_response()`. */
function readResponse(message: SipMessage): Verdict {
  const { text } = message;
  if (text.length < SHORTEST_MESSAGE) return NF_ACCEPT;
  const code = readNumber(text, "SIP/2.0 ".length)?.value ?? 0;
  const cseq = readCseq(message);
  if (code === 0 || cseq === null) return NF_DROP;
  const handler = HANDLERS.find((each) => each.response !== null && beginsWith(text, cseq.end + 1, each.method));
  return handler?.response?.(message, cseq.value, code) ?? NF_ACCEPT;
}

/** Models `process_sip_request()`. */
function readRequest(message: SipMessage): Verdict {
  const { ct, entry, direction, family, text } = message;
  // Some telephones send from one port and listen at another, which `Via:` names.
  const via = readHeaderUri(family, text, VIA_UDP);
  if (
    via !== null &&
    via !== "malformed" &&
    via.port !== ct.sportOf(entry, direction) &&
    equalIPv6(via.words, message.address(direction, "src"))
  )
    message.state.forcedPort = via.port;
  const handler = HANDLERS.find(
    ({ method }) => beginsWith(text, 0, method) && text[method.length] === " " && isLetter(text[method.length + 1]),
  );
  if (handler === undefined) return NF_ACCEPT;
  const cseq = readCseq(message);
  return cseq === null ? NF_DROP : handler.request(message, cseq.value);
}

/** Reads a message, and lets NAT rewrite it. Models `process_sip_msg()`. */
function processMessage(message: SipMessage): Verdict {
  const verdict = beginsWith(message.text, 0, "sip/2.0 ") ? readResponse(message) : readRequest(message);
  if (verdict !== NF_ACCEPT) return verdict;
  return natOf(message)?.message(message) === false ? NF_DROP : NF_ACCEPT;
}

const state = (): SipState => ({ registerCseq: 0, inviteCseq: 0, forcedPort: 0 });

/** SIP in datagrams: each is a message. */
export const sipUdpHelper: ConntrackHelper = {
  name: "sip",
  families: BOTH_FAMILIES,
  protonum: IPPROTO_UDP,
  policies: POLICIES,
  state,
  help(ct: Conntrack, skb: SkBuff, protoff: number, entry: CtHandle, ctinfo: number): Verdict {
    const dataoff = protoff + UDP_HEADER_LENGTH;
    if (dataoff >= skb.len) return NF_ACCEPT;
    ct.helpers.refresh(entry, SIP_TIMEOUT);
    if (skb.len - dataoff < SHORTEST_MESSAGE) return NF_ACCEPT;
    return processMessage(new SipMessage({ ct, entry, skb, ctinfo }, protoff, dataoff, payloadText(skb, dataoff)));
  },
};

/**
 * How long the message is that `text` begins with, its body included as it says; null where its header is not all
 * there.
 */
function messageLength(ct: Conntrack, entry: CtHandle, text: string): number | null {
  const found = getHeader(ct.l3numOf(entry), text, CONTENT_LENGTH);
  const number = found === null ? null : readNumber(text, found.offset);
  if (number === null || number.value > text.length) return null;
  const blank = text.indexOf("\r\n\r\n", number.offset + number.length);
  if (blank < 0) return null;
  return blank + "\r\n\r\n".length + number.value;
}

/** SIP in a stream: a segment may hold several messages, one after the other, and must hold them whole. */
export const sipTcpHelper: ConntrackHelper = {
  name: "sip",
  families: BOTH_FAMILIES,
  protonum: IPPROTO_TCP,
  policies: POLICIES,
  state,
  help(ct: Conntrack, skb: SkBuff, protoff: number, entry: CtHandle, ctinfo: number): Verdict {
    if (ctinfo !== IP_CT_ESTABLISHED && ctinfo !== IP_CT_ESTABLISHED_REPLY) return NF_ACCEPT;
    if (skb.len < protoff + TCP_HEADER_LENGTH) return NF_ACCEPT;
    let dataoff = protoff + (skb.data[protoff + TCP_DATA_OFFSET] >>> 4) * 4;
    if (dataoff >= skb.len) return NF_ACCEPT;
    ct.helpers.refresh(entry, SIP_TIMEOUT);
    if (skb.len - dataoff < SHORTEST_MESSAGE) return NF_ACCEPT;
    const before = skb.len;
    for (;;) {
      const rest = payloadText(skb, dataoff);
      const length = messageLength(ct, entry, rest);
      if (length === null) break;
      // A body that is cut off ends it without a word of how far the messages before have moved what follows, as in
      // Linux.
      if (length > rest.length) return NF_ACCEPT;
      const message = new SipMessage({ ct, entry, skb, ctinfo }, protoff, dataoff, rest.slice(0, length));
      const verdict = processMessage(message);
      if (verdict !== NF_ACCEPT) return verdict;
      dataoff += message.text.length;
    }
    const translated = (ct.statusOf(entry) & (IPS_SRC_NAT | IPS_DST_NAT)) !== 0;
    if (translated) ct.natHelper?.sip.segmentGrew(skb, protoff, entry, ctinfo, skb.len - before);
    return NF_ACCEPT;
  },
};
