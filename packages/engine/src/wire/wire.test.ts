/** Headers and checksums: what is built is what is parsed, and updating a checksum equals computing it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AddressError,
  formatIPv4,
  formatIPv6,
  parseIPv4,
  parseIPv6,
  prefixMaskIPv6,
  samePrefixIPv6,
} from "./address.js";
import { get16, get32, put16, put32 } from "./bytes.js";
import { checksumFold, checksumPartial, checksumReplace2, checksumReplace4 } from "./checksum.js";
import { buildIcmp, icmpChecksumOk, icmpEcho, parseIcmp } from "./icmp.js";
import { buildIPv4, checkIPv4, ipv4DecreaseTtl, parseIPv4Packet } from "./ipv4.js";
import { buildTcp, checkTcp, parseTcp, TCP_ACK, TCP_SYN, type TcpOptions, tcpChecksumOk } from "./tcp.js";
import { buildUdp, checkUdp, parseUdp, udpChecksum, udpChecksumOk } from "./udp.js";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const bytes = (max: number) => fc.uint8Array({ maxLength: max });

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

describe("addresses", () => {
  it("format and parse are inverse", () => {
    fc.assert(fc.property(u32, (address) => parseIPv4(formatIPv4(address)) === address));
  });
});

describe("IPv6 addresses", () => {
  it("format and parse are inverse", () => {
    const words = fc.array(fc.oneof(fc.constant(0), fc.integer()), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(words, (address) => {
        expect([...parseIPv6(formatIPv6(address))]).toEqual(address);
      }),
    );
  });

  // As inet_ntop(3) of glibc prints what inet_pton(3) read.
  it.each([
    ["::", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1::", "1::"],
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
    ["::1.2.3.4", "::1.2.3.4"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ])("%s is %s", (text, printed) => {
    expect(formatIPv6(parseIPv6(text))).toBe(printed);
  });

  it.each([
    "",
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::",
    "::g",
    "1.2.3.4",
    "::1.2.3",
    "::1.2.3.04",
    "1.2.3.4::",
    ":1::",
    "1:2:3:4::5:6:7:8",
  ])("%s is none", (text) => {
    expect(() => parseIPv6(text)).toThrow(AddressError);
  });

  it("a mask's ones are its prefix", () => {
    expect(formatIPv6(prefixMaskIPv6(49))).toBe("ffff:ffff:ffff:8000::");
    expect(samePrefixIPv6(parseIPv6("2001:db8::1"), parseIPv6("2001:db8::ffff"), 112)).toBe(true);
    expect(samePrefixIPv6(parseIPv6("2001:db8::1"), parseIPv6("2001:db8::ffff"), 113)).toBe(false);
  });
});

describe("IPv4", () => {
  // A header as RFC 1071 examples and many captures show it: 192.168.0.1 > 192.168.0.199, UDP, checksum b861.
  it("computes the checksum of a known header", () => {
    const known = fromHex("4500007300004000" + "4011b861" + "c0a80001" + "c0a800c7");
    const built = buildIPv4({
      src: parseIPv4("192.168.0.1"),
      dst: parseIPv4("192.168.0.199"),
      protocol: 17,
      dontFragment: true,
      payload: new Uint8Array(0x73 - 20),
    });
    expect(built.subarray(0, 20)).toEqual(known);
  });

  it.each<[string, string, string]>([
    ["too short", "4500", "too short"],
    ["version 6", "6500001400000000400000000a0000010a000002", "bad version"],
    ["header length 16", "4400001400000000400000000a0000010a000002", "bad header length"],
    ["wrong checksum", "4500001400000000400012340a0000010a000002", "bad checksum"],
  ])("refuses a packet: %s", (_name, hex, reason) => {
    const data = fromHex(hex);
    expect(checkIPv4(data, 0, data.length)).toBe(reason);
  });

  it("refuses a packet cut short", () => {
    const data = buildIPv4({ src: 1, dst: 2, protocol: 17, payload: new Uint8Array(30) });
    expect(checkIPv4(data, 0, data.length)).toBe("ok");
    expect(checkIPv4(data, 0, data.length - 1)).toBe("truncated");
  });

  it("parses what it builds, and keeps a valid checksum while the TTL falls", () => {
    fc.assert(
      fc.property(
        u32,
        u32,
        u8,
        u16,
        fc.integer({ min: 2, max: 255 }),
        bytes(40),
        (src, dst, protocol, id, ttl, payload) => {
          const data = buildIPv4({ src, dst, protocol, id, ttl, payload, options: new Uint8Array(4).fill(1) });
          expect(checkIPv4(data, 0, data.length)).toBe("ok");
          expect(parseIPv4Packet(data)).toMatchObject({ src, dst, protocol, id, ttl, payload });
          ipv4DecreaseTtl(data, 0);
          expect(checkIPv4(data, 0, data.length)).toBe("ok");
          expect(parseIPv4Packet(data).ttl).toBe(ttl - 1);
        },
      ),
    );
  });
});

describe("TCP", () => {
  const options = fc.record<TcpOptions>(
    {
      mss: u16,
      windowScale: fc.integer({ min: 0, max: 14 }),
      sackPermitted: fc.constant(true),
      timestamp: fc.record({ value: u32, echo: u32 }),
    },
    { requiredKeys: [] },
  );

  it("parses what it builds", () => {
    fc.assert(
      fc.property(
        u16,
        u16,
        u32,
        u32,
        options,
        bytes(40),
        u32,
        u32,
        (sport, dport, seq, ack, options, payload, src, dst) => {
          const segment = {
            sport,
            dport,
            seq,
            ack,
            flags: TCP_SYN | TCP_ACK,
            window: 1000,
            urgent: 0,
            options,
            payload,
          };
          const data = buildTcp(segment, src, dst);
          expect(checkTcp(data, 0, data.length)).toBe(true);
          expect(tcpChecksumOk(data, 0, data.length, src, dst)).toBe(true);
          expect(parseTcp(data, 0, data.length)).toEqual(segment);
        },
      ),
    );
  });

  it("carries SACK blocks", () => {
    const sack = [
      { left: 100, right: 200 },
      { left: 0xfffffff0, right: 5 },
    ];
    const data = buildTcp({ sport: 1, dport: 2, seq: 3, flags: TCP_ACK, options: { sack } }, 1, 2);
    expect(parseTcp(data, 0, data.length).options.sack).toEqual(sack);
  });

  it("never reads past the header, whatever the option bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 40 }), (junk) => {
        const data = new Uint8Array(60);
        data[12] = 0xf0;
        data.set(junk, 20);
        expect(() => parseTcp(data, 0, data.length)).not.toThrow();
      }),
    );
  });

  it.each([
    [19, 0x50, false],
    [20, 0x40, false],
    [20, 0x60, false],
    [24, 0x60, true],
  ])("checks %i bytes with data offset byte %i", (length, offset, good) => {
    const data = new Uint8Array(60);
    data[12] = offset;
    expect(checkTcp(data, 0, length)).toBe(good);
  });
});

describe("UDP", () => {
  it("parses what it builds, with and without a checksum", () => {
    fc.assert(
      fc.property(u16, u16, bytes(40), u32, u32, fc.boolean(), (sport, dport, payload, src, dst, sum) => {
        const data = buildUdp({ sport, dport, payload }, src, dst, sum);
        expect(checkUdp(data, 0, data.length)).toBe(true);
        expect(udpChecksumOk(data, 0, data.length, src, dst)).toBe(true);
        expect(udpChecksum(data, 0) === 0).toBe(!sum);
        expect(parseUdp(data, 0)).toEqual({ sport, dport, payload });
      }),
    );
  });

  it("refuses a length field over the bytes at hand or under the header", () => {
    const data = buildUdp({ sport: 1, dport: 2, payload: new Uint8Array(4) }, 1, 2);
    expect(checkUdp(data, 0, 11)).toBe(false);
    put16(data, 4, 7);
    expect(checkUdp(data, 0, 12)).toBe(false);
  });
});

describe("ICMP", () => {
  it("parses what it builds", () => {
    fc.assert(
      fc.property(u16, u16, bytes(40), fc.boolean(), (id, sequence, payload, reply) => {
        const message = icmpEcho(id, sequence, payload, reply);
        const data = buildIcmp(message);
        expect(icmpChecksumOk(data, 0, data.length)).toBe(true);
        expect(parseIcmp(data, 0, data.length)).toEqual(message);
      }),
    );
  });
});

describe("incremental checksums", () => {
  // 0x0000 and 0xffff stand for the same sum; which of them an update yields is no matter to a receiver, so the
  // updated data is compared by whether it still sums up.
  it("equal full ones after a 16-bit change", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 60 }), u16, (data, after) => {
        put16(data, 10, 0);
        put16(data, 10, checksumFold(checksumPartial(data, 0, data.length)));
        const updated = checksumReplace2(get16(data, 10), get16(data, 4), after);
        put16(data, 4, after);
        put16(data, 10, updated);
        expect(checksumPartial(data, 0, data.length) % 0xffff).toBe(0);
      }),
    );
  });

  it("equal full ones after a 32-bit change", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 60 }), u32, (data, after) => {
        put16(data, 10, 0);
        put16(data, 10, checksumFold(checksumPartial(data, 0, data.length)));
        const updated = checksumReplace4(get16(data, 10), get32(data, 12), after);
        put32(data, 12, after);
        put16(data, 10, updated);
        expect(checksumPartial(data, 0, data.length) % 0xffff).toBe(0);
      }),
    );
  });
});
