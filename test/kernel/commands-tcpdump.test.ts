/**
 * The real tcpdump prints and filters the packets of commands-packets.ts from a capture file; the lab does the same.
 * With UPDATE_RECORDINGS=1 the real answers are also written to test/recordings, for machines without tcpdump.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LINKTYPE_ETHERNET, writePcap } from "../../packages/lab/src/pcap.ts";
import { filters, packets, printings } from "./commands-packets.ts";
import { atMicros, filteredByLab, header, printedByLab, type TcpdumpRecording } from "./commands-tcpdump.ts";

const missing = spawnSync("tcpdump", ["--version"]).status !== 0;
if (missing && process.env.CI !== undefined) throw new Error("needs the Debian package tcpdump");

describe.skipIf(missing)("tcpdump prints and filters as the real one", () => {
  let folder = "";
  const recorded: TcpdumpRecording = { printings: {}, filters: {} };

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "netfilter-lab-"));
    const records = packets.map((packet, index) => ({
      atMicros: atMicros(index),
      frame: Uint8Array.from([...header, ...packet]),
    }));
    writeFileSync(path.join(folder, "all.pcap"), writePcap(LINKTYPE_ETHERNET, records));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  function tcpdump(...args: readonly string[]): { stdout: string; stderr: string; status: number | null } {
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", TZ: "UTC" };
    return spawnSync("tcpdump", ["-r", path.join(folder, "all.pcap"), ...args], { encoding: "latin1", env });
  }

  test.each(printings.map((words) => words.join(" ")))("tcpdump %s", (words) => {
    const real = tcpdump(...words.split(" ")).stdout;
    recorded.printings[words] = real;
    expect(printedByLab(words.split(" "))).toBe(real);
  });

  test.each(filters)("filter '%s'", (filter) => {
    const { stdout, stderr } = tcpdump("-n", "-tt", "-q", filter);
    const lines = stdout.split("\n").filter((line) => /^\d+\.\d{6} /.test(line));
    const numbers = lines.map((line) => (Number(line.split(" ")[0].split(".")[1]) - (atMicros(0) % 1_000_000)) / 1500);
    const error = /^tcpdump: .*$/m.exec(stderr)?.[0];
    const real = error ?? numbers.join(" ");
    recorded.filters[filter] = real;
    expect(filteredByLab(filter)).toBe(real);
  });

  // None unless asked for: a skipped test is a failure on CI.
  const recordings = process.env.UPDATE_RECORDINGS === "1" ? ["commands-tcpdump.json"] : [];
  test.each(recordings)("%s is written", (name) => {
    const file = new URL(`../recordings/${name}`, import.meta.url);
    writeFileSync(file, `${JSON.stringify(recorded, null, 2)}\n`);
    expect(Object.keys(recorded.printings)).toHaveLength(printings.length);
  });
});
