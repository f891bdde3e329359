/** The commands that need the shell itself. Models bash's builtins of these names, for the options that are there. */
import type { CommandProcess, Reader } from "../command.js";
import type { HostEnvironment, Streams } from "../environment.js";
import type { Process, Signal } from "../scheduler.js";
import { LineReader } from "../streams.js";
import { Exit, finish, LoopControl, type ShellProcess } from "./control.js";
import { testExpression } from "./test-expression.js";

/** The shell as its builtins know it. */
export interface BuiltinShell {
  readonly host: HostEnvironment;
  readonly variables: Map<string, string>;
  /** Exit status of what ran last. */
  readonly lastStatus: number;
  readonly jobs: readonly Process[];
  /** `set -e`. */
  exitOnError: boolean;
  /** The process of a job by `%n` or its process number; undefined when there is none. */
  job(reference: string): Process | undefined;
  /** A new shell of the same host that inherits the variables. */
  child(): { run(script: string, streams: Streams): CommandProcess };
}

type Builtin = (shell: BuiltinShell, args: readonly string[], streams: Streams) => number | ShellProcess<number>;

const usage = (streams: Streams, text: string, status: number): number => {
  streams.stderr.write(`bash: ${text}\n`);
  return status;
};

/** By name. */
export const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  [":", () => 0],
  ["true", () => 0],
  ["false", () => 1],
  [
    "exit",
    (shell, args, streams) => {
      if (args.length > 0 && !/^-?\d+$/.test(args[0])) {
        streams.stderr.write(`bash: exit: ${args[0]}: numeric argument required\n`);
        throw new Exit(2);
      }
      throw new Exit(args.length > 0 ? Number(args[0]) & 255 : shell.lastStatus);
    },
  ],
  [
    "break",
    () => {
      throw new LoopControl(false);
    },
  ],
  [
    "continue",
    () => {
      throw new LoopControl(true);
    },
  ],
  [
    "set",
    (shell, args, streams) => {
      for (const option of args) {
        if (option === "-e" || option === "+e") shell.exitOnError = option === "-e";
        else return usage(streams, `set: ${option}: not supported by the lab's shell`, 2);
      }
      return 0;
    },
  ],
  [
    "export",
    (shell, args, streams) => {
      for (const argument of args) {
        const [name, ...value] = argument.split("=");
        if (!/^[A-Za-z_]\w*$/.test(name)) return usage(streams, `export: \`${argument}': not a valid identifier`, 1);
        if (value.length > 0) shell.variables.set(name, value.join("="));
      }
      return 0;
    },
  ],
  [
    "unset",
    (shell, args) => {
      for (const name of args) shell.variables.delete(name);
      return 0;
    },
  ],
  [
    "read",
    function* (shell, args, streams) {
      const names = args.filter((argument) => argument !== "-r");
      const option = names.find((name) => name.startsWith("-"));
      if (option !== undefined) return usage(streams, `read: ${option}: not supported by the lab's shell`, 2);
      let reader = lineReaders.get(streams.stdin);
      if (reader === undefined) {
        reader = new LineReader(streams.stdin);
        lineReaders.set(streams.stdin, reader);
      }
      const line = yield* reader.next();
      const fields = (line ?? "").trim().split(/[ \t]+/);
      (names.length > 0 ? names : ["REPLY"]).forEach((name, index, all) => {
        shell.variables.set(name, index < all.length - 1 ? (fields[index] ?? "") : fields.slice(index).join(" "));
      });
      return line === null ? 1 : 0;
    },
  ],
  [
    "wait",
    function* (shell, args, streams) {
      if (args.length === 0) {
        for (const job of shell.jobs) yield* finish(job);
        return 0;
      }
      let status = 0;
      for (const reference of args) {
        const job = shell.job(reference);
        if (job === undefined)
          return usage(
            streams,
            reference.startsWith("%")
              ? `wait: ${reference}: no such job`
              : `wait: pid ${reference} is not a child of this shell`,
            127,
          );
        status = yield* finish(job);
      }
      return status;
    },
  ],
  [
    "kill",
    (shell, args, streams) => {
      const named = /^-(?:SIG)?([A-Z]+|\d+)$/.exec(args[0] ?? "");
      const signal: Signal =
        named === null
          ? "SIGTERM"
          : (({ INT: "SIGINT", 2: "SIGINT", KILL: "SIGKILL", 9: "SIGKILL" } as const)[named[1]] ?? "SIGTERM");
      let status = 0;
      for (const reference of named === null ? args : args.slice(1)) {
        const job = shell.job(reference);
        if (job === undefined || job.done)
          status = usage(
            streams,
            reference.startsWith("%") ? `kill: ${reference}: no such job` : `kill: (${reference}) - No such process`,
            1,
          );
        else job.kill(signal);
      }
      return status;
    },
  ],
  [
    "bash",
    function* (shell, args, streams) {
      if (args[0] !== "-c" || args.length < 2)
        return usage(streams, "only `bash -c COMMANDS` is supported by the lab's shell", 2);
      return yield* shell.child().run(args[1], streams);
    },
  ],
  ["test", (shell, args, streams) => testExpression(args, shell.host.files, "test", streams.stderr)],
  [
    "[",
    (shell, args, streams) => {
      if (args.at(-1) !== "]") return usage(streams, "[: missing `]'", 2);
      return testExpression(args.slice(0, -1), shell.host.files, "[", streams.stderr);
    },
  ],
]);

/** Several `read`s of one stream share what was read ahead. */
const lineReaders: WeakMap<Reader, LineReader> = new WeakMap();
