import { expect, it } from "vitest";
import { globbing } from "./glob.js";

it.each([
  ["eth*", "", "eth0.1", true],
  ["eth*", ".", "eth0.1", false],
  ["eth?", "", "eth0", true],
  ["eth?", "", "eth", false],
  ["*", ".", "", true],
  ["[el]*", "", "lo", true],
  ["[!el]*", "", "lo", false],
  ["[^el]*", "", "lo", false],
  ["[a-f]o", "", "lo", false],
  ["[]x]", "", "]", true],
  ["a.b", "", "axb", false],
  ["a\\", "", "a\\", true],
  ["(x)+", "", "(x)+", true],
  ["[lo", "", "[lo", true],
  ["[z-a]", "", "m", false],
])("%s (not over %j) fits %s: %s", (pattern, between, text, fits) => {
  expect(globbing(pattern, between)(text)).toBe(fits);
});
