/** Big-endian reads and writes; the caller has checked the bounds. */

export function get16(data: Uint8Array, offset: number): number {
  return (data[offset] << 8) | data[offset + 1];
}

/** As an unsigned number. */
export function get32(data: Uint8Array, offset: number): number {
  return ((data[offset] << 24) | (data[offset + 1] << 16) | (data[offset + 2] << 8) | data[offset + 3]) >>> 0;
}

/**
 * The same bits as a signed number: for the path of every packet. V8 keeps it without an object wherever it goes, an
 * unsigned one only while the function that reads it is inlined.
 */
export function getInt32(data: Uint8Array, offset: number): number {
  return (data[offset] << 24) | (data[offset + 1] << 16) | (data[offset + 2] << 8) | data[offset + 3];
}

/** Writes the low 16 bits in network byte order. */
export function put16(data: Uint8Array, offset: number, value: number): void {
  data[offset] = value >>> 8;
  data[offset + 1] = value;
}

/** Writes 32 bits in network byte order. */
export function put32(data: Uint8Array, offset: number, value: number): void {
  data[offset] = value >>> 24;
  data[offset + 1] = value >>> 16;
  data[offset + 2] = value >>> 8;
  data[offset + 3] = value;
}
