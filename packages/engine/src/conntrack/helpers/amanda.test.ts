import { expect, it } from "vitest";
import { readAmandaChannel } from "./amanda.js";

const ANSWER = "Amanda 2.4 REP HANDLE 1 SEQ 2\nCONNECT DATA 1100 MESG 60000 INDEX 0\nOPTIONS STATE 9\n";

it.each([
  ["DATA ", ANSWER, { offset: 43, length: 4, port: 1100 }],
  ["MESG ", ANSWER, { offset: 53, length: 5, port: 60_000 }],
  ["INDEX ", ANSWER, "broken"],
  // Beyond the line's end nothing counts.
  ["STATE ", ANSWER, null],
  // No more than five digits are read, and they wrap at 16 bits.
  ["DATA ", "CONNECT DATA 655371\n", { offset: 13, length: 5, port: 1 }],
  ["DATA ", "CONNECT DATA x\n", "broken"],
  ["DATA ", "CONNECT DATA 1100", null],
  ["DATA ", "connect DATA 1100\n", null],
])("%s in %j", (channel, text, expected) => {
  expect(readAmandaChannel(text, channel)).toEqual(expected);
});
