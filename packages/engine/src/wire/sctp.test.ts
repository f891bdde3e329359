/** SCTP's checksum against published values of CRC32c (RFC 3720, B.4), which it is but for the hole in the header. */
import { expect, it } from "vitest";
import { get32 } from "./bytes.js";
import { SCTP_CHECKSUM, sctpChecksum, sctpChecksumOk, sctpSetChecksum } from "./sctp.js";

it.each([
  ["32 zeros", (): number => 0, 0xaa36918a],
  // As RFC 3720's vectors, but with bytes 8 to 11, where the checksum stands, zero.
  ["32 ones but for the hole", (i: number): number => (i >= 8 && i < 12 ? 0 : 0xff), null],
] as const)("%s", (_, byte, known) => {
  const packet = Uint8Array.from({ length: 32 }, (_, i) => byte(i));
  const sum = sctpChecksum(packet, 0, packet.length);
  if (known !== null) expect(sum).toBe(known);
  sctpSetChecksum(packet, 0, packet.length);
  expect(get32(packet, SCTP_CHECKSUM)).toBe(sum);
  expect(sctpChecksumOk(packet, 0, packet.length)).toBe(true);
  for (let i = 0; i < packet.length; i++) {
    packet[i] ^= 1;
    expect(sctpChecksumOk(packet, 0, packet.length)).toBe(false);
    packet[i] ^= 1;
  }
});

it("travels with its lowest byte first", () => {
  // 0x8a9136aa is the CRC32c of 32 zero bytes.
  const packet = new Uint8Array(32);
  packet.set([0xaa, 0x36, 0x91, 0x8a], SCTP_CHECKSUM);
  expect(sctpChecksumOk(packet, 0, packet.length)).toBe(true);
});
