/**
 * Arithmetic on TCP's 32-bit sequence numbers, which wrap around. Models `before()` and `after()`, include/net/tcp.h.
 */

/** Whether a precedes b. */
export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Whether a follows b. */
export function after(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** The number `n` after a sequence number; `n` may be negative. Unsigned. */
export function seqAdd(seq: number, n: number): number {
  return (seq + n) >>> 0;
}
