import { expect, it } from "vitest";
import { readSanePort } from "./sane.js";

/** What Linux's helper makes of answers to NET_START. */
it.each<readonly [string, readonly number[], number | null]>([
  ["a port", [0, 0, 0, 0, 0, 0, 0x19, 0xa7], 6567],
  ["a port, and the byte order and resource behind it", [0, 0, 0, 0, 0, 0, 0x19, 0xa7, 0, 0, 0x12, 0x34], 6567],
  ["the port 0", [0, 0, 0, 0, 0, 0, 0, 0], 0],
  ["a refusal", [0, 0, 0, 5, 0, 0, 0x19, 0xa7], null],
  ["a port of more than 16 bits", [0, 0, 0, 0, 0, 1, 0x19, 0xa7], null],
  ["too little", [0, 0, 0, 0, 0, 0, 0x19], null],
])("%s", (_name, answer, expected) => {
  const data = Uint8Array.of(9, 9, ...answer);
  expect(readSanePort(data, 2, answer.length)).toBe(expected);
});
