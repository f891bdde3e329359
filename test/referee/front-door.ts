/**
 * A backend behind `netfilter-lab scenario`: one process that is asked scenario by scenario, or many at once. A process
 * that ends, or says nothing for too long, has failed at the scenario it was asked first; the next ask starts another.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Answer, Backend, Scenario } from "./scenario.js";

/** How long a backend may take over one scenario. */
const PATIENCE_MILLISECONDS = 60_000;

interface Waiting {
  /** When it was asked, in milliseconds. */
  readonly asked: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class FrontDoor implements Backend {
  readonly #command: readonly string[];
  #child: ChildProcessWithoutNullStreams | null = null;
  #waiting: Waiting[] = [];
  #stderr = "";
  #timer: NodeJS.Timeout | null = null;
  /** Milliseconds during which some scenario was under way. */
  busyMilliseconds = 0;
  #since = 0;
  /** When the last answer came. */
  #answered = 0;

  /** @param command The program and its arguments. */
  constructor(command: readonly string[]) {
    this.#command = command;
  }

  ask(scenario: Scenario): Promise<Answer> {
    const child = this.#child ?? this.#start();
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) {
        this.#since = performance.now();
        this.#watch();
      }
      this.#waiting.push({ asked: performance.now(), resolve, reject });
      child.stdin.write(`${JSON.stringify(scenario)}\n`);
    });
  }

  /** Lets the process end by itself; resolves when it has. */
  close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const child = this.#child;
    this.#child = null;
    if (child === null) return Promise.resolve();
    return new Promise((resolve) => {
      child.on("close", () => resolve());
      child.stdin.end();
    });
  }

  #watch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#child?.kill("SIGKILL");
    }, PATIENCE_MILLISECONDS);
  }

  #start(): ChildProcessWithoutNullStreams {
    const [program, ...args] = this.#command;
    const child = spawn(program, args, { stdio: "pipe" });
    this.#child = child;
    this.#stderr = "";
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    // What is written to a process that has died is lost with it; its end is told by "close".
    child.stdin.on("error", () => {});
    createInterface({ input: child.stdout }).on("line", (line) => {
      const first = this.#waiting.shift();
      // The process answers in turn: it began this one when it had told the one before.
      const now = performance.now();
      const seconds = (now - Math.max(first?.asked ?? now, this.#answered)) / 1000;
      this.#answered = now;
      this.#rest();
      try {
        first?.resolve({ ...(JSON.parse(line) as Answer), seconds });
      } catch {
        first?.reject(new Error(`${this.#command.join(" ")} wrote a line that is no JSON: ${line.slice(0, 200)}`));
      }
    });
    const failed = (reason: string): void => {
      if (this.#child === child) this.#child = null;
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#rest();
      for (const { reject } of waiting) reject(new Error(`${this.#command.join(" ")} ${reason}: ${this.#stderr}`));
    };
    child.on("error", (error) => failed(error.message));
    child.on("close", (code, signal) => failed(`ended (${code ?? signal})`));
    return child;
  }

  #rest(): void {
    if (this.#waiting.length > 0) {
      this.#watch();
      return;
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.busyMilliseconds += performance.now() - this.#since;
    this.#since = performance.now();
  }
}
