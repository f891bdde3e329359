/**
 * Running other programs: with their output shown, kept, or both, and ended together with us. Every child runs in a
 * process group of its own, so that stopping it stops what it started; a Ctrl-C reaches us alone and we pass it on.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import { ROOT } from "./repository.mjs";
import { ScriptError } from "./script-error.mjs";

const WINDOWS = process.platform === "win32";

/** How long a child may take to end after it was asked to, before it is killed. */
const GRACE_MS = 5_000;

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

let stopping = false;

/** Whether we are ending: what ends now does so because it was told to. */
export const isStopping = () => stopping;

/**
 * Starts a program. It dies with us: see stopEverything().
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 */
export function startProgram(command, args, options = {}) {
  if (stopping) throw new ScriptError("Stopped.");
  const child = spawn(command, args, { cwd: ROOT, detached: !WINDOWS, ...options });
  running.add(child);
  child.once("exit", () => running.delete(child));
  child.once("error", () => running.delete(child));
  return child;
}

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {{ show?: boolean, keep?: boolean, env?: NodeJS.ProcessEnv }} [options] show: its output appears as it comes
 *   (default); keep: it is returned as text as well
 * @returns {Promise<{ status: number, output: string }>} status 127 where the program is not there
 */
export function runProgram(command, args, { show = true, keep = false, env = process.env } = {}) {
  // A program that only shows its output gets the terminal itself: colours and progress bars stay as they are.
  const stdio = keep || !show ? "pipe" : "inherit";
  const child = startProgram(command, args, { stdio: ["ignore", stdio, stdio], env });
  let output = "";
  for (const [from, to] of /** @type {const} */ ([
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ])) {
    from?.setEncoding("utf8");
    from?.on("data", (text) => {
      if (show) to.write(text);
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ status: 127, output: `${error.message}\n` }));
    child.once("close", (code, signal) => {
      // A program that we stopped has not failed: whoever waits for it ends with us, without another word.
      if (!stopping) resolve({ status: code ?? (signal ? 128 : 1), output });
    });
  });
}

/**
 * The npm that started us, or the one on the path, as a command and its first arguments.
 * @returns {[string, string[]]}
 */
export function npmCommand() {
  const npm = process.env["npm_execpath"];
  if (npm && /npm-cli\.[cm]?js$/.test(path.basename(npm))) return [process.execPath, [npm]];
  return [WINDOWS ? "npm.cmd" : "npm", []];
}

/**
 * Runs npm with these arguments to its end.
 * @param {string[]} args
 * @param {Parameters<typeof runProgram>[2]} [options]
 */
export function runNpm(args, options) {
  const [command, first] = npmCommand();
  return runProgram(command, [...first, ...args], options);
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
function signalGroup(child, signal) {
  try {
    if (WINDOWS || child.pid === undefined) child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // Already gone, which is what was asked for.
  }
}

/** Ends every program we started and what they started; resolves when they have ended. No new one starts after it. */
export async function stopEverything() {
  stopping = true;
  const children = [...running];
  await Promise.all(
    children.map(
      (child) =>
        new Promise((resolve) => {
          const kill = setTimeout(() => signalGroup(child, "SIGKILL"), GRACE_MS);
          child.once("exit", () => {
            clearTimeout(kill);
            resolve(undefined);
          });
          signalGroup(child, "SIGTERM");
        }),
    ),
  );
}

/** How often we look whether npm, which started us, is still there. */
const PARENT_CHECK_MS = 1_000;

/**
 * Ctrl-C, a closed terminal or a kill ends everything we started, then us, with the shell's conventional exit status; so
 * does the end of the npm that started us, which passes a kill to its shell but not to us.
 * @param {() => void} [first] what to say or end before that
 */
export function stopOnSignals(first = () => {}) {
  let asked = 0;
  /** @param {number} status */
  const stop = (status) => {
    asked += 1;
    if (asked > 1) {
      for (const child of running) signalGroup(child, "SIGKILL");
      process.exit(status);
    }
    first();
    void stopEverything().then(() => process.exit(status));
  };
  for (const [signal, number] of /** @type {const} */ ([
    ["SIGHUP", 1],
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ])) {
    process.on(signal, () => stop(128 + number));
  }
  if (!process.env["npm_lifecycle_event"]) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop(1);
  }, PARENT_CHECK_MS);
  watch.unref();
}
