/**
 * SIP under NAT: each address and port of the connection in a message's headers becomes what the other side sees, and
 * what a session description announces becomes what the other side can reach. Models net/netfilter/nf_nat_sip.c.
 */
import { addressWords, type Expectation, type NamedExpectFunction } from "../../conntrack/expect.js";
import { kernelAddress } from "../../conntrack/helpers/address-text.js";
import type { SipNatHook } from "../../conntrack/helpers/nat-hook.js";
import { SIP_EXPECT_SIGNALLING } from "../../conntrack/helpers/sip.js";
import type { SipMessage } from "../../conntrack/helpers/sip-message.js";
import {
  beginsWith,
  CONTACT,
  CONTENT_LENGTH,
  FROM,
  getHeader,
  getSdpLine,
  readAddressParameter,
  readHeaderUri,
  readNumberParameter,
  readRequestUri,
  type SdpLine,
  type Span,
  TO,
  type UriSpan,
  VIA_TCP,
  VIA_UDP,
  type Walk,
} from "../../conntrack/helpers/sip-text.js";
import { TUPLE_DST, tupleProtonum } from "../../conntrack/tuple.js";
import { NF_ACCEPT, NF_DROP, NFPROTO_IPV4, type Verdict } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY } from "../../skb.js";
import { equalIPv6, IPV6_WORDS } from "../../wire/address.js";
import { put16 } from "../../wire/bytes.js";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../wire/ipv4.js";
import { TCP_DATA_OFFSET } from "../../wire/tcp.js";
import { UDP_DST_PORT, UDP_HEADER_LENGTH } from "../../wire/udp.js";
import { exactly, expectAtPort, mangleTcpText, mangleUdp, segmentGrew } from "../helper.js";
import { NF_NAT_MANIP_DST, NF_NAT_MANIP_SRC } from "../range.js";

const LOWEST_PORT = 1024;

/** Replaces a piece of a message in its packet. Models `mangle_packet()`. */
function mangle(message: SipMessage, at: Span, text: string): boolean {
  const { ct, entry, skb, ctinfo, protoff, dataoff, family } = message;
  const tcp = ct.protonumOf(entry) === IPPROTO_TCP;
  const payload = protoff + (tcp ? (skb.data[protoff + TCP_DATA_OFFSET] >>> 4) * 4 : UDP_HEADER_LENGTH);
  const place = { skb, ctinfo, protoff, offset: dataoff - payload + at.offset, length: at.length };
  if (!(tcp ? mangleTcpText(family, place, text) : mangleUdp(family, place, text))) return false;
  message.replaced(at, text);
  return true;
}

/** An address with its port. Models `sip_sprintf_addr_port()`. */
function withPort({ family }: SipMessage, words: Int32Array, port: number): string {
  const address = kernelAddress(family, words);
  return family === NFPROTO_IPV4 ? `${address}:${port}` : `[${address}]:${port}`;
}

/** Rewrites an address that is one of the connection's ends, and leaves others. Models `map_addr()`. */
function mapAddress(message: SipMessage, at: UriSpan): boolean {
  const { ct, entry, direction, opposite } = message;
  let words: Int32Array;
  let port: number;
  if (equalIPv6(at.words, message.address(direction, "src")) && at.port === ct.sportOf(entry, direction)) {
    words = message.address(opposite, "dst");
    port = ct.dportOf(entry, opposite);
  } else if (equalIPv6(at.words, message.address(direction, "dst")) && at.port === ct.dportOf(entry, direction)) {
    words = message.address(opposite, "src");
    port = message.state.forcedPort || ct.sportOf(entry, opposite);
  } else return true;
  if (equalIPv6(words, at.words) && port === at.port) return true;
  return mangle(message, at, withPort(message, words, port));
}

/** Models `map_sip_addr()`. */
function mapHeader(message: SipMessage, kind: typeof FROM): boolean {
  const uri = readHeaderUri(message.family, message.text, kind);
  return uri === null || uri === "malformed" || mapAddress(message, uri);
}

/** The topmost `Via:`, with the parameters that say where an answer goes. */
function mapVia(message: SipMessage, request: boolean): boolean {
  const { ct, entry, direction, opposite, family } = message;
  const kind = ct.protonumOf(entry) === IPPROTO_TCP ? VIA_TCP : VIA_UDP;
  const via = readHeaderUri(family, message.text, kind);
  if (via === null || via === "malformed") return true;
  // The sender's own, and not that of somebody before it.
  const own = message.address(direction, request ? "src" : "dst");
  const port = request ? ct.sportOf(entry, direction) : ct.dportOf(entry, direction);
  if (!equalIPv6(via.words, own) || via.port !== port) return true;
  const before = message.text.length;
  if (!mapAddress(message, via)) return false;
  const end = via.offset + via.length + message.text.length - before;
  return (
    mapAddressParameter(message, end, "maddr=", true) &&
    mapAddressParameter(message, end, "received=", false) &&
    mapReceivedPort(message, end, ct.dportOf(entry, direction), ct.sportOf(entry, opposite))
  );
}

