import { describe, expect, it } from "vitest";
import { synAckPassage, tcpPacket } from "../../test/passages.js";
import { dissect, oneLine } from "./dissect.js";
import { drawPacket } from "./packet.js";

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/** One packet of each kind; checksums are left at zero, they have a test of their own. */
const PACKETS: readonly (readonly [name: string, bytes: Uint8Array, line: string])[] = [
  [
    "echo request",
    hex("45000020 00014000 40010000 c0a80237 d9fe014c 0800f7fd 00010001 61626364"),
    "icmp 192.168.2.55 → 217.254.1.76 [echo request] id=1 seq=1",
  ],
  [
    "datagram",
    hex("45000020 00014000 40110000 c0a80237 d9fe014c 00350036 000c0000 61626364"),
    "udp 192.168.2.55:53 → 217.254.1.76:54 [UDP] len=4",
  ],
  [
    "port unreachable",
    hex(
      "45000038 00010000 40010000 d9fe014c c0a80237 03030000 00000000 45000020 00014000 40110000 c0a80237 d9fe014c 00350036 000c0000",
    ),
    "icmp 217.254.1.76 → 192.168.2.55 [port unreachable]",
  ],
  [
    "later fragment",
    hex("45000018 000120b9 40110000 c0a80237 d9fe014c 61626364"),
    "udp 192.168.2.55 → 217.254.1.76 [fragment of udp] offset=1480 len=4",
  ],
  [
    "other protocol",
    hex("45000018 00010000 402f0000 c0a80237 d9fe014c 61626364"),
    "gre 192.168.2.55 → 217.254.1.76 [gre] len=4",
  ],
  [
    "TCP cut short",
    hex("45000018 00010000 40060000 c0a80237 d9fe014c 00500051"),
    "tcp 192.168.2.55 → 217.254.1.76 [tcp] len=4",
  ],
  ["no IP", hex("70000000"), "? ? → ? [not IP]"],
  ["nothing", new Uint8Array(0), "? ? → ? [not IP]"],
];

describe("a packet taken apart", () => {
  it.each(PACKETS)("%s", (_name, bytes, line) => {
    expect(oneLine(bytes)).toBe(line);
    expect(JSON.stringify(dissect(bytes))).not.toMatch(/undefined|NaN/);
  });

  it("shows the packet inside an ICMP error", () => {
    const layers = dissect(PACKETS[2][1]);
    expect(layers.map(({ name }) => name)).toMatchInlineSnapshot(`
      [
        "Internet Protocol version 4",
        "Internet Control Message Protocol",
        "In the error: Internet Protocol version 4",
        "In the error: User Datagram Protocol",
      ]
    `);
    expect(layers[3].fields).toContainEqual({ name: "Source port", value: "53", at: 48, length: 2 });
  });

  it.each(PACKETS)("says where each field is: inside its layer, and the layers cover %s", (_name, bytes) => {
    const layers = dissect(bytes);
    for (const { at, length, fields } of layers)
      for (const field of fields)
        expect([field.name, field.at >= at && field.at + field.length <= at + length]).toEqual([field.name, true]);
    const ends = layers.map(({ at, length }) => at + length);
    expect(layers.map(({ at }) => at)).toEqual([0, ...ends.slice(0, -1)]);
  });

  it("says whether checksums are right", () => {
    const packet = tcpPacket("1.2.3.4", 1, "5.6.7.8", 2, 0x18, { data: "odd" });
    const checksums = (bytes: Uint8Array): string[] =>
      dissect(bytes).flatMap(({ fields }) =>
        fields.filter(({ name }) => name === "Checksum").map(({ value }) => value.slice(7)),
      );
    expect(checksums(packet)).toEqual(["(correct)", "(correct)"]);
    packet[41] ^= 1;
    expect(checksums(packet)).toEqual(["(correct)", "(wrong)"]);
    packet[8]--;
    expect(checksums(packet)).toEqual(["(wrong)", "(wrong)"]);
  });

  it("reads TCP options", () => {
    const packet = new Uint8Array(60);
    packet.set(tcpPacket("1.2.3.4", 1, "5.6.7.8", 2, 0x02));
    packet[3] = 60;
    packet[32] = 0xa0;
    packet.set(hex("020405b4 0402 080a 00000001 00000002 01 030307"), 40);
    expect(dissect(packet)[1].fields.at(-1)).toEqual({
      name: "Options",
      value: "mss 1460, sackOK, timestamps 1/2, nop, wscale 7",
      at: 40,
      length: 20,
    });
  });
});

describe("a packet before and after", () => {
  const { before, after } = synAckPassage();
  const drawing = drawPacket({
    title: "Packet 2 on gateway",
    before,
    beforeLabel: "in by eth1",
    after,
    afterLabel: "out by eth0",
  });

  it("is text with the changes marked", () => {
    expect(drawing.text).toMatchInlineSnapshot(`
      "Packet 2 on gateway
        in by eth1: tcp 217.254.1.76:443 → 193.157.56.3:50798 [SYN, ACK] seq=5000 ack=1001 len=0
        out by eth0: tcp 217.254.1.76:443 → 192.168.2.55:50798 [SYN, ACK] seq=5000 ack=1001 len=0

      Internet Protocol version 4
        Header length          20 bytes
        Type of service        0x00
        Total length           40 bytes
        Identification         0x1d94
        Flags                  don't fragment
        Fragment offset        0
      * Time to live           64                →  63
        Protocol               TCP (6)
      * Checksum               0x4851 (correct)  →  0x8012 (correct)
        Source address         217.254.1.76
      * Destination address    193.157.56.3      →  192.168.2.55

      Transmission Control Protocol
        Source port            443
        Destination port       50798
        Sequence number        5000
        Acknowledgment number  1001
        Header length          20 bytes
        Flags                  SYN, ACK (0x12)
        Window                 64240
      * Checksum               0x005c (correct)  →  0x371d (correct)
        Urgent pointer         0

      * changed on the way"
    `);
  });

  it("is HTML with the same changes marked", () => {
    const marked = [...(drawing.html ?? "").matchAll(/<span[^>]*>([^<]*)</g)].map(([, text]) => text);
    expect(marked).toEqual([
      "64",
      "63",
      "0x4851 (correct)",
      "0x8012 (correct)",
      "193.157.56.3",
      "192.168.2.55",
      "0x005c (correct)",
      "0x371d (correct)",
    ]);
  });

  it("is Mermaid", () => {
    expect(drawing.mermaid).toMatchInlineSnapshot(`
      "flowchart LR
        before["in by eth1<br/>tcp 217.254.1.76:443 → 193.157.56.3:50798 #91;SYN, ACK#93; seq=5000 ack=1001 len=0<br/>Time to live: 64<br/>Checksum: 0x4851 #40;correct#41;<br/>Destination address: 193.157.56.3<br/>Checksum: 0x005c #40;correct#41;"]
        after["out by eth0<br/>tcp 217.254.1.76:443 → 192.168.2.55:50798 #91;SYN, ACK#93; seq=5000 ack=1001 len=0<br/>Time to live: 63<br/>Checksum: 0x8012 #40;correct#41;<br/>Destination address: 192.168.2.55<br/>Checksum: 0x371d #40;correct#41;"]
        before --> after
      "
    `);
  });
});
