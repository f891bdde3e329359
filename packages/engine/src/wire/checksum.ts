/** The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3). */

/** One's-complement sum of `length` bytes at `offset`, added to `sum`, folded to 16 bits; not complemented. */
export function checksumPartial(data: Uint8Array, offset: number, length: number, sum = 0): number {
  let total = sum;
  const even = offset + (length & ~1);
  // No packet is so long that the sum would not fit 32 bits, and `| 0` saves asking each time.
  for (let i = offset; i < even; i += 2) total = (total + ((data[i] << 8) | data[i + 1])) | 0;
  if (length & 1) total = (total + (data[even] << 8)) | 0;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** Complements a folded sum: the value that goes on the wire. Models `csum_fold()`. */
export function checksumFold(sum: number): number {
  let total = sum;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

/** The sum of TCP's and UDP's IPv4 pseudo header. Models `csum_tcpudp_nofold()`. */
export function pseudoHeaderSum(src: number, dst: number, protocol: number, length: number): number {
  return halves(src) + halves(dst) + protocol + length;
}

/**
 * What a 16-bit word's change from `before` to `after` adds to the sum that a checksum is the complement of: ~m + m'.
 */
export function checksumDelta2(before: number, after: number): number {
  return (~before & 0xffff) + after;
}

/** {@link checksumDelta2} for an aligned 32-bit word. */
export function checksumDelta4(before: number, after: number): number {
  return halves(~before) + halves(after);
}

/** The two halves of a word added up. */
function halves(word: number): number {
  return (word & 0xffff) + (word >>> 16);
}

/** The checksum after changes of the covered data that add up to `delta`: HC' = ~(~HC + delta). */
export function checksumAdjust(checksum: number, delta: number): number {
  return ~halves(halves((~checksum & 0xffff) + delta)) & 0xffff;
}

/**
 * The checksum after a 16-bit word of the covered data changed from `before` to `after`: HC' = ~(~HC + ~m + m').
 * Models `csum_replace2()`.
 */
export function checksumReplace2(checksum: number, before: number, after: number): number {
  return checksumAdjust(checksum, checksumDelta2(before, after));
}

/** {@link checksumReplace2} for an aligned 32-bit word. Models `csum_replace4()`. */
export function checksumReplace4(checksum: number, before: number, after: number): number {
  return checksumAdjust(checksum, checksumDelta4(before, after));
}
