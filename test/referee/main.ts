/** The command `npm run referee`: see {@link HELP}. */
import { parseArgs } from "node:util";
import { BREAKS, breakEngine } from "./broken-engine.js";
import { fewBuckets } from "./buckets.js";
import { FrontDoor } from "./front-door.js";
import { KINDS } from "./kinds/index.js";
import type { Kind } from "./kinds/router.js";
import { KNOWN_DIFFERENCES } from "./known-differences.js";
import { thisMachine } from "./machine.js";
import { Pool } from "./pool.js";
import { type Finding, makeScenario, type RefereeOptions, referee, type Tally } from "./referee.js";
import { brokenResult, recordBroken, recordRun } from "./results.js";

const FRONT_DOOR = "node packages/lab/bin/netfilter-lab.mjs scenario --backend";

const LINUX = `${FRONT_DOOR} linux`;

const HELP = `npm run referee -- [options]

Makes scenarios, has the engine and the running kernel answer them, and compares bytes, events, table, counters and what
commands print. A line of JSON for each disagreement, with the least scenario that shows it; the last line sums up. Needs
root for the kernel. Exit status 1 where anything disagrees.

  --seed S          which scenarios (default 1); the same seed gives the same ones on every machine
  --packets N       at least so many packets of each kind (default 1000)
  --kind A,B        only these kinds
  --minimise M      make at most so many disagreements of a kind small (default 5); the others are named
  --break NAME      judge an engine that is broken on purpose (transition, checksum, timeout)
  --engine COMMAND  what answers as the engine (default: ${FRONT_DOOR} engine)
  --linux COMMAND   what answers as the kernel (default: ${LINUX})
  --kernels K       ask the kernel in K processes at once (default 1): kinds that wait hold up no others
  --record-results DIR  keep what was found in DIR (the site's page reads test/results); with the same seed it replaces
                    what was kept
  --date DAY        the day to keep with it (default: today), such as 2026-11-22
  --print           print the scenarios instead of asking anybody
  --help            this text

Kinds:
${KINDS.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join("\n")}

Breaks:
${BREAKS.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join("\n")}
`;

function number(text: string, what: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${what} ${text}: a whole number is wanted`);
  return Number(text);
}

function day(text: string): string {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) throw new Error(`--date ${text}: a day such as 2026-11-22 is wanted`);
  return text;
}

function options(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: "1" },
      packets: { type: "string", default: "1000" },
      kind: { type: "string" },
      minimise: { type: "string", default: "5" },
      break: { type: "string" },
      engine: { type: "string", default: `${FRONT_DOOR} engine` },
      linux: { type: "string", default: LINUX },
      kernels: { type: "string", default: "1" },
      "record-results": { type: "string" },
      date: { type: "string", default: new Date().toISOString().slice(0, 10) },
      print: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }).values;
}

function perSecond(packets: number, milliseconds: number): number {
  return milliseconds > 0 ? Math.round((packets * 1000) / milliseconds) : 0;
}

async function main(args: readonly string[]): Promise<number> {
  const given = options(args);
  if (given.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const names = given.kind?.split(",") ?? KINDS.map(({ name }) => name);
  const kinds = names.map((name) => {
    const kind = KINDS.find((each) => each.name === name);
    if (kind === undefined)
      throw new Error(`there is no kind "${name}"; there are ${KINDS.map((each) => each.name).join(", ")}`);
    return kind;
  });
  const seed = number(given.seed, "seed");
  const packets = number(given.packets, "packets");
  if (given.print) {
    for (const kind of kinds)
      for (let index = 0; index < packets; index++)
        process.stdout.write(`${JSON.stringify(makeScenario(kind, seed, index))}\n`);
    return 0;
  }
  const folder = given["record-results"];
  const made = { seed, date: day(given.date), ...thisMachine() };
  const buckets = given.linux === LINUX ? fewBuckets() : null;
  const broken = given.break === undefined ? null : breakEngine(".", given.break);
  const engine = new FrontDoor(
    broken === null ? given.engine.split(" ") : ["node", broken.bin, "scenario", "--backend", "engine"],
  );
  const kernels = Array.from(
    { length: Math.max(1, number(given.kernels, "kernels")) },
    () => new FrontDoor(given.linux.split(" ")),
  );
  try {
    let caught = false;
    const keeper: Keeper = {
      found(finding) {
        if (folder === undefined || broken === null || caught || finding.minimised === null) return;
        recordBroken(folder, brokenResult(broken.change, finding, made));
        caught = true;
      },
      judged(kind, tally) {
        if (folder !== undefined && broken === null) recordRun(folder, kind, { ...made, ...tally });
      },
    };
    return await run(kinds, { seed, packets, minimised: number(given.minimise, "minimise") }, engine, kernels, keeper);
  } finally {
    await Promise.all([engine, ...kernels].map((each) => each.close()));
    broken?.remove();
    await buckets?.restore();
  }
}

/** Told of what a run finds, to keep it. */
interface Keeper {
  found(finding: Finding): void;
  judged(kind: Kind, tally: Tally): void;
}

/** Runs the kinds one after another and sums up; gives the exit status. */
async function run(
  kinds: readonly Kind[],
  asked: Pick<RefereeOptions, "seed" | "packets" | "minimised">,
  engine: FrontDoor,
  kernels: readonly FrontDoor[],
  keeper: Keeper,
): Promise<number> {
  const linux = new Pool(kernels);
  const linuxBusy = (): number => kernels.reduce((sum, each) => sum + each.busyMilliseconds, 0);
  const tallies: Record<string, Tally & { readonly packetsPerSecond: Record<string, number> }> = {};
  const found = (finding: Finding): void => {
    process.stdout.write(`${JSON.stringify(finding)}\n`);
    keeper.found(finding);
  };
  for (const kind of kinds) {
    const before = [performance.now(), engine.busyMilliseconds, linuxBusy()];
    const tally = await referee(kind, { engine, linux, ...asked, found });
    keeper.judged(kind, tally);
    const [both, ours, theirs] = [performance.now(), engine.busyMilliseconds, linuxBusy()].map((now, at) =>
      perSecond(tally.packets, now - before[at]),
    );
    tallies[kind.name] = { ...tally, packetsPerSecond: { both, engine: ours, linux: theirs } };
    process.stderr.write(
      tally.notComparable === tally.scenarios
        ? `${kind.name}: not comparable, this kernel refuses it\n`
        : `${kind.name}: ${tally.packets} packets, ${tally.disagreeing} of ${tally.scenarios} disagree, ${both} packets/s\n`,
    );
  }
  const sum = (of: keyof Tally): number => Object.values(tallies).reduce((total, tally) => total + tally[of], 0);
  const disagreeing = sum("disagreeing");
  process.stdout.write(
    `${JSON.stringify({
      seed: asked.seed,
      packets: sum("packets"),
      scenarios: sum("scenarios"),
      agreeing: sum("agreeing"),
      disagreeing,
      unrepeated: sum("unrepeated"),
      notComparable: sum("notComparable"),
      packetsPerSecond: {
        engine: perSecond(sum("packets"), engine.busyMilliseconds),
        linux: perSecond(sum("packets"), linuxBusy()),
      },
      kinds: tallies,
      knownDifferences: KNOWN_DIFFERENCES.map(({ name }) => name),
    })}\n`,
  );
  return disagreeing > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`referee: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
