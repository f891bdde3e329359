/** The transition table, by the chunk that moves it; the referee's kinds try all of it against Linux. */
import { describe, expect, it } from "vitest";
import { SCTP_CONNTRACKS, SCTP_DEFAULT_TIMEOUTS, SCTP_STATE_NAMES } from "./proto-sctp.js";

const ROWS = [
  "INIT",
  "INIT_ACK",
  "ABORT",
  "SHUTDOWN",
  "SHUTDOWN_ACK",
  "ERROR",
  "COOKIE_ECHO",
  "COOKIE_ACK",
  "SHUTDOWN_COMPLETE",
  "HEARTBEAT",
  "HEARTBEAT_ACK",
];

function after(direction: 0 | 1, chunk: string, state: string): string {
  const place = (direction * ROWS.length + ROWS.indexOf(chunk)) * SCTP_STATE_NAMES.length;
  return SCTP_STATE_NAMES[SCTP_CONNTRACKS[place + SCTP_STATE_NAMES.indexOf(state)]] ?? "invalid";
}

describe("transitions", () => {
  it.each([
    [0, "INIT", "NONE", "CLOSED"],
    [1, "INIT_ACK", "CLOSED", "COOKIE_WAIT"],
    [0, "COOKIE_ECHO", "COOKIE_WAIT", "COOKIE_ECHOED"],
    [1, "COOKIE_ACK", "COOKIE_ECHOED", "ESTABLISHED"],
    [0, "SHUTDOWN", "ESTABLISHED", "SHUTDOWN_SENT"],
    [1, "SHUTDOWN_ACK", "SHUTDOWN_SENT", "SHUTDOWN_ACK_SENT"],
    [0, "SHUTDOWN_COMPLETE", "SHUTDOWN_ACK_SENT", "CLOSED"],
    [1, "SHUTDOWN", "ESTABLISHED", "SHUTDOWN_RECD"],
    [1, "ERROR", "COOKIE_ECHOED", "CLOSED"],
    [0, "HEARTBEAT", "NONE", "HEARTBEAT_SENT"],
    [1, "HEARTBEAT_ACK", "HEARTBEAT_SENT", "ESTABLISHED"],
    [1, "INIT", "NONE", "invalid"],
    [1, "INIT_ACK", "HEARTBEAT_SENT", "invalid"],
  ] as const)("direction %i, %s in %s: %s", (direction, chunk, state, expected) => {
    expect(after(direction, chunk, state)).toBe(expected);
  });

  it("has a place for every chunk and state in both directions", () => {
    expect(SCTP_CONNTRACKS).toHaveLength(2 * ROWS.length * SCTP_STATE_NAMES.length);
    expect(SCTP_DEFAULT_TIMEOUTS).toHaveLength(SCTP_STATE_NAMES.length);
  });
});
