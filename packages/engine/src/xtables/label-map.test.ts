import { expect, test } from "vitest";
import { LABEL_FILE } from "../../test/label-file.js";
import { LabelMap } from "./label-map.js";

// What libnetfilter_conntrack 1.0.9 makes of such a file was asked of iptables 1.8.9 (test/kernel/connlabel.test.ts).
const map = new LabelMap(LABEL_FILE);

test.each([
  ["zero", 0],
  ["web", 1],
  ["two words", 2],
  ["two", undefined],
  ["indented", 5],
  ["seven", undefined],
  ["hex", 8],
  ["octal", 56],
  ["plus", 60],
  ["minus", undefined],
  ["x glued", 64],
  ["greatest", 1023],
  ["beyond", undefined],
  ["again", undefined],
  ["under_score", undefined],
  ["a-b", 12],
  ["last", 127],
  ["over", 128],
  ["5", 10],
] as const)("%j is %s", (name, number) => {
  expect(map.numberOf(name)).toBe(number);
  if (number !== undefined) expect(map.nameOf(number)).toBe(name);
});

test("a number whose name another has, or that has none, has no name", () => {
  expect([3, 6, 7].map((number) => map.nameOf(number))).toEqual([undefined, undefined, undefined]);
});
