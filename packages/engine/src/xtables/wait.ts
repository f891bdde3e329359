/**
 * The numbers behind `-w` and `-W`, of iptables and iptables-restore alike. Nobody else holds the lock here, so there
 * is nothing to wait for; what is no number is refused as the tools refuse it.
 */
import { ParameterProblem } from "./error.js";

/** What the tools say of `-W` whenever it is given. */
export const WAIT_INTERVAL_NOTICE = "Ignoring deprecated --wait-interval option.\n";

/** The number that a text begins with, as sscanf("%i") reads it into 32 bits; undefined where it begins with none. */
function scan(text: string): number | undefined {
  const [, sign, digits] = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(sign === "-" ? -Number(digits) : digits) | 0;
}

/** Checks the seconds of `-w`. Models parse_wait_time(), iptables/xshared.c. */
export function checkWaitSeconds(text: string): void {
  if (scan(text) === undefined) throw new ParameterProblem("wait seconds not numeric");
}

/** Checks the microseconds of `-W`; null where none follow. Models parse_wait_interval(). */
export function checkWaitInterval(text: string | null): void {
  if (text === null) throw new ParameterProblem("wait interval value required");
  const usec = scan(text);
  if (usec === undefined) throw new ParameterProblem("wait interval not numeric");
  if (usec > 999999) throw new ParameterProblem(`too long usec wait ${usec} > 999999 usec`);
}
