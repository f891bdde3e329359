/** Packets of IPv6 taken apart: each kind in one line and header by header, with the bytes that every field is in. */
import { describe, expect, it } from "vitest";
import { dissect, endpoint, oneLine } from "./dissect.js";

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

const CLIENT = "fd000002000000000000000000000055";
const SERVER = "20010db8005600000000000000000001";
/** A header with a next header and a payload, of class 0x12 and label 0x34567. */
const ip6 = (next: string, payload: string, ends = CLIENT + SERVER): string => {
  const length = (payload.replace(/\s/g, "").length / 2).toString(16).padStart(4, "0");
  return `61234567 ${length} ${next}40 ${ends} ${payload}`;
};
const UDP = "0035003600 0c0000 61626364";

/** Each with its line and its layers' names. */
const PACKETS: readonly (readonly [name: string, bytes: string, line: string, layers: string])[] = [
  [
    "echo request",
    ip6("3a", "8000c0de 00070001 61626364"),
    "icmpv6 fd00:2::55 → 2001:db8:56::1 [echo request] id=7 seq=1",
    "Internet Protocol version 6 | Internet Control Message Protocol version 6 | Data",
  ],
  [
    "datagram",
    ip6("11", UDP),
    "udp [fd00:2::55]:53 → [2001:db8:56::1]:54 [UDP] len=4",
    "Internet Protocol version 6 | User Datagram Protocol | Data",
  ],
  [
    "segment",
    ip6("06", "005001bb 00000001 00000000 5002ffff 00000000"),
    "tcp [fd00:2::55]:80 → [2001:db8:56::1]:443 [SYN] seq=1 len=0",
    "Internet Protocol version 6 | Transmission Control Protocol",
  ],
  [
    "port unreachable",
    ip6("3a", `01040000 00000000 ${ip6("11", UDP)}`, SERVER + CLIENT),
    "icmpv6 2001:db8:56::1 → fd00:2::55 [port unreachable]",
    "Internet Protocol version 6 | Internet Control Message Protocol version 6 | In the error: Internet Protocol version 6 | In the error: User Datagram Protocol | In the error: Data",
  ],
  [
    "packet too big",
    ip6("3a", `02000000 00000500 ${ip6("11", "00350036").replace("0004", "000c")}`, SERVER + CLIENT),
    "icmpv6 2001:db8:56::1 → fd00:2::55 [packet too big] mtu=1280",
    "Internet Protocol version 6 | Internet Control Message Protocol version 6 | In the error: Internet Protocol version 6 | In the error: UDP (first bytes)",
  ],
  [
    "neighbor solicitation",
    ip6("3a", `87000000 00000000 ${SERVER}`),
    "icmpv6 fd00:2::55 → 2001:db8:56::1 [neighbor solicitation]",
    "Internet Protocol version 6 | Internet Control Message Protocol version 6 | Data",
  ],
  [
    "options before and after a fragment header",
    ip6("00", `2c00 0502 0000 0100 3c00 0001 00000007 1100 0104 00000000 ${UDP}`),
    "udp [fd00:2::55]:53 → [2001:db8:56::1]:54 [UDP] len=4",
    "Internet Protocol version 6 | Hop-by-hop options | Fragment header | Destination options | User Datagram Protocol | Data",
  ],
  [
    "later fragment",
    ip6("2c", "1100 05a8 00000007 61626364"),
    "udp fd00:2::55 → 2001:db8:56::1 [fragment of udp] offset=1448 len=4",
    "Internet Protocol version 6 | Fragment header | Data",
  ],
  [
    "routing header",
    ip6("2b", `1102 0001 00000000 ${CLIENT} ${UDP}`),
    "udp [fd00:2::55]:53 → [2001:db8:56::1]:54 [UDP] len=4",
    "Internet Protocol version 6 | Routing header | User Datagram Protocol | Data",
  ],
  [
    "authentication header",
    ip6("33", `1104 0000 00000005 00000009 000000000000000000000000 ${UDP}`),
    "udp [fd00:2::55]:53 → [2001:db8:56::1]:54 [UDP] len=4",
    "Internet Protocol version 6 | Authentication header | User Datagram Protocol | Data",
  ],
  [
    "nothing behind the header",
    ip6("3b", ""),
    "no next header fd00:2::55 → 2001:db8:56::1 [no next header] len=0",
    "Internet Protocol version 6",
  ],
  [
    "options that end beyond the packet",
    ip6("00", "1105 0104 00000000"),
    "hop-by-hop fd00:2::55 → 2001:db8:56::1 [hop-by-hop] len=8",
    "Internet Protocol version 6 | Data",
  ],
  ["cut short", "60000000 0000", "? ? → ? [not IP]", "Data"],
];

describe("a packet of IPv6 taken apart", () => {
  it.each(PACKETS)("%s", (_name, text, line, names) => {
    const layers = dissect(hex(text));
    expect(oneLine(hex(text))).toBe(line);
    expect(layers.map(({ name }) => name).join(" | ")).toBe(names);
    expect(JSON.stringify(layers)).not.toMatch(/undefined|NaN/);
  });

  it.each(PACKETS)("each field is inside its layer, and the layers cover: %s", (_name, text) => {
    const bytes = hex(text);
    const layers = dissect(bytes);
    for (const { at, length, fields } of layers)
      for (const field of fields)
        expect([field.name, field.at >= at && field.at + field.length <= at + length]).toEqual([field.name, true]);
    const ends = layers.map(({ at, length }) => at + length);
    expect([0, ...ends]).toEqual([...layers.map(({ at }) => at), bytes.length]);
  });

  const field = (text: string, layer: string, name: string): string | undefined =>
    dissect(hex(text))
      .find((each) => each.name === layer)
      ?.fields.find((each) => each.name === name)?.value;

  it.each([
    ["Internet Protocol version 6", "Traffic class", "0x12"],
    ["Internet Protocol version 6", "Flow label", "0x34567"],
    ["Internet Protocol version 6", "Next header", "HOP-BY-HOP (0)"],
    ["Hop-by-hop options", "Options", "router alert, padding"],
    ["Fragment header", "Flags", "more fragments"],
    ["Fragment header", "Identification", "0x00000007"],
    ["Destination options", "Next header", "UDP (17)"],
    ["User Datagram Protocol", "Checksum", "0x0000 (none)"],
  ])("%s, %s: %s", (layer, name, value) => {
    expect(field(PACKETS[6][1], layer, name)).toBe(value);
  });

  it("says whether checksums are right, with the pseudo header of the last destination", () => {
    const checksum = "Internet Control Message Protocol version 6";
    const right = ip6("3a", "80008f82 00070001 61626364");
    expect(field(right, checksum, "Checksum")).toBe("0x8f82 (correct)");
    expect(field(right.replace("61626364", "61626365"), checksum, "Checksum")).toBe("0x8f82 (wrong)");
    const onItsWay = ip6("2b", `3a02 0001 00000000 ${CLIENT} 8000c03a 00070001 61626364`);
    expect(field(onItsWay, checksum, "Checksum")).toBe("0xc03a (correct)");
    expect(field(ip6("2c", "3a00 0001 00000007 80008f82 00070001"), checksum, "Checksum")).toBe(
      "0x8f82 (not all bytes are here)",
    );
  });

  it("writes an address apart from its port", () => {
    expect([endpoint("fd00::1", 80), endpoint("fd00::1", null)]).toEqual(["[fd00::1]:80", "fd00::1"]);
  });
});
