/**
 * The site's page of conntrack(8), helpers, tunables and iptables' own options is made from the commands' tables, the
 * registry of helpers, and what Linux answered: `npx vitest run test/engine/tracking-page.test.ts -u` writes it anew.
 * A row that says "as Linux" has commands in the recordings, all of which other tests replay on the engine.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { NetNamespace, NFPROTO_IPV4, SeededRandom, VirtualClock } from "@netfilter-lab/engine";
import { describe, expect, it } from "vitest";
import { conntrackHelpers, helpersElsewhere } from "../../packages/engine/src/conntrack/helpers/registry.js";
import { baseOptions } from "../../packages/engine/src/xtables/command-options.js";
import { TIMEOUT_COMMANDS } from "../../packages/lab/src/commands/conntrack/nfct.js";
import { COMMANDS, LONG_OPTIONS, OPTIONS, takesOption } from "../../packages/lab/src/commands/conntrack/options.js";
import { EVENTS, OUTPUTS, STATUSES } from "../../packages/lab/src/commands/conntrack/parse.js";
import { PROTOCOLS } from "../../packages/lab/src/commands/conntrack/protocols.js";
import type { OptionSpec } from "../../packages/lab/src/commands/getopt.js";
import { OPTIONS as RESTORE_OPTIONS } from "../../packages/lab/src/commands/iptables-restore.js";
import { OPTIONS as SAVE_OPTIONS } from "../../packages/lab/src/commands/iptables-save.js";
import { EngineRunner } from "../../packages/lab/src/scenario/engine-runner.js";
import { readRecording, recordingPath } from "../referee/corpus/recording.js";
import { replay } from "../referee/corpus/refresh.js";
import { TUNABLES, VALUES } from "../referee/corpus/tunables.js";
import type { Scenario } from "../referee/scenario.js";

const RECORDINGS = fileURLToPath(new URL("../recordings", import.meta.url));

/** What is there and not as Linux has it; every other row is as Linux. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "conntrack -L dying": "always empty: an entry is gone at once",
  "conntrack -L unconfirmed": "always empty: packets are handled one at a time",
  "conntrack -S": "one line: there is one processor",
  "conntrack --buffer-size": "no event is ever lost",
  "conntrack --secmark": "an opaque number: there is no SELinux",
  nf_conntrack_max: "can be written, which Linux allows outside namespaces only",
  nf_conntrack_buckets: "can be written, which Linux allows outside namespaces only",
  nf_conntrack_expect_max: "can be written, which Linux allows outside namespaces only",
  "--verbose": "twice, the real tools also print how they keep the rules",
  "--modprobe": "read and not obeyed: a host has every module",
  "--wait": "nobody holds the lock",
  "--wait-interval": "nobody holds the lock",
};

/** Netfilter's tunables of Linux 6.18 that the lab has not: `sysctl` says that there is no such file. */
const NO_TUNABLES: Readonly<Record<string, string>> = {
  "net.netfilter.nf_log_all_netns":
    "every host has a log of its own; on Linux it is the machine's, and no namespace has it",
};

const recordings = readdirSync(RECORDINGS)
  .filter((name) => name.endsWith(".jsonl"))
  .flatMap((name) => readFileSync(`${RECORDINGS}/${name}`, "utf8").trimEnd().split("\n"))
  .map((line) => JSON.parse(line) as { scenario?: Scenario; found?: { scenario: Scenario } })
  .flatMap(({ scenario, found }) => scenario ?? found?.scenario ?? []);

/** Every command line that the recordings asked Linux. */
const commands: readonly string[] = [
  ...recordings.flatMap(({ setup = [], steps, finally: last = [] }) => [
    ...setup,
    ...steps.flatMap((step) => ("run" in step ? [step.run] : [])),
    ...last,
  ]),
  ...["conntrack.linux-6.18.json", "commands.linux-6.18.json", "commands-ipv6.linux-6.18.json"].flatMap((name) =>
    Object.values(JSON.parse(readFileSync(`${RECORDINGS}/${name}`, "utf8")) as Record<string, string>).flatMap((text) =>
      [...text.matchAll(/^\$ (.*)$/gm)].map(([, line]) => line),
    ),
  ),
];

