/**
 * What a command of the lab is: a function from arguments and three streams to an exit status. A command that takes
 * (virtual) time is a generator that yields what it waits for; it never blocks and never uses promises, so a run is
 * the same each time.
 */
import type { NetNamespace } from "@netfilter-lab/engine";

/**
 * Something to wait for. `arm` begins the wait and calls `wake` once, at that moment or later; it returns what takes
 * the wait back.
 */
export interface Wait {
  arm(wake: () => void): () => void;
}

/**
 * A command under way: yields waits, returns the exit status. A signal ends it through `return()`, so `finally` runs.
 */
export type CommandProcess = Generator<Wait, number, void>;

/** A stream of text between commands: a pipe, a terminal, a here-string. */
export interface Reader {
  /** The text that is there now (all of it); "" when none is yet; null at the end of the stream. */
  read(): string | null;
  /** Something to read, or the end. */
  readonly readable: Wait;
}

export interface Writer {
  /** Appends text; it is there for the reader at once. Returns false when nobody can read it any more (EPIPE). */
  write(text: string): boolean;
}

export interface CommandContext {
  /** The host it runs on. */
  readonly net: NetNamespace;
  /** Arguments after the command's name. */
  readonly args: readonly string[];
  /** The name it was called by (`iptables`, `iptables-legacy`, ...). */
  readonly argv0: string;
  readonly stdin: Reader;
  readonly stdout: Writer;
  readonly stderr: Writer;
}

/** A command: answers at once with its exit status, or takes time. */
export type Command = (context: CommandContext) => number | CommandProcess;
