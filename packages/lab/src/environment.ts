/** What a command of the lab finds around it besides its arguments: the host, its files, and how to start others. */
import type { NetNamespace, VirtualClock } from "@netfilter-lab/engine";
import type { CommandContext, CommandProcess, Reader, Writer } from "./command.js";
import type { FileSystem } from "./files.js";
import type { Process, Signal } from "./scheduler.js";

/** One host as its commands see it. */
export interface HostEnvironment {
  readonly name: string;
  readonly net: NetNamespace;
  readonly clock: VirtualClock;
  readonly files: FileSystem;
  /** The kernel's log: time in microseconds and line. */
  readonly kernelLog: { readonly atMicros: number; readonly line: string }[];
}

/** The three standard streams. */
export interface Streams {
  readonly stdin: Reader;
  readonly stdout: Writer;
  readonly stderr: Writer;
}

export interface LabContext extends CommandContext {
  readonly host: HostEnvironment;
  /** The signal that is ending the command; null while none does. For its `finally`. */
  signal(): Signal | null;
  /** Tells, in a `finally` that runs for a signal, that the command caught it and exits with a status of its own. */
  catches(status: number): void;
  /** Starts another command by its words. */
  spawn(words: readonly string[], streams: Streams): Process;
}

/** What a command finds that reads and writes files, and knows nothing else of its host. */
export interface FileContext extends CommandContext {
  readonly host: Pick<HostEnvironment, "files">;
}

export type FileCommand = (context: FileContext) => number | CommandProcess;

/** A command that may use {@link LabContext}; every plain `Command` is one too. */
export type LabCommand = (context: LabContext) => number | CommandProcess;

/** A refused write to a file of /proc; the command that wrote reports it. */
export class WriteError extends Error {
  override readonly name = "WriteError";
}
