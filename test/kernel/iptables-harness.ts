/**
 * Runs a sequence of commands of the iptables family on the machine's own tools, in a network namespace of its own,
 * and on the engine's tables, and gives both answers in the same shape.
 */
import { spawnSync } from "node:child_process";
import { NetNamespace, SeededRandom, VirtualClock } from "@netfilter-lab/engine";
import type { Reader, Writer } from "../../packages/lab/src/command.js";
import { ipset } from "../../packages/lab/src/commands/ipset/command.js";
import { iptablesTools } from "../../packages/lab/src/commands/iptables-commands.js";
import type { FileCommand } from "../../packages/lab/src/environment.js";
import { FileSystem } from "../../packages/lab/src/files.js";

export type Flavour = "nft" | "legacy";
export const FLAVOURS: readonly Flavour[] = ["nft", "legacy"];

/** One command: its words (the first is `iptables`, `iptables-save` or `iptables-restore`) and what it reads. */
export interface Step {
  readonly words: readonly string[];
  readonly stdin?: string;
}

/** What a command answered. */
export interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** A named list of commands run one after another on empty tables. */
export interface Sequence {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** What the kernel draws, and what it counts of its own memory, differ from run to run and compare as words. */
export function normaliseSets(text: string): string {
  return text
    .replace(/initval 0x[0-9a-f]{8}/g, "initval DRAWN")
    .replace(/<initval>0x[0-9a-f]{8}/g, "<initval>DRAWN")
    .replace(/<memsize>\d+/g, "<memsize>BYTES")
    .replace(/^Size in memory: \d+$/gm, "Size in memory: BYTES");
}

/** The date in iptables-save's remarks is that of the machine or of the virtual clock: it compares as DATE. */
export function normaliseDate(text: string): string {
  return text.replace(/^(# (?:Generated|Completed).* on )\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/gm, "$1DATE");
}

/** Without what is said of files that a machine may have or not. */
function withoutFiles(text: string): string {
  return text.replace(/^Warning: cannot open .*\n/gm, "");
}

const NAMESPACE = `xt-corpus-${process.pid}`;

function ip(...args: string[]): void {
  const result = spawnSync("ip", args, { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`ip ${args.join(" ")}: ${result.stderr}`);
}

/** Why the machine's tools cannot be asked; null when they can. */
export function whyNoKernel(): string | null {
  if (process.getuid?.() !== 0) return "asking the machine's own iptables needs root";
  for (const tool of ["xtables-nft-multi", "xtables-legacy-multi", "ipset", "ip"]) {
    if (spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0)
      return `${tool} is missing: install the packages iptables, ipset and iproute2`;
  }
  return null;
}

/** Runs a sequence on the machine's tools. */
export function runReal({ steps }: Sequence, flavour: Flavour): Answer[] {
  ip("netns", "add", NAMESPACE);
  try {
    return steps.map(({ words: [name, ...args], stdin }) => {
      // The multi-call binary takes the name it goes by as its first argument: `iptables` stays `iptables`.
      const legacy = name.replace("iptables", "iptables-legacy");
      const command = flavour === "legacy" || name === "ipset" ? [legacy] : ["xtables-nft-multi", name];
      const result = spawnSync("ip", ["netns", "exec", NAMESPACE, ...command, ...args], {
        encoding: "utf8",
        input: stdin ?? "",
      });
      return {
        stdout: normaliseSets(normaliseDate(result.stdout)),
        // Warnings about the other flavour's tables concern the machine, not the command.
        stderr: withoutFiles(result.stderr).replace(/^# Warning: .*\n/gm, ""),
        status: result.status ?? -1,
      };
    });
  } finally {
    ip("netns", "del", NAMESPACE);
  }
}

class Text implements Writer {
  text = "";

  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

function readerOf(text: string): Reader {
  let left: string | null = text;
  return {
    read() {
      const now = left;
      left = null;
      return now === "" ? null : now;
    },
    readable: { arm: () => () => {} },
  };
}

/** Runs one command on a namespace's tables. */
export function runCommand(net: NetNamespace, flavour: Flavour, { words: [name, ...args], stdin }: Step): Answer {
  const argv0 = flavour === "nft" ? name : name.replace("iptables", "iptables-legacy");
  const command: FileCommand | undefined = name === "ipset" ? ipset : iptablesTools[argv0];
  if (command === undefined) throw new Error(`no command ${argv0}`);
  const stdout = new Text();
  const stderr = new Text();
  const host = { files: new FileSystem(net) };
  let status = command({ net, args, argv0, stdin: readerOf(stdin ?? ""), stdout, stderr, host });
  if (typeof status !== "number") {
    let step = status.next();
    while (step.done !== true) step = status.next();
    status = step.value;
  }
  return { stdout: normaliseSets(normaliseDate(stdout.text)), stderr: withoutFiles(stderr.text), status };
}

export function newNamespace(): NetNamespace {
  return new NetNamespace("host", new VirtualClock(), new SeededRandom(1));
}

/** Runs a sequence on the engine. */
export function runOurs({ steps }: Sequence, flavour: Flavour): Answer[] {
  const net = newNamespace();
  return steps.map((step) => runCommand(net, flavour, step));
}