/** `maddr=` is about the sender, `received=` about the receiver. */
function mapAddressParameter(message: SipMessage, from: number, name: string, sender: boolean): boolean {
  const { direction, opposite, family, text } = message;
  const before = message.address(direction, sender ? "src" : "dst");
  const after = message.address(opposite, sender ? "dst" : "src");
  const found = readAddressParameter(family, text, from, name, sender);
  if (found === null || !equalIPv6(found.words, before) || equalIPv6(found.words, after)) return true;
  const address = kernelAddress(family, after);
  return mangle(message, found, sender && family !== NFPROTO_IPV4 ? `[${address}]` : address);
}

/** `rport=`: the port from which the request was received. */
function mapReceivedPort(message: SipMessage, from: number, before: number, after: number): boolean {
  const found = readNumberParameter(message.text, from, "rport=");
  if (found === null || found === "malformed") return true;
  const { value } = found;
  if (value < LOWEST_PORT || value > 0xffff || value !== before || value === after) return true;
  return mangle(message, found, String(after));
}

/** Rewrites the headers of a message. Models `nf_nat_sip()`. */
function mapMessage(message: SipMessage): boolean {
  const { family } = message;
  const request = !beginsWith(message.text, 0, "sip/2.0");
  if (request) {
    const uri = readRequestUri(family, message.text);
    if (uri !== null && !mapAddress(message, uri)) return false;
  }
  if (!mapVia(message, request)) return false;
  const walk: Walk = { from: 0, inside: false };
  for (;;) {
    const contact = readHeaderUri(family, message.text, CONTACT, walk);
    if (contact === null || contact === "malformed") break;
    // Where it goes on is not moved with the text: an address that got shorter hides what follows it closely.
    if (!mapAddress(message, contact)) return false;
  }
  return mapHeader(message, FROM) && mapHeader(message, TO) && sendToForcedPort(message);
}

/** What answers a telephone that listens at another port than it sends from goes there. */
function sendToForcedPort(message: SipMessage): boolean {
  const { ct, entry, skb, protoff, direction } = message;
  const { forcedPort } = message.state;
  if (direction !== IP_CT_DIR_REPLY || forcedPort === 0) return true;
  if (ct.protonumOf(entry) !== IPPROTO_UDP) return false;
  skb.data = skb.data.slice(0, skb.len);
  put16(skb.data, protoff + UDP_DST_PORT, forcedPort);
  return mangle(message, { offset: 0, length: 0 }, "");
}

/** Says how long the description is now. Models `mangle_content_len()`. */
function mangleContentLength(message: SipMessage): boolean {
  const { family, text } = message;
  const version = getSdpLine(family, text, 0, "v=");
  const length = version === null ? null : getHeader(family, text, CONTENT_LENGTH);
  if (version === null || length === null) return false;
  return mangle(message, length, String(text.length - version.offset + "v=".length));
}

/** Replaces what counts of a line of a description: "absent" where there is none. Models `mangle_sdp_packet()`. */
function mangleLine(message: SipMessage, from: number, line: SdpLine, text: string): boolean | "absent" {
  const found = getSdpLine(message.family, message.text, from, line, "m=");
  return found === null ? "absent" : mangle(message, found, text);
}

/** Models `nf_nat_sdp_addr()`. */
function mangleAddress(message: SipMessage, from: number, address: Int32Array): boolean {
  return (
    mangleLine(message, from, "c=", kernelAddress(message.family, address)) === true && mangleContentLength(message)
  );
}

/** Models `nf_nat_sdp_port()`. */
function manglePort(message: SipMessage, at: Span, port: number): boolean {
  return mangle(message, at, String(port)) && mangleContentLength(message);
}

/** Models `nf_nat_sdp_session()`. */
function mangleSession(message: SipMessage, from: number, address: Int32Array): boolean {
  const text = kernelAddress(message.family, address);
  if (mangleLine(message, from, "o=", text) !== true) return false;
  // Not needed where each medium has its own.
  return mangleLine(message, from, "c=", text) !== false && mangleContentLength(message);
}

/** Where connections to the sender of a message come to: outside of NAT where it is behind it. */
function reachedAt(message: SipMessage, announced: Int32Array): Int32Array {
  const outside = message.address(message.opposite, "dst");
  return equalIPv6(message.address(message.direction, "src"), outside) ? announced.slice() : outside;
}

/** Notes what was announced, and expects it at another address. */
function moveTo(net: NetNamespace, message: SipMessage, expectation: Expectation, address: Int32Array): void {
  const { tuple, savedAddress } = expectation;
  savedAddress.set(tuple.subarray(TUPLE_DST, TUPLE_DST + IPV6_WORDS));
  tuple.set(address, TUPLE_DST);
  expectation.savedPort = expectation.destinationPort;
  expectation.direction = message.opposite;
  expectation.expectFunction = sipExpected(net);
}

