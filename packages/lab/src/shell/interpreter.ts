/**
 * Runs what {@link parseShell} read: expands words, sets up pipes and redirections, starts commands, waits. What bash
 * prints for a command that is not there or a file that cannot be opened is printed here, as an interactive bash does.
 */
import type { CommandProcess, Reader, Wait, Writer } from "../command.js";
import { type HostEnvironment, type LabCommand, type LabContext, type Streams, WriteError } from "../environment.js";
import { FileError } from "../files.js";
import { endingAt, Process, type Signal } from "../scheduler.js";
import { untilMoving } from "../standstill.js";
import { LineReader, NULL_WRITER, Pipe, TextReader, TextWriter } from "../streams.js";
import {
  type AndOr,
  type List,
  type Pipeline,
  parseShell,
  type Redirection,
  type ShellCommand,
  ShellSyntaxError,
  type Word,
} from "./syntax.js";
import { testExpression } from "./test-expression.js";

/** Leaves the shell from wherever it is: `exit`. */
class Exit extends Error {
  readonly status: number;

  constructor(status: number) {
    super("exit");
    this.status = status;
  }
}

/** Leaves one or more loops: `break`, `continue`. */
class LoopControl extends Error {
  readonly again: boolean;

  constructor(again: boolean) {
    super(again ? "continue" : "break");
    this.again = again;
  }
}

/** A redirection that failed; its message was printed. */
class RedirectionFailed extends Error {}

type ShellProcess<T> = Generator<Wait, T, void>;

/** Commands that need the shell itself. */
type Builtin = (shell: Shell, args: readonly string[], streams: Streams) => number | ShellProcess<number>;

/** One shell: variables, background jobs, the exit status of what ran last. */
export class Shell {
  readonly #host: HostEnvironment;
  readonly #commands: ReadonlyMap<string, LabCommand>;
  readonly #variables: Map<string, string>;
  readonly #jobs: Process[] = [];
  readonly #pid: number;
  #lastStatus = 0;
  #lastJob: number | null = null;
  #exitOnError = false;
  #signal: Signal | null = null;
  /** Exit status of the last command that caught the signal. */
  #caught: number | null = null;
  /** The shell has become its only command (`exec`), so that a signal meets that and no shell. */
  #replaced = false;
  #parent: Shell | null = null;
  /** Conditions of `if`, `while`, `&&` and `||` do not count for `set -e`. */
  #tested = 0;

