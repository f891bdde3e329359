/**
 * A pcap file as it grows: what tcpdump writes to a pipe, record by record. Little or big endian, micro- or
 * nanoseconds.
 */
import type { PcapRecord } from "../pcap.js";

const FILE_HEADER_LENGTH = 24;
const RECORD_HEADER_LENGTH = 16;

export class PcapStream {
  /** The link type of the file's header; null before it came. */
  linkType: number | null = null;
  #pending: Uint8Array = new Uint8Array(0);
  #littleEndian = true;
  #nanoseconds = false;

  /** Takes the next bytes, and gives the records that are complete now. Throws for what is no pcap file. */
  push(chunk: Uint8Array): PcapRecord[] {
    const bytes = new Uint8Array(this.#pending.length + chunk.length);
    bytes.set(this.#pending);
    bytes.set(chunk, this.#pending.length);
    const view = new DataView(bytes.buffer);
    const records: PcapRecord[] = [];
    let at = 0;
    if (this.linkType === null) {
      if (bytes.length < FILE_HEADER_LENGTH) {
        this.#pending = bytes;
        return records;
      }
      const magic = view.getUint32(0, true);
      this.#littleEndian = magic === 0xa1b2c3d4 || magic === 0xa1b23c4d;
      const normal = view.getUint32(0, this.#littleEndian);
      if (normal !== 0xa1b2c3d4 && normal !== 0xa1b23c4d) throw new Error("not a pcap file");
      this.#nanoseconds = normal === 0xa1b23c4d;
      this.linkType = view.getUint32(20, this.#littleEndian);
      at = FILE_HEADER_LENGTH;
    }
    while (bytes.length >= at + RECORD_HEADER_LENGTH) {
      const length = view.getUint32(at + 8, this.#littleEndian);
      const end = at + RECORD_HEADER_LENGTH + length;
      if (bytes.length < end) break;
      const fraction = view.getUint32(at + 4, this.#littleEndian);
      const atMicros =
        view.getUint32(at, this.#littleEndian) * 1_000_000 +
        (this.#nanoseconds ? Math.floor(fraction / 1000) : fraction);
      records.push({ atMicros, frame: bytes.slice(at + RECORD_HEADER_LENGTH, end) });
      at = end;
    }
    this.#pending = bytes.slice(at);
    return records;
  }
}
