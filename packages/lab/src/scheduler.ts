/**
 * Runs commands over virtual time. Each process is a generator that yields what it waits for; it is resumed from the
 * clock, never from inside another process, so a run is the same each time.
 */
import type { VirtualClock } from "@netfilter-lab/engine";
import type { CommandProcess, Wait } from "./command.js";
import { STANDSTILL, standstill } from "./standstill.js";
import { OutputLimitError } from "./streams.js";

/** How long a command may go on in `sh` when nothing says that it will end. */
const PATIENCE_MICROS = 600_000_000;
/** How many waits of known length prolong that. */
const MAX_TIMED_WAITS = 5000;
/** No wait is granted beyond this time of the lab (a hundred years): `sleep infinity` does not end. */
const MAX_WAIT_MICROS = 100 * 365 * 86_400_000_000;
/** What may end a process from outside. */
export type Signal = "SIGINT" | "SIGTERM" | "SIGPIPE" | "SIGKILL";

const SIGNAL_NUMBERS: Readonly<Record<Signal, number>> = { SIGINT: 2, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15 };

/** A wait that ends by itself at a known time, however far: `sleep 1h` is no hang. */
export interface TimedWait extends Wait {
  readonly endsAtMicros: number;
}

/** Waits for a duration. */
export function sleepFor(clock: VirtualClock, micros: number): TimedWait {
  return {
    endsAtMicros: clock.nowMicros + micros,
    arm: (wake) => {
      const timer = clock.schedule(micros, wake);
      return () => clock.cancel(timer);
    },
  };
}

/** A pause that a command makes between what it does; it says nothing of when the command ends. */
export function pauseFor(clock: VirtualClock, micros: number): Wait {
  const sleep = sleepFor(clock, micros);
  return { arm: (wake) => sleep.arm(wake) };
}

/** A wait with the time by which it ends whatever happens. */
export function endingAt(wait: Wait, endsAtMicros: number): TimedWait {
  return { endsAtMicros, arm: (wake) => wait.arm(wake) };
}

/** The first of several waits. */
export function anyOf(...waits: readonly Wait[]): Wait {
  return {
    arm: (wake) => {
      const cancels: (() => void)[] = [];
      let woken = false;
      for (const wait of waits) {
        cancels.push(
          wait.arm(() => {
            if (woken) return;
            woken = true;
            wake();
          }),
        );
      }
      return () => {
        woken = true;
        for (const cancel of cancels) cancel();
      };
    },
  };
}

/** Something that commands and callbacks of the engine tell one another: `set` wakes who waits. */
export class Flag {
  #set = false;
  readonly #waiting: Set<() => void> = new Set();

  set(): void {
    this.#set = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  clear(): void {
    this.#set = false;
  }

  readonly wait: Wait = {
    arm: (wake) => {
      if (this.#set) {
        wake();
        return () => {};
      }
      this.#waiting.add(wake);
      return () => this.#waiting.delete(wake);
    },
  };
}

/** The shell whose commands a process runs, as far as signals concern it. */
export interface SignalOwner {
  /** The signal comes: the commands' `finally` blocks may ask for it. */
  ending(signal: Signal): void;
  /** The exit status where the signal was caught by a command that ends by itself; null where the signal killed. */
  statusAfter(signal: Signal): number | null;
}

/** A command under way. */
export class Process {
  readonly #clock: VirtualClock;
  readonly #generator: CommandProcess;
  readonly #ended: Flag = new Flag();
  #status: number | null = null;
  #failure: { readonly error: unknown } | null = null;
  #cancelWait: (() => void) | null = null;
  #running = false;
  #waitsUntil = 0;
  #pendingSignal: Signal | null = null;
  readonly #owner: SignalOwner | null;

  constructor(clock: VirtualClock, generator: CommandProcess, owner: SignalOwner | null = null) {
    this.#clock = clock;
    this.#generator = generator;
    this.#owner = owner;
  }

  /** Runs it up to its first wait. */
  start(): this {
    this.#resume();
    return this;
  }

  get done(): boolean {
    return this.#status !== null;
  }

  /** The exit status; null while it runs. */
  get status(): number | null {
    return this.#status;
  }