/** Every rule that Linux's iptables was asked for by itself, as it stands behind `-A`. */
const rules: readonly string[] = Object.values(
  JSON.parse(readFileSync(`${RECORDINGS}/iptables-text.json`, "utf8")) as Record<string, Record<string, unknown>>,
).flatMap((flavour) => Object.keys(flavour));

/** Calls of a tool: its words, up to the end of the shell's command. */
function calls(tool: RegExp): string[][] {
  return commands.flatMap((line) =>
    line.split(/\n|[;&|]+/).flatMap((command) => {
      const [first, ...words] = command.trim().split(/\s+/);
      return tool.test(first) ? [words] : [];
    }),
  );
}

const conntrack = calls(/^conntrack$/);
const nfct = calls(/^nfct$/);
const iptables = [
  ...calls(/^ip6?tables(-nft|-legacy)?$/),
  // What a restore file has in its lines.
  ...commands.flatMap((line) =>
    line.includes("-restore")
      ? line.split("\n").flatMap((each) => (each.startsWith("-") ? [each.split(/\s+/)] : []))
      : [],
  ),
  ...rules.map((rule) => ["-A", ...rule.split(/\s+/)]),
];

/** How many calls have an option by one of its names. */
function asked(of: readonly (readonly string[])[], names: readonly string[], letter: string | null): number {
  const short = letter !== null && /^[A-Za-z0-9]$/.test(letter) ? new RegExp(`^-[A-Za-z0-9]*${letter}`) : null;
  return of.filter((words) =>
    words.some(
      (word) => names.some((name) => word === `--${name}` || word.startsWith(`--${name}=`)) || short?.test(word),
    ),
  ).length;
}

const unproven: string[] = [];
const explained = new Set<string>();

/** So many at least: a round number, which does not change with every recording that is added. */
const atLeast = (count: number): string => (count < 10 ? "1+" : count < 100 ? "10+" : "100+");

/** The last two columns: how it stands, and how often Linux was asked. */
function standing(row: string, evidence: number, keys: readonly string[] = [row]): string {
  const key = keys.find((each) => each in DIFFERENCES);
  if (key !== undefined) explained.add(key);
  if (evidence === 0) unproven.push(row);
  return `${key === undefined ? "as Linux" : `differs: ${DIFFERENCES[key]}`} | ${atLeast(evidence)} |\n`;
}

const code = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(" ");

const CONNTRACK_COMMANDS: readonly (readonly [string, string])[] = [
  ["L", "dump"],
  ["G", "get"],
  ["I", "create"],
  ["A", "add"],
  ["U", "update"],
  ["D", "delete"],
  ["F", "flush"],
  ["E", "event"],
  ["C", "counter"],
  ["S", "stats"],
  ["R", "load-file"],
  ["V", "version"],
  ["h", "help"],
];

function conntrackCommands(): string {
  const rows: string[] = [];
  for (const [letter, long] of CONNTRACK_COMMANDS) {
    const row = `conntrack -${letter}`;
    rows.push(`| \`-${letter}\` \`--${long}\` | ${standing(row, asked(conntrack, [long], letter))}`);
  }
  for (const table of ["expect", "dying", "unconfirmed"]) {
    const row = `conntrack -L ${table}`;
    rows.push(`| \`-L ${table}\` | ${standing(row, conntrack.filter((words) => words.includes(table)).length)}`);
  }
  return rows.join("");
}

