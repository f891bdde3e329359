import { describe, expect, it } from "vitest";
import { NFPROTO_IPV4, NFPROTO_IPV6 } from "../../hooks.js";
import {
  CONTACT,
  CSEQ,
  FROM,
  getHeader,
  getSdpLine,
  readAddressParameter,
  readHeaderUri,
  readNumber,
  readNumberParameter,
  readRequestUri,
  readTransport,
  type SdpLine,
  VIA_UDP,
  type Walk,
} from "./sip-text.js";

/** What Linux's helper finds; the referee asks the kernel for the like. */
describe("headers", () => {
  it.each([
    ["X\r\nCSeq: 17 INVITE\r\n", CSEQ, "17"],
    ["X\r\ncseq:17\r\n", CSEQ, "17"],
    ["X\nCSeq : \t17 INVITE\n", CSEQ, "17"],
    ["X\r\nCSeq:\r\n  17 INVITE\r\n", CSEQ, "17"],
    ["CSeq: 17\r\n", CSEQ, null],
    ["X\r\nCSeq: x\r\n", CSEQ, null],
    ["X\r\n CSeq: 17\r\n", CSEQ, null],
    // A longer name ends the search.
    ["X\r\nCSeqs: 1\r\nCSeq: 17\r\n", CSEQ, null],
    // The second of two ends of lines hides what follows it.
    ["X\n\nCSeq: 17\r\n", CSEQ, null],
    ["X\r\nVia: SIP/2.0/UDP 10.0.0.1:5062;rport\r\n", VIA_UDP, "10.0.0.1:5062"],
    ["X\r\nv:SIP/2.0/UDP 10.0.0.1;rport\r\n", VIA_UDP, "10.0.0.1"],
    ["X\r\nVia: SIP/2.0/TCP 10.0.0.1:5062\r\n", VIA_UDP, null],
    ["X\r\nFrom: <sip:a@10.0.0.1:5062>\r\n", FROM, "10.0.0.1:5062"],
    ["X\r\nFrom: <SIP:10.0.0.1>\r\n", FROM, "10.0.0.1"],
    ["X\r\nFrom: <sip:10.0.0.1>;a@10.0.0.2 \r\n", FROM, "10.0.0.2"],
    ["X\r\nFrom: <sip:a@host>\r\n", FROM, null],
    ["X\r\nFrom: <sip:a@10.0.0.1:80>\r\n", FROM, null],
    ["X\r\nFrom: <sip:a@10.0.0.1:70000>\r\n", FROM, null],
    ["X\r\nFrom: sip:a@10.0.0.1", FROM, null],
  ] as const)("%j", (text, kind, expected) => {
    const found = getHeader(NFPROTO_IPV4, text, kind);
    expect(found === null ? null : text.slice(found.offset, found.offset + found.length)).toBe(expected);
  });

  it("walks through all contacts, several to a line", () => {
    const text =
      'X\r\nContact: <sip:a@10.0.0.1>, "b" <sip:b@10.0.0.2:5062>\r\nY: z\r\nm: <sip:x>\r\nm: sip:10.0.0.3 \r\n';
    const walk: Walk = { from: 0, inside: false };
    const found: string[] = [];
    for (;;) {
      const uri = readHeaderUri(NFPROTO_IPV4, text, CONTACT, walk);
      if (uri === null || uri === "malformed") break;
      found.push(`${text.slice(uri.offset, uri.offset + uri.length)} ${uri.port}`);
    }
    expect(found).toEqual(["10.0.0.1 5060", "10.0.0.2:5062 5062", "10.0.0.3 5060"]);
  });

  it("wants brackets around an address of IPv6", () => {
    const of = (text: string): number | undefined => getHeader(NFPROTO_IPV6, text, FROM)?.length;
    expect(of("X\r\nFrom: <sip:a@[2001:db8::1]:5062>\r\n")).toBe("[2001:db8::1]:5062".length);
    expect(of("X\r\nFrom: <sip:a@2001:db8::1>\r\n")).toBeUndefined();
  });
});

describe("request lines", () => {
  it.each([
    ["INVITE sip:b@10.0.0.1 SIP/2.0\r\n", "10.0.0.1"],
    ["INVITE SIP:10.0.0.1:5062 SIP/2.0\r\n", "10.0.0.1:5062"],
    ["INVITE tel:1 SIP/2.0\r\nsip:b@10.0.0.1 ", null],
    [" sip:b@10.0.0.1 ", null],
    ["INVITE", null],
  ])("%j", (text, expected) => {
    const found = readRequestUri(NFPROTO_IPV4, text);
    expect(found === null ? null : text.slice(found.offset, found.offset + found.length)).toBe(expected);
  });
});

describe("parameters", () => {
  it.each([
    [";expires=60;q=1\r\n", 60],
    [";EXPIRES=60\r\n", 60],
    [";expires=010\r\n", 10],
    [";expires=0x20\r\n", 0],
    [";expires=x\r\n", "malformed"],
    [";expires=4294967296\r\n", "malformed"],
    [";q=1,<sip:b>;expires=60\r\n", null],
    ["\r\n;expires=60\r\n", null],
    ["\r\n  ;expires=60\r\n", 60],
  ])("expires in %j", (text, expected) => {
    const found = readNumberParameter(text, 0, "expires=");
    expect(found === null || found === "malformed" ? found : found.value).toBe(expected);
  });

  it.each([
    [";transport=TCP>", "tcp"],
    [";transport=udp>", "udp"],
    [";transport=sctp>", "other"],
    [";lr>", "unsaid"],
  ] as const)("transport in %j", (text, expected) => {
    expect(readTransport(text, 0)).toBe(expected);
  });

  it("reads addresses, and numbers of 32 bits", () => {
    expect(readAddressParameter(NFPROTO_IPV4, ";received=10.0.0.1;x\r\n", 0, "received=", false)).toMatchObject({
      offset: 10,
      length: 8,
    });
    expect(readNumber("4294967295", 0)?.value).toBe(4294967295);
    expect(readNumber("4294967296", 0)).toBeNull();
    expect(readNumber("000000000001", 0)).toBeNull();
  });
});

describe("session descriptions", () => {
  const TEXT = "x\r\n\r\nv=0\r\no=- IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.2\r\nm=audio 4000 RTP\r\nc=IN IP4 10.0.0.3\r\n";

  it.each<readonly [SdpLine, number, SdpLine | null, string | null]>([
    ["v=", 0, null, "0"],
    ["o=", 0, "m=", "10.0.0.1"],
    ["c=", 0, "m=", "10.0.0.2"],
    ["c=", TEXT.indexOf("audio"), "m=", "10.0.0.3"],
    ["m=", 0, null, "audio 4000"],
    ["m=", TEXT.indexOf("audio"), null, null],
  ])("%s from %i, before %s", (kind, from, stop, expected) => {
    const found = getSdpLine(NFPROTO_IPV4, TEXT, from, kind, stop);
    expect(found === null ? null : TEXT.slice(found.offset, found.offset + found.length)).toBe(expected);
  });

  it("has addresses of the connection's family alone", () => {
    expect(getSdpLine(NFPROTO_IPV6, TEXT, 0, "c=")).toBeNull();
    expect(getSdpLine(NFPROTO_IPV4, "x\r\nc=in ip4 10.0.0.1\r\n", 0, "c=")).toBeNull();
  });
});