  /** Why the command's own code failed, when it did: a defect of the lab. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  /** Waits for the end. */
  get ended(): Wait {
    return this.#ended.wait;
  }

  /** When the wait it is in ends by itself, in microseconds of virtual time; 0 when that is not known. */
  get waitsUntilMicros(): number {
    return this.#waitsUntil;
  }

  /** Ends it; its `finally` blocks run, and may print. */
  kill(signal: Signal): void {
    if (this.done) return;
    this.#owner?.ending(signal);
    if (this.#running) {
      this.#pendingSignal = signal;
      return;
    }
    this.#cancelWait?.();
    this.#cancelWait = null;
    this.#running = true;
    try {
      const result = this.#generator.return(128 + SIGNAL_NUMBERS[signal]);
      // A `finally` that waits would outlive its signal: finish it without waiting.
      if (result.done !== true) throw new Error("a command must not wait while it is being ended");
      this.#finish(this.#owner?.statusAfter(signal) ?? 128 + SIGNAL_NUMBERS[signal]);
    } catch (error) {
      this.#failure = { error };
      this.#finish(1);
    } finally {
      this.#running = false;
    }
  }

  #finish(status: number): void {
    this.#status = status;
    this.#ended.set();
  }

  #resume(): void {
    if (this.done) return;
    this.#cancelWait = null;
    this.#running = true;
    try {
      const result = this.#generator.next();
      if (result.done === true) this.#finish(result.value);
      else {
        const wait = result.value;
        this.#waitsUntil = "endsAtMicros" in wait ? (wait as TimedWait).endsAtMicros : 0;
        // Resumed from the clock and not from inside the waker, which may be another process.
        let timer: ReturnType<VirtualClock["schedule"]> | null = null;
        const disarm = wait.arm(() => {
          // But after a standstill exactly where it was.
          if (wait === STANDSTILL) this.#resume();
          else timer ??= this.#clock.schedule(0, () => this.#resume());
        });
        this.#cancelWait = () => {
          disarm();
          if (timer !== null) this.#clock.cancel(timer);
        };
      }
    } catch (error) {
      this.#failure = { error };
      this.#finish(1);
    } finally {
      this.#running = false;
    }
    if (this.#pendingSignal !== null) {
      const signal = this.#pendingSignal;
      this.#pendingSignal = null;
      this.kill(signal);
    }
  }
}

/**
 * Runs the clock until the process ends, in steps as {@link standstill} carries them. Returns null then, and otherwise,
 * having ended it, why it never would have; printing more than the lab keeps is one way.
 * Throws what the command's own code threw.
 */
export function* runToEnd(clock: VirtualClock, process: Process): Generator<void, string | null, void> {
  let limit = clock.nowMicros + PATIENCE_MICROS;
  let waitsUntil = 0;
  let waits = 0;
  while (!process.done) {
    // A wait of known length (`sleep 3h`) is granted; a loop that sleeps for ever is not.
    const { waitsUntilMicros } = process;
    if (waitsUntilMicros > waitsUntil && waitsUntilMicros < MAX_WAIT_MICROS && waits < MAX_TIMED_WAITS) {
      waits++;
      waitsUntil = waitsUntilMicros;
      limit = Math.max(limit, waitsUntil + PATIENCE_MICROS);
    }
    if (clock.nextMicros > limit) {
      const reason =
        clock.nextMicros === Number.POSITIVE_INFINITY
          ? "waits for something that cannot come"
          : `has not ended after ${Math.round(PATIENCE_MICROS / 60_000_000)} minutes of the lab's time`;
      process.kill("SIGINT");
      return reason;
    }
    clock.step();
    if (standstill.isHeld) yield;
  }
  if (process.failure === null) return null;
  const { error } = process.failure;
  if (error instanceof OutputLimitError) return error.message;
  throw error;
}

/** Lets time pass, in steps as {@link standstill} carries them. */
export function* passTime(clock: VirtualClock, micros: number): Generator<void, void, void> {
  const end = clock.nowMicros + micros;
  while (clock.nextMicros <= end) {
    clock.step();
    if (standstill.isHeld) yield;
  }
  clock.runUntil(end);
}
