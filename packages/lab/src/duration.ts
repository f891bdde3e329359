/** Durations as people write them. */

const MICROS: Readonly<Record<string, number>> = {
  us: 1,
  µs: 1,
  ms: 1000,
  s: 1_000_000,
  m: 60_000_000,
  min: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
};

/**
 * Microseconds of `"120s"`, `"1.5ms"`, `"2min"`, `"1h"`, `"5d"`, or of a number of seconds. Throws a `RangeError` that
 * shows the text.
 */
export function parseDuration(duration: string | number): number {
  if (typeof duration === "number") {
    if (!Number.isFinite(duration) || duration < 0) throw new RangeError(`${duration} is not a duration in seconds`);
    return Math.round(duration * 1_000_000);
  }
  const match = /^\s*(\d+(?:\.\d*)?|\.\d+)\s*(us|µs|ms|s|min|m|h|d)?\s*$/.exec(duration);
  if (match === null) throw new RangeError(`"${duration}" is not a duration (write "120s", "1ms", "2min", "1h", "5d")`);
  return Math.round(Number(match[1]) * MICROS[match[2] ?? "s"]);
}
