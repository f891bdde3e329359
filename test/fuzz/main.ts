/** The command `npm run fuzz`: see {@link HELP}. */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { minimise } from "../referee/minimise.js";
import type { Scenario } from "../referee/scenario.js";
import { type Found, fuzz } from "./fuzz.js";
import { runChecked, TARGETS } from "./targets.js";

type Name = keyof typeof TARGETS;
const NAMES = Object.keys(TARGETS) as Name[];

const HELP = `npm run fuzz -- [options]

Feeds the engine and the lab's parsers with what nobody sane would send, and looks whether an exception escapes that is no
error of ours, a table contradicts itself, an input never ends or takes all memory. A line of JSON for each finding, with
a small input that shows it; the last line sums up. Exit status 1 where anything is found.

  --seed S        which inputs (default: a new one, printed); the same seed gives the same ones on every machine
  --packets N     so many spoilt packets (default 100000)
  --inputs N      so many inputs of each other target (default 10000)
  --only A,B      only these targets
  --seconds S     how long one input may take (default 20)
  --memory M      how many MiB the worker may take (default 1024)
  --help          this text

Targets:
${NAMES.map((name) => `  ${name.padEnd(16)}${TARGETS[name].about}`).join("\n")}
`;

function number(text: string, what: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${what} ${text}: a whole number is wanted`);
  return Number(text);
}

/** What failed, without the places in files. */
function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split("\n")[0];
}

/** The least scenario that fails with the same words. */
async function smaller({ target, message, input }: Found): Promise<unknown> {
  if (target !== "packets" || input === null) return input;
  const fails = (scenario: Scenario): string | null => {
    try {
      runChecked(scenario);
      return null;
    } catch (error) {
      return firstLine(error);
    }
  };
  const scenario = input as Scenario;
  const why = fails(scenario);
  if (why === null || !message.includes(why)) return input;
  return minimise(scenario, async (candidate) => fails(candidate) === why);
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      packets: { type: "string", default: "100000" },
      inputs: { type: "string", default: "10000" },
      only: { type: "string" },
      seconds: { type: "string", default: "20" },
      memory: { type: "string", default: "1024" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const seed = values.seed === undefined ? randomInt(2 ** 31) : number(values.seed, "seed");
  const chosen = values.only?.split(",") ?? NAMES;
  for (const name of chosen)
    if (!NAMES.includes(name as Name)) throw new Error(`--only ${name}: not one of ${NAMES.join(", ")}`);
  const limits = { seconds: number(values.seconds, "seconds"), mebibytes: number(values.memory, "memory") };
  const amounts = { packets: number(values.packets, "packets"), inputs: number(values.inputs, "inputs") };
  console.error(`seed ${seed}`);
  const results: Record<string, unknown> = {};
  let count = 0;
  for (const name of NAMES.filter((each) => chosen.includes(each))) {
    const amount = name === "packets" ? amounts.packets : amounts.inputs;
    const began = performance.now();
    let told = began;
    const { findings, ...done } = await fuzz(name, seed, amount, limits, (fed, found) => {
      if (performance.now() - told < 10_000) return;
      told = performance.now();
      console.error(`${name}: ${fed} of ${amount}, ${found} found`);
    });
    for (const finding of findings) console.log(JSON.stringify({ ...finding, input: await smaller(finding) }));
    count += findings.length;
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    results[name] = { ...done, longest: Math.round(done.longest), findings: findings.length, seconds };
    console.error(
      `${name}: ${done.fed} fed, ${findings.length} found, ${seconds} s, slowest ${Math.round(done.longest)} ms`,
    );
  }
  console.log(JSON.stringify({ seed, ...results }));
  return count === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  },
);
