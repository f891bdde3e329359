/// <reference types="node" />
/**
 * Where a runner's commands live: a process namespace and a folder of its own. The first process of the namespace waits
 * for this program to end, however it ends: then it removes the folder, and the kernel ends every process that is left
 * in the namespace, and with the last of them their network namespaces. So nothing stays after a crash or Ctrl-C.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { CLONE_NEWPID, type Libc } from "./libc.js";
import { commandPath } from "./requirements.js";

/** What a finished command printed. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

export class Sandbox {
  readonly #libc: Libc;
  readonly #folder: string;
  readonly #first: ChildProcess;
  readonly #ownPids: number;
  readonly #pids: number;
  readonly #environment: Record<string, string>;
  /** Process groups of commands of this scenario. */
  #groups: number[] = [];

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#folder = mkdtempSync(path.join(tmpdir(), "netfilter-lab-"));
    mkdirSync(path.join(this.#folder, "home"));
    this.#environment = {
      PATH: commandPath(),
      HOME: path.join(this.#folder, "home"),
      USER: "root",
      LC_ALL: "C",
      TZ: "UTC",
      // iptables-legacy takes turns by a lock: not with the host's own.
      XTABLES_LOCKFILE: path.join(this.#folder, "xtables.lock"),
    };
    this.#ownPids = openSync("/proc/self/ns/pid", "r");
    libc.unshare(CLONE_NEWPID);
    try {
      this.#first = spawn("bash", ["-c", 'read -r _; rm -rf -- "$0"', this.#folder], {
        cwd: "/",
        detached: true,
        env: this.#environment,
        stdio: ["pipe", "ignore", "ignore"],
      });
      this.#pids = openSync(`/proc/${this.#first.pid}/ns/pid`, "r");
    } finally {
      libc.setns(this.#ownPids, CLONE_NEWPID);
    }
    this.#first.unref();
    (this.#first.stdin as unknown as { unref?: () => void })?.unref?.();
  }

  /** Runs a script in the network namespace of the calling thread, with `arguments_` as its `$1`, `$2`... */
  run(script: string, arguments_: readonly string[] = []): Output {
    const stdout = this.#libc.memoryFile("stdout");
    const stderr = this.#libc.memoryFile("stderr");
    try {
      // Files and not pipes: a command that goes on in the background keeps them open.
      this.#libc.setns(this.#pids, CLONE_NEWPID);
      let ended: ReturnType<typeof spawnSync>;
      try {
        ended = spawnSync("bash", ["-c", script, ...(arguments_.length > 0 ? ["bash", ...arguments_] : [])], {
          cwd: path.join(this.#folder, "home"),
          detached: true,
          env: this.#environment,
          stdio: ["ignore", stdout, stderr],
        } as Parameters<typeof spawnSync>[2]);
      } finally {
        this.#libc.setns(this.#ownPids, CLONE_NEWPID);
      }
      if (ended.error !== undefined) throw ended.error;
      this.#groups.push(ended.pid);
      return { stdout: textOf(stdout), stderr: textOf(stderr), status: ended.status ?? 128 };
    } finally {
      closeSync(stdout);
      closeSync(stderr);
    }
  }

  /** Ends what the scenario's commands left running, and removes their files. */
  clear(): void {
    for (const group of this.#groups) {
      try {
        process.kill(-group, "SIGKILL");
      } catch {
        // Nothing was left of it.
      }
    }
    this.#groups = [];
    const home = path.join(this.#folder, "home");
    for (const name of readdirSync(home)) rmSync(path.join(home, name), { recursive: true, force: true });
  }

  /** Ends every process and removes the folder. */
  close(): void {
    this.clear();
    this.#first.kill("SIGKILL");
    closeSync(this.#pids);
    closeSync(this.#ownPids);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function textOf(fd: number): string {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const piece = Buffer.alloc(1 << 16);
    const length = readSync(fd, piece, 0, piece.length, at);
    if (length === 0) return Buffer.concat(pieces).toString("utf8");
    pieces.push(piece.subarray(0, length));
    at += length;
  }
}