function conntrackOptions(): string {
  return [...OPTIONS]
    .map((letter) => {
      const names = Object.keys(LONG_OPTIONS).filter((name) => LONG_OPTIONS[name][0] === letter);
      const takers = [...COMMANDS].filter((command) => takesOption(command, false, letter)).map((each) => `-${each}`);
      const expecting = [...COMMANDS]
        .filter((command) => takesOption(command, true, letter))
        .map((each) => `-${each} expect`);
      const spelt = [...(/[a-z]/.test(letter) ? [`-${letter}`] : []), ...names.map((name) => `--${name}`)];
      const evidence = asked(conntrack, names, letter);
      const keys = names.map((name) => `conntrack --${name}`);
      return `| ${code(spelt)} | ${code([...takers, ...expecting])} | ${standing(spelt.join(" "), evidence, keys)}`;
    })
    .join("");
}

function conntrackWords(): string {
  const words: readonly (readonly [string, string, readonly string[]])[] = [
    ["-u", "status", STATUSES.map(([word]) => word)],
    ["-e", "event-mask", EVENTS.map(([word]) => word)],
    ["-o", "output", OUTPUTS.map(([word]) => word)],
  ];
  return words
    .flatMap(([option, long, names]) =>
      names.map((name) => {
        const evidence = conntrack.filter((call) => {
          const values = call.flatMap((word, i) =>
            word === option || word === `--${long}` ? [call[i + 1]] : word.startsWith(option) ? [word.slice(2)] : [],
          );
          return values.some((value) => value?.toLowerCase().split(",").includes(name.toLowerCase()));
        }).length;
        return `| \`${option} ${name}\` | ${standing(`${option} ${name}`, evidence)}`;
      }),
    )
    .join("");
}

function conntrackProtocols(): string {
  return PROTOCOLS.map(({ name, options }) => {
    const calls = conntrack.filter((words) => words.some((word, i) => word === "-p" && words[i + 1] === name));
    return `| \`-p ${name}\` | ${code(Object.keys(options).map((option) => `--${option}`))} | ${standing(`-p ${name}`, calls.length)}`;
  }).join("");
}

function timeouts(): string {
  return TIMEOUT_COMMANDS.map((command) => {
    const evidence = nfct.filter((words) => words.includes(command) && words.includes("timeout")).length;
    return `| \`nfct ${command} timeout\` | ${standing(`nfct ${command}`, evidence)}`;
  }).join("");
}

const FAMILIES: Readonly<Record<number, string>> = { [NFPROTO_IPV4]: "ipv4" };
const TRANSPORTS: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp" };

function helpers(): string {
  const there = conntrackHelpers().map(({ name, families, protonum }) => {
    const over = families.map((family) => FAMILIES[family] ?? "ipv6").join(", ");
    const evidence = recordings.filter(({ setup = [] }) =>
      setup.some((line) =>
        line
          .split("\n")
          .some((each) => each.includes(`--helper ${name}`) && each.includes(`-p ${TRANSPORTS[protonum]}`)),
      ),
    ).length;
    return `| \`${name}\` | ${TRANSPORTS[protonum]} | ${over} | ${standing(`helper ${name}`, evidence)}`;
  });
  const lacking = helpersElsewhere().map(
    ([name, protocol]) =>
      `| \`${name}\` | | | not supported: ${protocol}; a rule that asks for it is refused by name | |\n`,
  );
  return [...there, ...lacking].join("");
}

const net = new NetNamespace("page", new VirtualClock(), new SeededRandom(1));

function tunables(): string {
  const engine = new EngineRunner();
  const recorded = readRecording(recordingPath(RECORDINGS, TUNABLES.name))?.recorded ?? [];
  const rows = net.sysctl
    .list()
    .filter(({ name }) => name.startsWith("net.netfilter."))
    .map(({ name, get }) => {
      const answers = recorded.filter(({ scenario }) => scenario.name === name);
      for (const each of answers) expect(replay((scenario) => engine.run(scenario), each)).toBeNull();
      const evidence = answers.reduce((sum, { scenario }) => sum + scenario.steps.length, 0);
      return `| \`${name}\` | ${get()} | ${standing(name, evidence, [name.replace("net.netfilter.", "")])}`;
    });
  const lacking = Object.entries(NO_TUNABLES).map(([name, how]) => `| \`${name}\` | | not supported: ${how} | |\n`);
  return [...rows, ...lacking].join("");
}

