/**
 * Bob Jenkins' lookup3 hash over 32-bit words (public domain, 2006), as the kernel uses it without a secret: to choose
 * an address from a pool, so that a client keeps its address from one boot to the next. Models `jhash2()`.
 */

/** The kernel's initial value. Models `JHASH_INITVAL`. */
const JHASH_INITVAL = 0xdeadbeef;

function rotateLeft(word: number, shift: number): number {
  return (word << shift) | (word >>> (32 - shift));
}

/** The hash of `words` (unsigned or signed 32-bit numbers), unsigned. */
export function jhash2(words: readonly number[], seed: number): number {
  let a = (JHASH_INITVAL + (words.length << 2) + seed) | 0;
  let b = a;
  let c = a;
  let at = 0;
  while (words.length - at > 3) {
    a = (a + words[at]) | 0;
    b = (b + words[at + 1]) | 0;
    c = (c + words[at + 2]) | 0;
    a = ((a - c) ^ rotateLeft(c, 4)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotateLeft(a, 6)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotateLeft(b, 8)) | 0;
    b = (b + a) | 0;
    a = ((a - c) ^ rotateLeft(c, 16)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotateLeft(a, 19)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotateLeft(b, 4)) | 0;
    b = (b + a) | 0;
    at += 3;
  }
  const left = words.length - at;
  if (left === 0) return c >>> 0;
  if (left > 2) c = (c + words[at + 2]) | 0;
  if (left > 1) b = (b + words[at + 1]) | 0;
  a = (a + words[at]) | 0;
  c = ((c ^ b) - rotateLeft(b, 14)) | 0;
  a = ((a ^ c) - rotateLeft(c, 11)) | 0;
  b = ((b ^ a) - rotateLeft(a, 25)) | 0;
  c = ((c ^ b) - rotateLeft(b, 16)) | 0;
  a = ((a ^ c) - rotateLeft(c, 4)) | 0;
  b = ((b ^ a) - rotateLeft(a, 14)) | 0;
  c = ((c ^ b) - rotateLeft(b, 24)) | 0;
  return c >>> 0;
}

/** Scales a 32-bit number to 0 .. range - 1. Models `reciprocal_scale()`. */
export function reciprocalScale(value: number, range: number): number {
  // The product may pass 2^53: take the upper half of the 64 bits from two products that do not.
  const low = (value & 0xffff) * range;
  return Math.floor(((value >>> 16) * range + low / 0x10000) / 0x10000);
}

/** An address as the kernel hashes it: its bytes in network order, read as a number of a little-endian machine. */
export function littleEndian(address: number): number {
  return (address << 24) | ((address & 0xff00) << 8) | ((address >>> 8) & 0xff00) | (address >>> 24);
}
