/**
 * A notebook's running program without Node: cells go in one after the other, what they print, show, return and throw
 * comes out. It means what our tslab kernel means by a cell, and a test runs every lesson in both and compares. Unlike
 * there, a cell's names are later cells' only if it succeeds, types are not checked, and what an earlier cell's
 * variable is assigned reaches that cell's own functions too.
 */
import { type CellRun, displayIn, drawn } from "../notebook/display.js";
import type { CellSink, Displayed, ErrorReport } from "../notebook/sink.js";
import { compileError } from "../notebook/source-error.js";
import type { CompiledCell, RunnableCell } from "./compiled.js";
import { type CellConsole, cellConsole, type Formatting } from "./console.js";
import { linkCell, type wrapperParameters } from "./link.js";
import { CellStacks } from "./stack.js";
import { tslabModule } from "./tslab.js";

/** What a session needs from where it runs. */
export interface SessionHost {
  /** How values are printed: `node:util`'s functions, or `node-inspect-extracted`'s. */
  readonly formatting: Formatting;
  /** Compiles a cell. Given apart, because a page loads the compiler only for cells that were changed. */
  readonly compile: (source: string) => CompiledCell | Promise<CompiledCell>;
  /**
   * What cells may import, besides `tslab`: each module is loaded when a cell asks for it. Where only some of its names
   * are asked for, what comes need have no others.
   */
  readonly modules: { readonly [name: string]: (names?: readonly string[]) => Promise<object> };
  /** Called where the list of modules is told to the reader: "in this page", "in Jupyter". */
  readonly place: string;
}

type Accessors = { [name: string]: PropertyDescriptor };
type WrapperArguments = { readonly [Name in (typeof wrapperParameters)[number]]: unknown };

/** Runs cells. */
export class LiveSession {
  /** How many cells have been run; frames of the n-th read `In[n]`. */
  executionCount = 0;
  readonly #host: SessionHost;
  readonly #stacks = new CellStacks();
  /** Earlier cells' names, as accessors of the cells' own variables. */
  readonly #names: object = Object.create(null) as object;
  readonly #tslab: object;
  readonly #restoreStacks: () => void;
  #running: CellRun | undefined;
  #last: CellRun | undefined;

  constructor(host: SessionHost) {
    this.#host = host;
    this.#restoreStacks = this.#stacks.install();
    this.#tslab = tslabModule((displayed) => this.#display(displayed));
  }

  /** Gives back what the session has changed in its realm. */
  close(): void {
    this.#restoreStacks();
  }

