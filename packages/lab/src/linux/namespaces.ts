/// <reference types="node" />
/**
 * The network namespaces of one lab and their end. A namespace's name says whose it is: process id and start time of
 * the maker, then the lab's number. A guard, a shell that waits for the end of a pipe, removes namespaces, processes
 * and files when the maker ends in whatever way, `kill -9` included; and should the guard itself have been killed, the
 * next lab sweeps what dead makers left behind.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { TOOL_PATH } from "./requirements.js";

const exec = promisify(execFile);

/** Every name this backend gives begins so. */
export const NAMESPACE_PREFIX = "nflab-";
const NETNS_FOLDER = "/run/netns";
const FILES_FOLDER = "/run/netfilter-lab";

export const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: TOOL_PATH,
  HOME: "/root",
  LC_ALL: "C.UTF-8",
  TZ: "UTC",
};

/** Runs a tool outside of any namespace; throws with what it printed to stderr. */
export async function runTool(tool: string, args: readonly string[], input = ""): Promise<string> {
  const running = exec(tool, args, { env: ENVIRONMENT, maxBuffer: 1 << 28 });
  // A tool that reads nothing may be gone already.
  running.child.stdin?.on("error", () => {}).end(input);
  return (await running).stdout;
}

/**
 * Clock ticks between boot and a process's start: with its id, a name that no other process ever has; null: no such
 * process.
 */
function startTimeOf(pid: number): string | null {
  try {
    // The command's name, in parentheses, may hold anything; fields count from the last one.
    const [state, , , , , , , , , , , , , , , , , , , startTime] = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return state === "Z" || state === "X" ? null : startTime;
  } catch {
    return null;
  }
}

let labs = 0;

/** `ip netns pids` and `ip netns del` for each argument, then the folder's files. */
const REMOVE = `
  for ns; do
    [ -e ${NETNS_FOLDER}/"$ns" ] || continue
    for try in 1 2 3; do
      pids=$(ip netns pids "$ns") && [ -n "$pids" ] && kill -KILL $pids
    done 2>/dev/null
    ip netns del "$ns"
  done`;

/** The namespaces of one lab. */
export class Namespaces {
  /** What all names of this lab begin with. */
  readonly prefix: string;
  /** A folder of this lab's own, with one folder a host and `bin`. */
  readonly folder: string;
  readonly #hosts: readonly string[];
  readonly #guard: ChildProcess;

  private constructor(prefix: string, hosts: readonly string[]) {
    this.prefix = prefix;
    this.folder = `${FILES_FOLDER}/${prefix}`;
    this.#hosts = hosts;
    this.#guard = spawn(
      "sh",
      ["-c", `cat >/dev/null; folder=$1; shift; ${REMOVE}; rm -rf "$folder"`, "guard", this.folder, ...this.names],
      { env: ENVIRONMENT, stdio: ["pipe", "ignore", "ignore"], detached: true, cwd: "/" },
    );
    this.#guard.unref();
    (this.#guard.stdin as unknown as { unref(): void }).unref();
  }

  /** Makes one namespace a host, after sweeping what dead makers left. */
  static async make(hosts: readonly string[]): Promise<Namespaces> {
    await sweep();
    const prefix = `${NAMESPACE_PREFIX}${process.pid}-${startTimeOf(process.pid)}-${++labs}-`;
    const made = new Namespaces(prefix, hosts);
    mkdirSync(`${made.folder}/bin`, { recursive: true });
    // A terminal's tcpdump prints each packet at once; one whose output is read by a program has to be told.
    writeFileSync(
      `${made.folder}/bin/tcpdump`,
      '#!/bin/bash\nexec -a tcpdump /usr/bin/tcpdump --immediate-mode -l "$@"\n',
      { mode: 0o755 },
    );
    for (const host of hosts) mkdirSync(made.directoryOf(host), { recursive: true, mode: 0o777 });
    await runTool("ip", ["-batch", "-"], made.names.map((name) => `netns add ${name}\n`).join(""));
    return made;
  }

  /** A host's namespace. */
  nameOf(host: string): string {
    return `${this.prefix}${host}`;
  }

  /** The working directory of a host's commands. */
  directoryOf(host: string): string {
    return `${this.folder}/${host}`;
  }

  get names(): string[] {
    return this.#hosts.map((host) => this.nameOf(host));
  }

  /** Kills what runs in the namespaces and removes them; ready when they are gone. */
  async remove(): Promise<void> {
    const guard = this.#guard;
    if (guard.exitCode !== null) return;
    guard.ref();
    const gone = new Promise<void>((resolve) => guard.once("exit", () => resolve()));
    guard.stdin?.end();
    await gone;
  }
}

/** Removes the namespaces and files whose maker no longer lives. */
export async function sweep(): Promise<void> {
  for (const folder of [NETNS_FOLDER, FILES_FOLDER]) {
    const stale = list(folder).filter((name) => {
      const owner = new RegExp(`^${NAMESPACE_PREFIX}(\\d+)-(\\d+)-\\d+-`).exec(name);
      return owner !== null && startTimeOf(Number(owner[1])) !== owner[2];
    });
    if (folder === NETNS_FOLDER && stale.length > 0)
      // A guard may be at the same work: what is gone already is no mistake.
      await runTool("sh", ["-c", `${REMOVE} 2>/dev/null; true`, "sweep", ...stale]);
    if (folder === FILES_FOLDER)
      for (const name of stale) rmSync(`${folder}/${name}`, { recursive: true, force: true });
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
