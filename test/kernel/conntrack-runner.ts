/**
 * Runs the scenarios of conntrack(8) on the machine's own Linux and in the lab. They are long, and need one host alone:
 * so one bash in one network namespace runs all commands of a scenario.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Lab } from "netfilter-lab";
import { normalise, type StepOutput } from "./commands-runner.ts";

/** Commands that one host is given, in order. */
export interface ConntrackScenario {
  readonly name: string;
  readonly commands: readonly string[];
}

/** Runs at the same time do not meet. */
const NAMESPACE = `labct${process.pid}`;

/** Why the real kernel cannot be asked here; null when it can. */
export function whyNoKernel(): string | null {
  if (process.getuid?.() !== 0) return "needs root";
  for (const [tool, pkg] of [
    ["ip", "iproute2"],
    ["iptables-legacy", "iptables"],
    ["conntrack", "conntrack"],
    ["nfct", "nfct"],
  ])
    if (spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0) return `needs the Debian package ${pkg}`;
  return null;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The scenario on the machine's own Linux, in a namespace that is removed afterwards. */
export function runOnLinux({ commands }: ConntrackScenario): StepOutput[] {
  const folder = mkdtempSync(path.join(tmpdir(), "netfilter-lab-"));
  const script = commands
    .map((command, i) => `bash -c ${quoted(command)} </dev/null >"$1/${i}.out" 2>"$1/${i}.err"; echo $? >"$1/${i}.rc"`)
    .join("\n");
  writeFileSync(path.join(folder, "script"), script);
  execFileSync("ip", ["netns", "add", NAMESPACE]);
  try {
    execFileSync("ip", ["-n", NAMESPACE, "link", "set", "lo", "up"]);
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LC_ALL: "C.UTF-8", TZ: "UTC" };
    const words = ["netns", "exec", NAMESPACE, "bash", path.join(folder, "script"), folder];
    execFileSync("ip", words, { env, cwd: folder, stdio: "ignore" });
    return commands.map((command, i) => {
      const read = (kind: string): string => readFileSync(path.join(folder, `${i}.${kind}`), "utf8");
      return { host: "gateway", command, stdout: read("out"), stderr: read("err"), status: Number(read("rc")) };
    });
  } finally {
    execFileSync("ip", ["netns", "del", NAMESPACE]);
    rmSync(folder, { recursive: true });
  }
}

/** The scenario in the lab. */
export async function runInLab({ commands }: ConntrackScenario): Promise<StepOutput[]> {
  const lab = await Lab.create({ hosts: { gateway: {} }, links: [] });
  const outputs: StepOutput[] = [];
  for (const command of commands) {
    const { stdout, stderr, status } = await lab.hosts.gateway.sh(command);
    outputs.push({ host: "gateway", command, stdout, stderr, status });
  }
  return outputs;
}

/** A number of seconds that began as a multiple of a hundred (or is small), and has not run for long. */
function begun(seconds: string): string {
  return String(Math.ceil(Number(seconds) / 100) * 100);
}

const ENTRY = /^(?:(?:ipv[46] +\d+ )?\w+ +\d+ \d+ .*src=|-[AUD] -t |<flow>|\d+ (?:l3proto|proto))/;

/** Neighbouring lines about entries, sorted. */
function sorted(text: string): string {
  const lines: string[] = [];
  let run: string[] = [];
  for (const line of text.split("\n")) {
    if (ENTRY.test(line)) run.push(line);
    else {
      lines.push(...run.sort(), line);
      run = [];
    }
  }
  return [...lines, ...run.sort()].join("\n");
}

/** What is free to differ, and how it is made the same. Each rule has its reason. */
const RULES: readonly { readonly why: string; readonly apply: (text: string) => string }[] = [
  { why: "identifiers are random, and bash counts lines", apply: (text) => normalise(text, false) },
  {
    why: "on Linux a moment passes between making and listing",
    apply: (text) => text.replace(/^((?:ipv[46] +\d+ )?\w+ +\d+ )(\d+)(?= )/gm, (_, head, time) => head + begun(time)),
  },
  {
    why: "the same, as XML",
    apply: (text) => text.replace(/<timeout>(\d+)</g, (_, time) => `<timeout>${begun(time)}<`),
  },
  {
    why: "the same, saved",
    apply: (text) => text.replace(/^(-[AUD] -t )(\d+)/gm, (_, head, time) => head + begun(time)),
  },
  { why: "the same, of expectations", apply: (text) => text.replace(/^\d+(?= (?:l3proto|proto))/gm, begun) },
  { why: "entries stand in the order of a secret hash", apply: sorted },
  {
    why: "Linux counts on each processor",
    apply: (text) => text.replace(/^cpu=0 .*\n(?=cpu=1)/gm, "").replace(/^cpu=\d+ /gm, "cpu=N "),
  },
];

/** One readable block a step. */
export function transcript(outputs: readonly StepOutput[]): string {
  const apply = (text: string): string => RULES.reduce((result, rule) => rule.apply(result), text).trimEnd();
  return outputs
    .map(({ command, stdout, stderr, status }) => {
      const errors = apply(stderr);
      const lines = [`$ ${command.replaceAll("\n", "\\n")}`, apply(stdout)];
      if (errors !== "") lines.push(...errors.split("\n").map((line) => `2> ${line}`));
      if (status !== 0) lines.push(`[${status}]`);
      return lines.filter((line) => line !== "").join("\n");
    })
    .join("\n");
}
