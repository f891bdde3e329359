/**
 * The pcap file format (version 2.4, microseconds, little endian), as Wireshark and tcpdump read it.
 * Packets are Ethernet frames (DLT_EN10MB) or, for devices without link layer, raw IP (DLT_RAW).
 */

export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;

const MAGIC = 0xa1b2c3d4;
const FILE_HEADER_LENGTH = 24;
const RECORD_HEADER_LENGTH = 16;

/** One captured frame. */
export interface PcapRecord {
  /** Microseconds since 1970 (UTC). */
  readonly atMicros: number;
  readonly frame: Uint8Array;
}

/** The bytes of a pcap file. */
export function writePcap(linkType: number, records: readonly PcapRecord[], snapLength = 262144): Uint8Array {
  const size = records.reduce(
    (sum, record) => sum + RECORD_HEADER_LENGTH + Math.min(record.frame.length, snapLength),
    FILE_HEADER_LENGTH,
  );
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, snapLength, true);
  view.setUint32(20, linkType, true);
  let at = FILE_HEADER_LENGTH;
  for (const { atMicros, frame } of records) {
    const kept = frame.subarray(0, snapLength);
    view.setUint32(at, Math.floor(atMicros / 1_000_000), true);
    view.setUint32(at + 4, atMicros % 1_000_000, true);
    view.setUint32(at + 8, kept.length, true);
    view.setUint32(at + 12, frame.length, true);
    file.set(kept, at + RECORD_HEADER_LENGTH);
    at += RECORD_HEADER_LENGTH + kept.length;
  }
  return file;
}
