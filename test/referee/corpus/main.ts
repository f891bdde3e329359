/** The command `npm run record`: see {@link HELP}. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { withDraws } from "../draws.js";
import { FrontDoor } from "../front-door.js";
import { thisMachine } from "../machine.js";
import { Pool } from "../pool.js";
import { branchCoverage } from "./branch-coverage.js";
import { GROUPS, NOT_YET } from "./index.js";
import { REFERENCE_KERNEL, type Recorded, readRecording, recordingPath, writeRecording } from "./recording.js";
import { type Change, refresh } from "./refresh.js";
import { allRecorded, knownDifferences, summary } from "./summary.js";
import { tcpCoverage } from "./tcp-coverage.js";

const HELP = `npm run record -- [options]

Asks the running kernel all recorded scenarios anew, writes test/recordings and says what changed. Needs root. Exit
status 1 where the engine answers otherwise than the kernel.

  --group A,B   only these groups
  --into DIR    write there (another kernel than ${REFERENCE_KERNEL} is recorded nowhere else)
  --coverage    ask nobody: tell which cells of the TCP table and which branches of the engine the recordings pass
  --date DAY    the day to write down (default: today), such as 2026-11-22
  --help        this text

Groups:
${GROUPS.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join("\n")}
`;

const RECORDINGS = "test/recordings";
/** Figures for the site's page. */
const RESULTS = "test/results";

/** Kernels asked at once: scenarios that wait hold up no others. */
const KERNELS = 3;

const door = (backend: string): FrontDoor =>
  new FrontDoor(["node", "packages/lab/bin/netfilter-lab.mjs", "scenario", "--backend", backend]);

function keep(name: string, value: unknown): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, name), `${JSON.stringify(value, null, 2)}\n`);
}

function percent(covered: number, total: number): string {
  return `${total === 0 ? "100.0" : ((100 * covered) / total).toFixed(1)} % (${covered} of ${total})`;
}

/** Prints and keeps what the recordings pass through. */
async function tellCoverage(): Promise<void> {
  const replayed = allRecorded(RECORDINGS)
    .filter(({ scenario, linux }) => !(scenario.name in NOT_YET) && linux.error === undefined)
    .map(({ scenario }) => withDraws(scenario, scenario.random ?? []));
  const tcp = await tcpCoverage(".", replayed);
  process.stdout.write(`cells of the TCP table: ${percent(tcp.read, tcp.reachable)} of those that can be reached\n`);
  for (const cell of tcp.missing) process.stdout.write(`  not reached: ${cell}\n`);
  for (const [why, cells] of Object.entries(tcp.unreachable))
    process.stdout.write(`  ${cells} cannot be reached: ${why}\n`);
  keep("coverage.json", { tcp });
  const branches = branchCoverage(process.cwd());
  process.stdout.write("branches of the engine:\n");
  for (const [folder, { covered, total }] of Object.entries(branches))
    process.stdout.write(`  ${folder.padEnd(18)}${percent(covered, total)}\n`);
  keep("coverage.json", { tcp, branches });
}

async function main(args: readonly string[]): Promise<number> {
  const given = parseArgs({
    args: [...args],
    options: {
      group: { type: "string" },
      into: { type: "string", default: RECORDINGS },
      date: { type: "string", default: new Date().toISOString().slice(0, 10) },
      coverage: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }).values;
  if (given.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (given.coverage) {
    await tellCoverage();
    return 0;
  }
  const machine = thisMachine();
  if (given.into === RECORDINGS && !machine.kernel.startsWith(`${REFERENCE_KERNEL}.`))
    throw new Error(`recordings are Linux ${REFERENCE_KERNEL}'s, and this is ${machine.kernel}: say --into DIR`);
  const names = given.group?.split(",") ?? GROUPS.map(({ name }) => name);
  const groups = names.map((name) => {
    const found = GROUPS.find((each) => each.name === name);
    if (found === undefined)
      throw new Error(`there is no group "${name}"; there are ${GROUPS.map((each) => each.name).join(", ")}`);
    return found;
  });
  const engine = door("engine");
  const kernels = Array.from({ length: KERNELS }, () => door("linux"));
  const linux = new Pool(kernels);
  let disagreeing = 0;
  for (const { name, about, scenarios } of groups) {
    const before = readRecording(recordingPath(RECORDINGS, name));
    const answers = await refresh(engine, linux, scenarios(), before?.recorded ?? []);
    const counts: Partial<Record<Change, number>> = {};
    for (const { name: scenario, change, difference } of answers) {
      counts[change] = (counts[change] ?? 0) + 1;
      if (change !== "same" && change !== "new") process.stdout.write(`${name}: ${change}: ${scenario}\n`);
      if (difference === null || scenario in NOT_YET) continue;
      disagreeing++;
      process.stdout.write(`${name}: the engine differs: ${scenario}: ${JSON.stringify(difference)}\n`);
    }
    const recorded = answers.flatMap((each): Recorded[] => (each.recorded === null ? [] : [each.recorded]));
    writeRecording(recordingPath(given.into, name), {
      heading: { group: name, about, ...machine, date: given.date },
      recorded,
    });
    const told = Object.entries(counts).map(([change, count]) => `${count} ${change}`);
    process.stdout.write(`${name}: ${recorded.length} scenarios, ${told.join(", ")}\n`);
  }
  await Promise.all([engine, ...kernels].map((each) => each.close()));
  if (given.into === RECORDINGS) {
    keep("recordings.json", summary(RECORDINGS));
    keep("known-differences.json", knownDifferences());
  }
  return disagreeing > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`record: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
