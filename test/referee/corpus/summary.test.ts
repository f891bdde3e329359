/** What the site's page tells of the recordings is what they are. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { KINDS } from "../kinds/index.js";
import { allRecorded, knownDifferences, summary } from "./summary.js";
import type { TcpCoverage } from "./tcp-coverage.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const kept = (name: string): unknown => JSON.parse(readFileSync(`${root}/test/results/${name}`, "utf8"));
const recorded = allRecorded(`${root}/test/recordings`);

it("test/results has the figures of the recordings: npm run record writes them", () => {
  expect(kept("recordings.json")).toEqual(summary(`${root}/test/recordings`));
  expect(kept("known-differences.json")).toEqual(knownDifferences());
});

it.each(KINDS.map(({ name }) => name))(
  "some of the kind %s are recorded: npm run record -- --group generators",
  (kind) => {
    expect(recorded.filter(({ scenario }) => scenario.name.startsWith(`${kind} seed `)).length).toBeGreaterThan(0);
  },
);

it("every cell of the TCP table that can be reached was read: npm run record -- --coverage", () => {
  const { tcp } = kept("coverage.json") as { tcp: TcpCoverage };
  expect(tcp.missing).toEqual([]);
  expect(tcp.read).toBe(tcp.reachable);
});
