/**
 * tcpdump beside what the real one printed (recorded by test/kernel/commands-tcpdump.test.ts with UPDATE_RECORDINGS=1),
 * so that the comparison runs on machines without it as well.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { filters, printings } from "../../../../../test/kernel/commands-packets.ts";
import { filteredByLab, printedByLab, type TcpdumpRecording } from "../../../../../test/kernel/commands-tcpdump.ts";

const recorded = JSON.parse(
  readFileSync(new URL("../../../../../test/recordings/commands-tcpdump.json", import.meta.url), "utf8"),
) as TcpdumpRecording;

describe("tcpdump as the real one", () => {
  test.each(printings.map((words) => words.join(" ")))("tcpdump %s", (words) => {
    expect(printedByLab(words.split(" "))).toBe(recorded.printings[words]);
  });

  test.each(filters)("filter '%s'", (filter) => {
    expect(filteredByLab(filter)).toBe(recorded.filters[filter]);
  });
});