  constructor(
    host: HostEnvironment,
    commands: ReadonlyMap<string, LabCommand>,
    variables?: ReadonlyMap<string, string>,
  ) {
    this.#host = host;
    this.#commands = commands;
    this.#variables = new Map(
      variables ?? [
        ["HOME", "/root"],
        ["HOSTNAME", host.name],
        ["USER", "root"],
      ],
    );
    this.#pid = 1000;
  }

  get variables(): Map<string, string> {
    return this.#variables;
  }

  get lastStatus(): number {
    return this.#lastStatus;
  }

  get jobs(): readonly Process[] {
    return this.#jobs;
  }

  get host(): HostEnvironment {
    return this.#host;
  }

  set exitOnError(value: boolean) {
    this.#exitOnError = value;
  }

  /** Reads and runs a script; the status is that of its last command. */
  *run(script: string, streams: Streams): CommandProcess {
    let list: List;
    try {
      list = parseShell(script);
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      streams.stderr.write(`bash: ${error.message}\n`);
      return 2;
    }
    this.#replaced = isOneCommand(list);
    return yield* this.runList(list, streams);
  }

  /** Runs a list to its end, or to `exit`. Background jobs go on. */
  *runList(list: List, streams: Streams): CommandProcess {
    try {
      return yield* this.#list(list, streams);
    } catch (error) {
      if (error instanceof Exit) return error.status;
      if (error instanceof LoopControl) return this.#lastStatus;
      throw error;
    }
  }

  *#list(list: List, streams: Streams): ShellProcess<number> {
    for (const item of list.items) {
      if (item.background) {
        this.#background(item, streams);
        yield* untilMoving();
      } else yield* this.#andOr(item, streams);
    }
    return this.#lastStatus;
  }

  #background(item: AndOr, streams: Streams): void {
    const shell = this.#copy();
    const process = this.#spawnShell(shell, shell.#andOr(item, { ...streams, stdin: new TextReader("") }));
    this.#jobs.push(process);
    this.#lastJob = this.#jobs.length;
    this.#lastStatus = 0;
  }

  /** A new shell of the same host that inherits the variables. */
  child(): Shell {
    return new Shell(this.#host, this.#commands, this.#variables);
  }

  /** A subshell: the same host, its own variables. */
  #copy(): Shell {
    const shell = this.child();
    shell.#parent = this;
    shell.#lastStatus = this.#lastStatus;
    shell.#exitOnError = this.#exitOnError;
    return shell;
  }

  #spawnShell(shell: Shell, body: ShellProcess<number>): Process {
    const guarded = function* (): CommandProcess {
      try {
        return yield* body;
      } catch (error) {
        if (error instanceof Exit) return error.status;
        if (error instanceof LoopControl) return 0;
        throw error;
      }
    };
    return new Process(this.#host.clock, guarded(), shell).start();
  }

  *#andOr(item: AndOr, streams: Streams): ShellProcess<number> {
    const tested = item.rest.length > 0;
    if (tested) this.#tested++;
    let last = item.first;
    try {
      yield* this.#pipeline(item.first, streams);
      for (const { operator, pipeline } of item.rest) {
        if ((operator === "&&") === (this.#lastStatus === 0)) {
          last = pipeline;
          yield* this.#pipeline(pipeline, streams);
        }
      }
    } finally {
      if (tested) this.#tested--;
    }
    const counts = last === (item.rest.at(-1)?.pipeline ?? item.first) && !last.negated;
    if (this.#exitOnError && this.#tested === 0 && counts && this.#lastStatus !== 0) throw new Exit(this.#lastStatus);
    return this.#lastStatus;
  }

  *#pipeline(pipeline: Pipeline, streams: Streams): ShellProcess<void> {
    const { commands } = pipeline;
    let status: number;
    if (commands.length === 1) status = yield* this.#command(commands[0], streams);
    else status = yield* this.#pipes(commands, streams);
    this.#lastStatus = pipeline.negated ? (status === 0 ? 1 : 0) : status;
  }

  *#pipes(commands: readonly ShellCommand[], streams: Streams): ShellProcess<number> {
    const processes: Process[] = [];
    let stdin: Reader = streams.stdin;
    try {
      for (const [index, command] of commands.entries()) {
        const input = stdin;
        const pipe = index < commands.length - 1 ? new Pipe() : null;
        const shell = this.#copy();
        const stage = { stdin: input, stdout: pipe ?? streams.stdout, stderr: streams.stderr };
        const process: Process = this.#spawnShell(
          shell,
          (function* (): ShellProcess<number> {
            try {
              return yield* shell.#command(command, stage);
            } finally {
              pipe?.closeWrite();
              if (input instanceof Pipe) input.closeRead();
            }
          })(),
        );
        if (pipe !== null) {
          pipe.onBroken = () => process.kill("SIGPIPE");
          stdin = pipe;
        }
        processes.push(process);
        yield* untilMoving();
      }
      for (const process of processes) yield* finish(process);
    } finally {
      for (const process of processes) process.kill(this.signal ?? "SIGINT");
    }
    return processes.at(-1)?.status ?? 0;
  }

  *#command(command: ShellCommand, streams: Streams): ShellProcess<number> {
    let inner: Streams;
    try {
      inner = yield* this.#redirect(command.redirections, streams);
    } catch (error) {
      if (error instanceof RedirectionFailed) return 1;
      throw error;
    }
    switch (command.kind) {
      case "simple":
        return yield* this.#simple(command, inner);
      case "group":
        return yield* this.#list(command.body, inner);
      case "subshell": {
        const shell = this.#copy();
        return yield* shell.runList(command.body, inner);
      }
      case "for": {
        const values = yield* this.#expandAll(command.words, inner);
        let status = 0;
        for (const value of values) {
          this.#variables.set(command.name, value);
          try {
            status = yield* this.#list(command.body, inner);
          } catch (error) {
            if (!(error instanceof LoopControl)) throw error;
            if (!error.again) break;
          }
        }
        return status;
      }
      case "while": {
        let status = 0;
        for (;;) {
          this.#tested++;
          try {
            yield* this.#list(command.condition, inner);
          } finally {
            this.#tested--;
          }
          if ((this.#lastStatus === 0) === command.until) return status;
          try {
            status = yield* this.#list(command.body, inner);
          } catch (error) {
            if (!(error instanceof LoopControl)) throw error;
            if (!error.again) return 0;
          }
          // A loop whose commands take no time must still let time pass, or the lab would stand still for ever.
          yield { arm: (wake) => cancelTimer(this.#host, wake) };
        }
      }
      case "if": {
        for (const branch of command.branches) {
          this.#tested++;
          try {
            yield* this.#list(branch.condition, inner);
          } finally {
            this.#tested--;
          }
          if (this.#lastStatus === 0) return yield* this.#list(branch.body, inner);
        }
        return command.otherwise === null ? 0 : yield* this.#list(command.otherwise, inner);
      }
    }
  }

  *#simple(command: ShellCommand & { kind: "simple" }, streams: Streams): ShellProcess<number> {
    this.#lastStatus = command.words.length === 0 ? 0 : this.#lastStatus;
    const words = yield* this.#expandAll(command.words, streams);
    for (const { name, value } of command.assignments) {
      const text = yield* this.#expandToText(value, streams);
      // An assignment before a command is for that command's environment, which no command of the lab reads.
      if (words.length === 0) this.#variables.set(name, text);
    }
    if (words.length === 0) return this.#lastStatus;
    return yield* this.#execute(words, streams);
  }

  *#execute(words: readonly string[], streams: Streams): ShellProcess<number> {
    const [name, ...args] = words;
    try {
      const builtin = BUILTINS.get(name);
      if (builtin !== undefined) {
        const result = builtin(this, args, streams);
        return typeof result === "number" ? result : yield* result;
      }
      return yield* this.#external(name, args, streams);
    } catch (error) {
      if (!(error instanceof WriteError)) throw error;
      streams.stderr.write(
        BUILTINS.has(name) || name === "echo" || name === "printf"
          ? `bash: ${name}: write error: ${error.message}\n`
          : `${name}: write error: ${error.message}\n`,
      );
      return 1;
    }
  }

  *#external(name: string, args: readonly string[], streams: Streams): ShellProcess<number> {
    const plain = name.replace(/^(\/usr)?\/s?bin\//, "");
    const command = this.#commands.get(plain);
    if (command === undefined) {
      const missing = name.includes("/") ? "No such file or directory" : "command not found";
      streams.stderr.write(`bash: ${name}: ${missing}\n`);
      return 127;
    }
    const result = command(this.#context(plain, args, streams));
    return typeof result === "number" ? result : yield* result;
  }

  /** The signal that the shell's commands are being ended by; null while none is. */
  get signal(): Signal | null {
    return this.#signal ?? this.#parent?.signal ?? null;
  }

  /**
   * After SIGINT a shell goes by what its command made of it, and has that command's status; any other signal ends the
   * shell itself, unless it had become its command. Not modelled: after SIGINT was caught, bash runs the rest of a list.
   */
  statusAfter(signal: Signal): number | null {
    return signal === "SIGINT" || this.#replaced ? this.#caught : null;
  }

  /** Notes by which signal it ends, for the `finally` blocks of its commands. */
  ending(signal: Signal): void {
    this.#signal = signal;
  }

  #context(argv0: string, args: readonly string[], streams: Streams): LabContext {
    return {
      net: this.#host.net,
      host: this.#host,
      argv0,
      args,
      // One by one: a command hands its whole context on as the streams of its child (`timeout`, `sudo`).
      stdin: streams.stdin,
      stdout: streams.stdout,
      stderr: streams.stderr,
      signal: () => this.signal,
      catches: (status) => {
        this.#caught = status;
      },
      spawn: (words, inner) => this.spawn(words, inner),
    };
  }

  /** Starts a command by its words, as a process of its own. */
  spawn(words: readonly string[], streams: Streams): Process {
    const shell = this.#copy();
    shell.#replaced = true;
    return new Process(this.#host.clock, shell.#guardedExecute(words, streams), shell).start();
  }

  *#guardedExecute(words: readonly string[], streams: Streams): CommandProcess {
    try {
      return yield* this.#execute(words, streams);
    } catch (error) {
      if (error instanceof Exit) return error.status;
      throw error;
    }
  }

  *#redirect(redirections: readonly Redirection[], streams: Streams): ShellProcess<Streams> {
    let { stdin, stdout, stderr } = streams;
    for (const redirection of redirections) {
      const { fd, kind } = redirection;
      let reader: Reader | null = null;
      let writer: Writer | null = null;
      if (kind === "here") reader = new TextReader(yield* this.#expandToText(redirection.target, streams));
      else if (kind === "<<<") reader = new TextReader(`${yield* this.#expandToText(redirection.target, streams)}\n`);
      else {
        const target = yield* this.#expandToText(redirection.target, streams);
        if (kind === "dup") {
          if (target === "1") writer = stdout;
          else if (target === "2") writer = stderr;
          else if (target === "0" && fd === 0) reader = stdin;
          else if (target === "-") {
            writer = NULL_WRITER;
            reader = new TextReader("");
          } else {
            stderr.write(`bash: ${target}: Bad file descriptor\n`);
            throw new RedirectionFailed();
          }
        } else if (kind === "<") {
          const part = this.#host.files.partOf(target);
          if (part?.isToCome === true) yield* part.arrival();
          reader = this.#openForReading(target, stderr);
        } else writer = this.#openForWriting(target, kind === ">>", stderr);
      }
      if (fd === 0) stdin = reader ?? stdin;
      else if (writer !== null && fd === 1) stdout = writer;
      else if (writer !== null) stderr = writer;
    }
    return { stdin, stdout, stderr };
  }

  #openForReading(path: string, stderr: Writer): Reader {
    try {
      return new TextReader(this.#host.files.read(path));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      stderr.write(`bash: ${path}: ${error.message}\n`);
      throw new RedirectionFailed();
    }
  }

  #openForWriting(path: string, append: boolean, stderr: Writer): Writer {
    const { files } = this.#host;
    try {
      files.open(path, append);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      stderr.write(`bash: ${path}: ${error.message}\n`);
      throw new RedirectionFailed();
    }
    return {
      write: (text) => {
        try {
          files.write(path, text);
        } catch (error) {
          if (error instanceof FileError) throw new WriteError(error.message);
          throw error;
        }
        return true;
      },
    };
  }

  *#expandAll(words: readonly Word[], streams: Streams): ShellProcess<string[]> {
    const all: string[] = [];
    for (const word of words) all.push(...(yield* this.#expand(word, streams)));
    return all;
  }

  /** Expands without splitting: assignments, redirections, here-strings. */
  *#expandToText(word: Word, streams: Streams): ShellProcess<string> {
    let text = "";
    for (const part of word.parts) {
      if (part.kind === "text") text += part.text;
      else if (part.kind === "parameter") text += yield* this.#parameter(part, streams);
      else if (part.kind === "substitution") text += yield* this.#substitute(part.script, streams);
      else text += `{${part.alternatives.join(",")}}`;
    }
    return text;
  }

  *#expand(word: Word, streams: Streams): ShellProcess<string[]> {
    // Each alternative of a brace expansion makes a word of its own; unquoted expansions split at white space.
    let fields: (string | null)[] = [null];
    const append = (text: string): void => {
      fields = fields.map((field) => (field ?? "") + text);
    };
    const done: string[] = [];
    for (const part of word.parts) {
      if (part.kind === "text") append(part.text);
      else if (part.kind === "braces")
        fields = fields.flatMap((field) => part.alternatives.map((alternative) => (field ?? "") + alternative));
      else {
        const text =
          part.kind === "parameter"
            ? yield* this.#parameter(part, streams)
            : yield* this.#substitute(part.script, streams);
        if (part.quoted) {
          append(text);
          continue;
        }
        if (text === "") continue;
        const pieces = text.split(/[ \t\n]+/);
        pieces.forEach((piece, index) => {
          if (index > 0) {
            done.push(...fields.filter((field) => field !== null));
            fields = [null];
          }
          if (piece !== "") append(piece);
        });
      }
    }
    done.push(...fields.filter((field) => field !== null));
    return done;
  }

  *#parameter(
    part: { readonly name: string; readonly fallback: Word | null; readonly length: boolean },
    streams: Streams,
  ): ShellProcess<string> {
    let value: string;
    if (part.name === "?") value = String(this.#lastStatus);
    else if (part.name === "$") value = String(this.#pid);
    else if (part.name === "!") value = this.#lastJob === null ? "" : String(this.#pid + this.#lastJob);
    else if (part.name === "#") value = "0";
    else if (part.name === "0") value = "bash";
    else value = this.#variables.get(part.name) ?? "";
    if (value === "" && part.fallback !== null) value = yield* this.#expandToText(part.fallback, streams);
    return part.length ? String(value.length) : value;
  }

  *#substitute(script: List, streams: Streams): ShellProcess<string> {
    const stdout = new TextWriter();
    const shell = this.#copy();
    this.#lastStatus = yield* shell.runList(script, { ...streams, stdout });
    return stdout.text.replace(/\n+$/, "");
  }

  /** The process of a job by `%n` or its process number; undefined when there is none. */
  job(reference: string): Process | undefined {
    const number = reference.startsWith("%") ? Number(reference.slice(1)) : Number(reference) - this.#pid;
    return this.#jobs[number - 1];
  }
}

function cancelTimer(host: HostEnvironment, wake: () => void): () => void {
  const timer = host.clock.schedule(1000, wake);
  return () => host.clock.cancel(timer);
}

/** Waits for a process; passes a defect in its code on. */
export function* finish(process: Process): ShellProcess<number> {
  while (!process.done) yield relay(process);
  if (process.failure !== null) throw process.failure.error;
  return process.status ?? 0;
}

/** A wait for a process that ends when it does, and is as patient as what the process itself waits for. */
function relay(process: Process): Wait {
  const until = process.waitsUntilMicros;
  return until === 0 ? process.ended : endingAt(process.ended, until);
}

const usage = (streams: Streams, text: string, status: number): number => {
  streams.stderr.write(`bash: ${text}\n`);
  return status;
};

const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
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

/** Whether bash runs the script in its own place: it is one command and nothing else. */
function isOneCommand({ items }: List): boolean {
  const [item] = items;
  if (items.length !== 1 || item.background || item.rest.length > 0 || item.first.negated) return false;
  const [command] = item.first.commands;
  return item.first.commands.length === 1 && command.kind === "simple" && command.redirections.length === 0;
}