function iptablesOptions(): string {
  const letters = [...new Set(baseOptions().map(([, letter]) => letter))];
  return letters
    .map((letter) => {
      const names = baseOptions().flatMap(([name, of]) => (of === letter ? [name] : []));
      const spelt = [...(letter === "0" ? [] : [`-${letter}`]), ...names.map((name) => `--${name}`)];
      const evidence = asked(iptables, names, letter === "0" ? null : letter);
      return `| ${code(spelt)} | ${standing(
        spelt.join(" "),
        evidence,
        names.map((name) => `--${name}`),
      )}`;
    })
    .join("");
}

function toolOptions(tool: string, spec: OptionSpec): string {
  const asking = calls(new RegExp(`^ip6?tables(-nft|-legacy)?-${tool}$`));
  return Object.entries(spec.long ?? {})
    .map(([name, { key }]) => {
      const row = `iptables-${tool} -${key} --${name}`;
      return `| \`iptables-${tool}\` | \`-${key}\` \`--${name}\` | ${standing(row, asked(asking, [name], key), [`--${name}`])}`;
    })
    .join("");
}

const table = (...head: readonly string[]): string =>
  `| ${head.join(" | ")} | | Asked |\n${"| --- ".repeat(head.length + 2)}|\n`;

describe("the page of conntrack(8), helpers and tunables", () => {
  const page = `---
title: Tracking, helpers and tunables
slug: /tracking/
description: Every command and option of conntrack(8) and nfct(8), every helper, every tunable of netfilter and every option of iptables itself, made from the code.
---

# Tracking, helpers and tunables

Made from the code's own tables by \`test/engine/tracking-page.test.ts\`. The last column says how many of the recorded
command lines (for helpers: scenarios) have it at least. Linux 6.18 with Debian 12's tools answered each of them, and tests replay
every one on the engine, which must answer the same text, status and packets. Matches and targets of iptables have
[a page of their own](./extensions.md).

## conntrack: commands and tables

${table("")}${conntrackCommands()}
## conntrack: options

${table("", "Commands that take it")}${conntrackOptions()}
## conntrack: words

${table("")}${conntrackWords()}
## conntrack: protocols

${table("", "Options")}${conntrackProtocols()}
## nfct

The subsystem \`helper\` is refused as by a kernel without nfnetlink_cthelper.

${table("")}${timeouts()}
## Helpers

Assigned by \`-j CT --helper\`; Linux has no other way since 6.0.

${table("", "Over", "Families")}${helpers()}
## Tunables of netfilter

With what a fresh host has. Those that can be written were given ${VALUES.length} values on both sides, right and wrong ones.

${table("", "At first")}${tunables()}
## iptables: commands and options

Of \`iptables\` and \`ip6tables\`, in both flavours.

${table("")}${iptablesOptions()}
## iptables-save and iptables-restore

${table("", "")}${toolOptions("save", SAVE_OPTIONS)}${toolOptions("restore", RESTORE_OPTIONS)}`;

  it("is what the code has", async () => {
    await expect(page).toMatchFileSnapshot("../../website/docs/tracking.md");
  });

  it("says nothing that Linux was not asked", () => {
    expect(unproven).toEqual([]);
  });

  it("has a row for every difference", () => {
    expect([...explained].sort()).toEqual(Object.keys(DIFFERENCES).sort());
  });

  it("calls no tunable missing that is there", () => {
    const names = net.sysctl.list().map(({ name }) => name);
    expect(names.filter((name) => name in NO_TUNABLES)).toEqual([]);
    expect(
      TUNABLES.scenarios()
        .map(({ name }) => name.split(":")[0])
        .filter((name) => !names.includes(name)),
    ).toEqual([]);
  });
});
