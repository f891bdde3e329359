/**
 * Runs what {@link parseShell} read: pipes, lists, loops, jobs and commands, and whom a signal meets. What bash prints
 * for a command that is not there is printed here, as an interactive bash does.
 */
import type { CommandProcess, Reader } from "../command.js";
import { type HostEnvironment, type LabCommand, type LabContext, type Streams, WriteError } from "../environment.js";
import { Process, type Signal } from "../scheduler.js";
import { untilMoving } from "../standstill.js";
import { Pipe, TextReader, TextWriter } from "../streams.js";
import { BUILTINS, type BuiltinShell } from "./builtins.js";
import { Exit, finish, LoopControl, type ShellProcess } from "./control.js";
import { expandAll, expandToText, type Values } from "./expansion.js";
import { RedirectionFailed, redirect } from "./redirection.js";
import { type AndOr, type List, type Pipeline, type ShellCommand, ShellSyntaxError } from "./script.js";
import { parseShell } from "./syntax.js";

/** One shell: variables, background jobs, the exit status of what ran last. */
export class Shell implements BuiltinShell {
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
      inner = yield* redirect(command.redirections, streams, this.#host.files, this.#values(streams));
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
        const values = yield* expandAll(command.words, this.#values(inner));
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
    const words = yield* expandAll(command.words, this.#values(streams));
    for (const { name, value } of command.assignments) {
      const text = yield* expandToText(value, this.#values(streams));
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
   * shell itself, unless it had become its command. Not modelled: after SIGINT was caught, bash runs the rest of a
   * list.
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

  #parameter(name: string): string {
    if (name === "?") return String(this.#lastStatus);
    if (name === "$") return String(this.#pid);
    if (name === "!") return this.#lastJob === null ? "" : String(this.#pid + this.#lastJob);
    if (name === "#") return "0";
    if (name === "0") return "bash";
    return this.#variables.get(name) ?? "";
  }

  /** Where the words of a command with these streams get their values. */
  #values(streams: Streams): Values {
    return {
      parameter: (name) => this.#parameter(name),
      output: (script) => this.#substitute(script, streams),
    };
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

/** Whether bash runs the script in its own place: it is one command and nothing else. */
function isOneCommand({ items }: List): boolean {
  const [item] = items;
  if (items.length !== 1 || item.background || item.rest.length > 0 || item.first.negated) return false;
  const [command] = item.first.commands;
  return item.first.commands.length === 1 && command.kind === "simple" && command.redirections.length === 0;
}