/** Notes a registration. Models `nf_nat_sip_expect()`. */
function expectSignalling(net: NetNamespace, message: SipMessage, expectation: Expectation, at: Span): Verdict {
  const { ct, entry, direction, opposite } = message;
  const address = reachedAt(message, expectation.tuple.slice(TUPLE_DST, TUPLE_DST + IPV6_WORDS));
  const listens = message.state.forcedPort || ct.sportOf(entry, direction);
  const wanted = expectation.destinationPort === listens ? ct.dportOf(entry, opposite) : expectation.destinationPort;
  moveTo(net, message, expectation, address);
  const port = expectAtPort(net, expectation, wanted);
  if (port === 0) return NF_DROP;
  if (equalIPv6(address, expectation.savedAddress) && port === expectation.savedPort) return NF_ACCEPT;
  if (mangle(message, at, withPort(message, address, port))) return NF_ACCEPT;
  ct.helpers.expectations.unlink(expectation);
  return NF_DROP;
}

/** Notes a medium at the first pair of ports that is free. Models `nf_nat_sdp_media()`. */
function expectMedia(
  net: NetNamespace,
  message: SipMessage,
  rtp: Expectation,
  rtcp: Expectation,
  at: Span,
): { readonly verdict: Verdict; readonly address: Int32Array } {
  const { expectations } = message.ct.helpers;
  const address = reachedAt(message, rtp.tuple.slice(TUPLE_DST, TUPLE_DST + IPV6_WORDS));
  moveTo(net, message, rtp, address);
  moveTo(net, message, rtcp, address);
  let port = rtp.destinationPort;
  for (; port !== 0; port = (port + 2) & 0xffff) {
    rtp.destinationPort = port;
    const first = expectations.related(rtp, true);
    if (first === "EBUSY") continue;
    if (first !== null) return { verdict: NF_DROP, address };
    rtcp.destinationPort = port + 1;
    const second = expectations.related(rtcp, true);
    if (second === null) break;
    expectations.unlink(rtp);
    if (second !== "EBUSY") return { verdict: NF_DROP, address };
  }
  if (port === 0) return { verdict: NF_DROP, address };
  if (rtp.destinationPort === rtp.savedPort || manglePort(message, at, port)) return { verdict: NF_ACCEPT, address };
  expectations.unlink(rtp);
  expectations.unlink(rtcp);
  return { verdict: NF_DROP, address };
}

/** Binds a call or a medium. Models `nf_nat_sip_expected()`. */
function sipExpected(net: NetNamespace): NamedExpectFunction {
  return {
    name: "sip",
    run(entry, expectation): void {
      const { ct, nat } = net;
      const { master, savedAddress, savedPort, expectClass, direction } = expectation;
      const family = ct.l3numOf(entry);
      nat.setupInfo(entry, exactly(family, savedAddress, savedPort), NF_NAT_MANIP_DST);
      const source = addressWords(ct, entry, IP_CT_DIR_ORIGINAL, "src");
      // A medium's source is what the other side announced, where it did.
      const pair =
        expectClass === SIP_EXPECT_SIGNALLING
          ? undefined
          : ct.helpers
              .helpOf(master)
              ?.expectations.find(
                (each) =>
                  tupleProtonum(each.tuple, 0) === ct.protonumOf(entry) &&
                  equalIPv6(each.savedAddress, source) &&
                  each.savedPort === ct.sportOf(entry, IP_CT_DIR_ORIGINAL),
              );
      if (pair !== undefined) {
        const outside = pair.tuple.slice(TUPLE_DST, TUPLE_DST + IPV6_WORDS);
        nat.setupInfo(entry, exactly(family, outside, pair.destinationPort), NF_NAT_MANIP_SRC);
      } else if (equalIPv6(source, addressWords(ct, master, direction, "src"))) {
        const opposite = direction === 0 ? 1 : 0;
        nat.setupInfo(entry, exactly(family, addressWords(ct, master, opposite, "dst"), null), NF_NAT_MANIP_SRC);
      }
    },
  };
}

/** NAT's part of SIP in a namespace. */
export function natSip(net: NetNamespace): SipNatHook {
  return {
    message: mapMessage,
    segmentGrew(skb, protoff, entry, ctinfo, growth): void {
      segmentGrew(net, entry, { skb, ctinfo, protoff }, growth);
    },
    expect: (message, expectation, at) => expectSignalling(net, message, expectation, at),
    sdpAddress: mangleAddress,
    sdpPort: manglePort,
    sdpSession: mangleSession,
    sdpMedia: (message, rtp, rtcp, at) => expectMedia(net, message, rtp, rtcp, at),
  };
}
