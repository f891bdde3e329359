/** How control leaves a shell's commands other than by their end, and how it waits for them. */
import type { Wait } from "../command.js";
import { endingAt, type Process } from "../scheduler.js";

/** A part of a script that runs: it waits, and returns what it was for. */
export type ShellProcess<T> = Generator<Wait, T, void>;

/** Leaves the shell from wherever it is: `exit`. */
export class Exit extends Error {
  readonly status: number;

  constructor(status: number) {
    super("exit");
    this.status = status;
  }
}

/** Leaves one or more loops: `break`, `continue`. */
export class LoopControl extends Error {
  readonly again: boolean;

  constructor(again: boolean) {
    super(again ? "continue" : "break");
    this.again = again;
  }
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
