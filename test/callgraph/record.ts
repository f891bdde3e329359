/** The command `npm run record:callgraph`: see {@link HELP}. */
import { mkdirSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { writeRecordings } from "./answers.js";
import type { GuestAnswer } from "./guest.js";
import { bootAndRun, MachineError, requirePrograms } from "./machine.js";
import { SCENARIOS } from "./scenarios.js";

const HELP = `npm run record:callgraph -- linux-image-*.deb...

Boots the kernel of each Debian package in an emulated machine, runs the scenarios of test/callgraph/scenarios.ts on it,
and writes the functions it called to test/recordings/callgraph/. A minute for each kernel; needs no root. What it takes
is in test/callgraph/README.md.
`;

/** A minute is usual; others may use the machine too. */
const PATIENCE_MILLISECONDS = 15 * 60 * 1000;

async function record(debianPackage: string): Promise<void> {
  // Seen from dist/, where this program is run.
  const at = (place: string): string => fileURLToPath(new URL(place, import.meta.url));
  const [folder, guest, recordings] = [
    at("../../../.cache/callgraph"),
    at("guest.mjs"),
    at("../../recordings/callgraph"),
  ];
  const lines = await bootAndRun(folder, debianPackage, guest, JSON.stringify(SCENARIOS), PATIENCE_MILLISECONDS);
  const answers = lines.map((line) => JSON.parse(line) as GuestAnswer);
  mkdirSync(recordings, { recursive: true });
  writeRecordings(recordings, answers);
  process.stdout.write(`Linux ${answers[0].release}: ${SCENARIOS.length} scenarios\n`);
}

const packages = process.argv.slice(2);
if (packages.length === 0 || packages.includes("--help")) {
  process.stdout.write(HELP);
  process.exitCode = packages.length === 0 ? 2 : 0;
} else
  try {
    requirePrograms();
    for (const each of packages) await record(each);
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    process.stderr.write(`record:callgraph: ${error.message}\n`);
    process.exitCode = 1;
  }
