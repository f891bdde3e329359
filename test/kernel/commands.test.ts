/**
 * The lab's commands beside the real tools on the machine's own Linux. With UPDATE_RECORDINGS=1 the real answers are
 * also written to test/recordings, where the unit tests find them on machines without root.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Lab } from "netfilter-lab";
import { describe, expect, test } from "vitest";
import { scenarios6 } from "./commands-ipv6.ts";
import { runInLab, runOnLinux, transcript, whyNoKernel } from "./commands-runner.ts";
import { scenarios } from "./commands-scenarios.ts";

const missing = whyNoKernel();
if (missing !== null && process.env.CI !== undefined) throw new Error(`the kernel cannot be asked: ${missing}`);

describe.skipIf(missing !== null)(
  `commands print what Linux prints${missing === null ? "" : ` (skipped: ${missing})`}`,
  () => {
    const corpora = [
      ["commands.linux-6.18.json", scenarios],
      ["commands-ipv6.linux-6.18.json", scenarios6],
    ] as const;
    describe.each(corpora)("%s", (file, scenarios) => {
      const recorded: Record<string, string> = {};
      test.each(scenarios)(
        "$name",
        async (scenario) => {
          const real = transcript(runOnLinux(scenario), scenario);
          recorded[scenario.name] = real;
          expect(transcript(await runInLab(scenario), scenario)).toBe(real);
        },
        120_000,
      );

      // None unless asked for: a skipped test is a failure on CI.
      const recordings = process.env.UPDATE_RECORDINGS === "1" ? [file] : [];
      test.each(recordings)("%s is written", (name) => {
        writeFileSync(new URL(`../recordings/${name}`, import.meta.url), `${JSON.stringify(recorded, null, 2)}\n`);
        expect(Object.keys(recorded)).toHaveLength(scenarios.length);
      });
    });
  },
);

const noTshark = spawnSync("tshark", ["--version"]).status !== 0;
if (noTshark && process.env.CI !== undefined) throw new Error("needs the Debian package tshark");

test.skipIf(noTshark)("Wireshark reads a capture, with no checksum or length in doubt", async () => {
  const lab = await Lab.create({
    hosts: { a: { eth0: "10.0.0.1/24" }, b: { eth0: "10.0.0.2/24" } },
    links: [["a.eth0", "b.eth0"]],
  });
  const capture = lab.capture("a.eth0");
  const server = lab.hosts.b.start`nc -l -p 80`;
  await lab.hosts.a.sh`nc -N 10.0.0.2 80 <<< hello; ping -c 1 10.0.0.2; nc -u -w 1 10.0.0.2 99 <<< hi`;
  expect(server.done).toBe(true);
  const folder = mkdtempSync(path.join(tmpdir(), "netfilter-lab-"));
  const file = path.join(folder, "a.pcap");
  writeFileSync(file, capture.pcap);
  const checks = ["ip", "tcp", "udp"].flatMap((each) => ["-o", `${each}.check_checksum:TRUE`]);
  const fields = [
    "frame.protocols",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "_ws.expert.severity",
  ];
  const read = spawnSync(
    "tshark",
    ["-r", file, ...checks, "-T", "fields", ...fields.flatMap((field) => ["-e", field])],
    { encoding: "utf8" },
  );
  rmSync(folder, { recursive: true });
  const rows = read.stdout.trimEnd().split("\n");
  expect(rows, read.stderr).toHaveLength(capture.count);
  // 1 is "Good"; a severity of warning or worse would be 6291456 or more.
  for (const row of rows) {
    const [protocols, ip, tcp, udp, severity] = row.split("\t");
    expect(protocols).toMatch(/^eth:ethertype:ip:(tcp|udp|icmp)/);
    expect([ip, tcp, udp].flatMap((each) => (each === "" || each === undefined ? [] : each.split(",")))).not.toContain(
      "0",
    );
    expect((severity ?? "").split(",").every((each) => each === "" || Number(each) < 6291456)).toBe(true);
  }
});
