/** Header fields rewritten with their checksums, for the targets of the mangle table. */
import { get16, put16 } from "../wire/bytes.js";
import { checksumReplace2 } from "../wire/checksum.js";
import type { XtFamily } from "./extension.js";

/** Replaces a byte of the IP header. Models csum_replace2() on the word it is part of. */
export function putIpByte(data: Uint8Array, at: number, value: number): void {
  const word = at & ~1;
  const before = get16(data, word);
  data[at] = value;
  put16(data, 10, checksumReplace2(get16(data, 10), before, get16(data, word)));
}

/** Replaces the 16 bits at `at` of a TCP header that begins at `tcp`. Models inet_proto_csum_replace2(). */
export function putTcpWord(data: Uint8Array, tcp: number, at: number, value: number): void {
  const before = get16(data, at);
  put16(data, at, value);
  put16(data, tcp + 16, checksumReplace2(get16(data, tcp + 16), before, value));
}

/** Writes TOS or the traffic class, which no checksum covers in IPv6. Models ipv4_change_dsfield() and its twin. */
export function putTrafficClass(data: Uint8Array, family: XtFamily, value: number): void {
  if (family === "ipv4") putIpByte(data, 1, value);
  else {
    data[0] = (data[0] & 0xf0) | (value >> 4);
    data[1] = ((value & 0xf) << 4) | (data[1] & 0xf);
  }
}
