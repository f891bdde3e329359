/**
 * The decimal number at a text's beginning, 64 bits without a sign; one with a minus counts from the other end, and 0
 * is none. Models `strtoull(3)` with base 10.
 */
export function strtoull(text: string): bigint {
  const [, sign, digits] = /^\s*([+-]?)(\d+)/.exec(text) ?? [undefined, "", "0"];
  const value = BigInt(digits);
  if (value !== BigInt.asUintN(64, value)) return 2n ** 64n - 1n;
  return sign === "-" ? BigInt.asUintN(64, -value) : value;
}