  /**
   * Runs one cell, after the one before has ended.
   *
   * @param compiled the cell as `compileCell` gives it, if that is known already
   * @returns false if the cell did not compile, or threw
   */
  async run(source: string, sink: CellSink, compiled?: CompiledCell): Promise<boolean> {
    const run: CellRun = { sink, drawing: new Set(), failed: false };
    this.executionCount++;
    const cell = compiled ?? (await this.#host.compile(source));
    const problems = cell.ok ? this.#unknownModules(cell) : cell.problems;
    if (!cell.ok || problems.length > 0) {
      sink.error(compileError(source, problems));
      return false;
    }
    this.#running = run;
    this.#last = run;
    try {
      const result = await this.#evaluate(source, cell, run);
      while (run.drawing.size > 0) await Promise.all(run.drawing);
      if (result !== undefined && result[0] !== undefined && result[0] !== null) {
        await drawn(result[0], (data) => sink.result(data), this.#host.formatting.inspect);
      }
      // A rejected promise nobody waits for, or a throw in a callback that is due, is noticed in the next turns.
      await nextTurn();
      await nextTurn();
    } catch (error) {
      if (!run.failed) sink.error(this.#report(error));
      run.failed = true;
    } finally {
      this.#running = undefined;
    }
    return !run.failed;
  }

  /** To be told of what nobody caught: the running cell, else the last one, has failed by it. */
  stray(error: unknown): void {
    const run = this.#running ?? this.#last;
    if (run === undefined) return;
    run.failed = true;
    run.sink.error(this.#report(error));
  }

  async #evaluate(source: string, cell: RunnableCell, run: CellRun): Promise<[unknown] | undefined> {
    const linked = linkCell(cell, (name) => name in this.#names);
    const label = `In[${this.executionCount}]`;
    this.#stacks.add(label, linked, source);
    // Evaluated outside of any function, so that a cell sees globals and nothing of this module.
    // oxlint-disable-next-line no-eval
    const wrapper = (0, eval)(`${linked.code}\n//# sourceURL=${label}`) as (
      ...globals: readonly unknown[]
    ) => (cell: object) => Promise<[unknown] | undefined>;
    let declared: Accessors = {};
    const result = await wrapper(...Object.values(this.#globals(run)))({
      names: this.#names,
      declare: (accessors: object) => {
        declared = Object.getOwnPropertyDescriptors(accessors);
      },
      import: (name: unknown, names?: unknown) =>
        this.#import(String(name), Array.isArray(names) ? names.map(String) : undefined),
    });
    for (const [name, descriptor] of Object.entries(declared)) {
      Object.defineProperty(this.#names, name, { ...descriptor, configurable: true });
    }
    return result;
  }

  /** In the order of `wrapperParameters`. */
  #globals(run: CellRun): WrapperArguments {
    const within =
      <Arguments extends readonly unknown[]>(callback: (...values: Arguments) => unknown) =>
      (...values: Arguments): unknown => {
        // A callback belongs to the cell that set it, even while another one is waiting.
        const before = this.#running;
        this.#running = run;
        try {
          return callback(...values);
        } finally {
          this.#running = before;
        }
      };
    type Callback = (...values: readonly unknown[]) => unknown;
    return {
      console: this.#consoleOf(run),
      display: (value: unknown): void =>
        displayIn(this.#running ?? run, value, this.#host.formatting.inspect, (error) => this.#report(error)),
      setTimeout: (callback: Callback, delay?: number, ...values: readonly unknown[]) =>
        setTimeout(within(callback), delay, ...values),
      setInterval: (callback: Callback, delay?: number, ...values: readonly unknown[]) =>
        setInterval(within(callback), delay, ...values),
      setImmediate: (callback: Callback, ...values: readonly unknown[]) => setTimeout(within(callback), 0, ...values),
      queueMicrotask: (callback: () => void) => queueMicrotask(within(callback)),
    };
  }

  /** What a function of an earlier cell prints belongs to the cell that calls it. */
  #consoleOf(run: CellRun): CellConsole {
    return cellConsole((name, text) => (this.#running ?? run).sink.stream(name, text), this.#host.formatting);
  }

  #display(displayed: Displayed): void {
    const run = this.#running ?? this.#last;
    if (run === undefined) throw new Error("display is only possible in a cell");
    run.sink.display(displayed);
  }

  #unknownModules({ imports }: RunnableCell): { start: number; length: number; text: string }[] {
    return imports
      .filter(({ module }) => !this.#isKnownModule(module))
      .map(({ module, start, length }) => ({ start, length, text: this.#noSuchModule(module) }));
  }

  #isKnownModule(name: string): boolean {
    return name === "tslab" || Object.hasOwn(this.#host.modules, name);
  }

  #noSuchModule(name: string): string {
    const known = [...Object.keys(this.#host.modules), "tslab"].map((each) => `"${each}"`);
    return `cannot import "${name}" ${this.#host.place}; there is ${known.slice(0, -1).join(", ")} and ${known.at(-1)}`;
  }

  async #import(name: string, names: readonly string[] | undefined): Promise<object> {
    if (name === "tslab") return this.#tslab;
    if (!this.#isKnownModule(name)) throw new Error(this.#noSuchModule(name));
    return await this.#host.modules[name]!(names);
  }

  #report(thrown: unknown): ErrorReport {
    const { inspect } = this.#host.formatting;
    if (!(thrown instanceof Error)) {
      const shown = inspect(thrown, { colors: false });
      return { name: "Uncaught", message: shown, traceback: [`Uncaught ${shown}`] };
    }
    const stack = this.#stacks.clean(thrown);
    if (thrown.stack !== stack) {
      Object.defineProperty(thrown, "stack", { value: stack, configurable: true, writable: true, enumerable: false });
    }
    return { name: thrown.name, message: thrown.message, traceback: inspect(thrown, { colors: false }).split("\n") };
  }
}

/** A message channel as browsers and Node both have it. */
interface Channel {
  readonly port1: { addEventListener(type: "message", listener: () => void): void; start(): void; close(): void };
  readonly port2: { postMessage(message: null): void };
}

/** After what is due now has been done. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel() as unknown as Channel;
    port1.addEventListener("message", () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });
}
