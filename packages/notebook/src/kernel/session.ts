/**
 * A notebook's running program: cells go in one after the other, what they print, show, return and throw comes out,
 * always attributed to the cell that did it, however late. tslab's converter and executor do the compiling and running;
 * this module mends what a cell's reader would otherwise miss. One session per process: it takes over
 * `process.stdout`, `process.stderr` and `Error.prepareStackTrace`.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { homedir } from "node:os";
import { dirname } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { inspect } from "node:util";
import type { Converter, Diagnostic } from "tslab/dist/converter.js";
import type { Executor } from "tslab/dist/executor.js";
import { type CellRun, displayIn, drawn } from "../notebook/display.js";
import type { MimeBundle } from "../notebook/model.js";
import type { CellSink, ErrorReport } from "../notebook/sink.js";
import { compileError } from "../notebook/source-error.js";
import { hideAsyncIds } from "./display.js";
import { type AdaptedSource, adaptSource } from "./source.js";
import { StackTraces } from "./stack.js";
import { loadTslab, type Tslab } from "./tslab.js";

type Jupyter = Tslab["jupyter"];

/** Runs cells. */
export class Session {
  readonly executor: Executor;
  /** How many cells have been run; frames of the n-th read `In[n]`. */
  executionCount = 0;
  readonly #tslab: Tslab;
  readonly #converter: Converter;
  readonly #currentCell = new AsyncLocalStorage<CellRun>();
  readonly #stackTraces = new StackTraces();
  readonly #directory: string;
  #running: CellRun | undefined;
  #adapted: AdaptedSource | undefined;
  #source = "";
  #diagnostics: readonly Diagnostic[] = [];
  #thrown: { error: unknown } | undefined;
  #result: { value: unknown } | undefined;
  /** Cells compiled ahead, by the declarations before them and their code. */
  readonly #prepared: Map<string, { converted: ReturnType<Converter["convert"]>; sourceMaps: readonly string[] }> =
    new Map();

  /** @param directory where the notebook lies; imports are resolved from there. Must be the working directory. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#tslab = loadTslab();
    this.#converter = this.#tslab.converter.createConverter({ isJS: false, isBrowser: false });
    const node: Converter = {
      ...this.#converter,
      convert: (declarations, source) => this.#convert(declarations, source),
    };
    this.executor = this.#tslab.executor.createExecutor(
      directory,
      { node, browser: node, close: () => this.#converter.close() },
      {
        // tslab calls this with the value of the cell's last expression, and with nothing else.
        log: (value: unknown) => {
          this.#result = { value };
        },
        // And this with what the cell threw, or with a format and a diagnostic, which #convert has kept already.
        error: (...parts: unknown[]) => {
          if (parts.length === 1) this.#thrown = { error: parts[0] };
        },
      },
    );
    this.#stackTraces.install();
    hideAsyncIds();
    this.#takeOverOutput();
    this.#catchStrayErrors();
    // The first compilation loads the library's declarations; later ones only look at what changed.
    this.#converter.convert("", "");
    this.#tslab.takeSourceMaps();
  }

  /**
   * Compiles cells ahead, as if each ran after the one before: where time is real, compiling between two cells takes of
   * the time that a lesson gives its servers and timers. What is run then is the same; a cell that does not compile
   * ends the preparation.
   */
  prepare(sources: readonly string[]): void {
    let declarations = "";
    for (const source of sources) {
      const adapted = adaptSource(this.#tslab.ts, source);
      if (adapted.refusals.length > 0) return;
      const compiled = this.#compile(declarations, adapted.code);
      if (compiled.converted.diagnostics.length > 0) return;
      this.#prepared.set(preparedKey(declarations, adapted.code), compiled);
      declarations = compiled.converted.declOutput ?? "";
    }
  }

  /**
   * Runs one cell, after the one before has ended.
   *
   * @returns false if the cell did not compile, or threw
   */
  async run(source: string, sink: CellSink): Promise<boolean> {
    const run: CellRun = { sink, drawing: new Set(), failed: false };
    this.executionCount++;
    this.#source = source;
    this.#diagnostics = [];
    this.#thrown = undefined;
    this.#result = undefined;
    this.#adapted = adaptSource(this.#tslab.ts, source);
    if (this.#adapted.refusals.length > 0) {
      sink.error(
        compileError(
          source,
          this.#adapted.refusals.map((refusal) => ({ ...refusal, text: refusal.reason })),
        ),
      );
      return false;
    }
    this.#running = run;
    try {
      const finished = await this.#currentCell.run(run, () => this.executor.execute(source));
      if (!finished) {
        if (!run.failed) sink.error(this.#whatWentWrong());
        return false;
      }
      while (run.drawing.size > 0) await Promise.all(run.drawing);
      const result = this.#result as { value: unknown } | undefined;
      if (result !== undefined) {
        try {
          await this.#currentCell.run(run, () => drawn(result.value, (data) => sink.result(data), inspect));
        } catch (error) {
          sink.error(this.#report(error));
          return false;
        }
      }
      // A rejected promise nobody waits for, or a throw in a callback that is due, is noticed in the next turns.
      await turn();
      await turn();
      return !run.failed;
    } finally {
      this.#running = undefined;
    }
  }

  /** Ends the running cell, as far as it is waiting for something; a busy loop is ended by SIGINT itself. */
  interrupt(): void {
    this.executor.interrupt();
  }

  /** Stops watching files, so that the process can end. */
  close(): void {
    this.executor.close();
  }

  #convert(declarations: string, source: string): ReturnType<Converter["convert"]> {
    const adapted = this.#adapted;
    if (adapted === undefined) throw new Error("convert called outside a cell");
    const { converted, sourceMaps } =
      this.#prepared.get(preparedKey(declarations, adapted.code)) ?? this.#compile(declarations, adapted.code);
    this.#diagnostics = converted.diagnostics;
    if (converted.output === undefined || converted.output === "") return converted;
    const label = `In[${this.executionCount}]`;
    this.#stackTraces.add({
      label,
      sourceMaps,
      originalOffset: adapted.originalOffset,
      compiledSource: adapted.code,
      source,
    });
    return {
      ...converted,
      output: `${converted.output}\n//# sourceURL=${label}`,
      hasToplevelAwait: converted.hasToplevelAwait === true || adapted.hasTopLevelForAwait,
    };
  }

  #compile(
    declarations: string,
    code: string,
  ): { converted: ReturnType<Converter["convert"]>; sourceMaps: readonly string[] } {
    const converted = this.#converter.convert(declarations, code);
    return { converted, sourceMaps: this.#tslab.takeSourceMaps() };
  }

  #whatWentWrong(): ErrorReport {
    const adapted = this.#adapted;
    if (this.#diagnostics.length > 0 && adapted !== undefined) {
      const problems = this.#diagnostics.map((diagnostic) => {
        const start = adapted.originalOffset(diagnostic.start.offset);
        const length = Math.max(1, adapted.originalOffset(diagnostic.end.offset) - start);
        return { start, length, text: diagnostic.messageText, file: diagnostic.fileName };
      });
      return compileError(this.#source, problems);
    }
    const thrown = this.#thrown;
    if (thrown === undefined) throw new Error("tslab reported a failure without a reason");
    return this.#report(thrown.error);
  }

  #report(thrown: unknown): ErrorReport {
    if (!(thrown instanceof Error) && !isErrorOfAnotherRealm(thrown)) {
      const shown = inspect(thrown, { colors: false });
      return { name: "Uncaught", message: shown, traceback: [`Uncaught ${shown}`] };
    }
    const error = thrown;
    const code: unknown = Reflect.get(error, "code");
    if (code === "ERR_SCRIPT_EXECUTION_INTERRUPTED" || error.message === "Interrupted asynchronously") {
      return {
        name: "Interrupted",
        message: "the cell was interrupted",
        traceback: ["Interrupted: the cell was interrupted"],
      };
    }
    if (code === "MODULE_NOT_FOUND") {
      // The rest of the message, and this property, list files of the machine.
      const message = error.message.split("\n")[0] ?? "";
      return { name: error.name, message, traceback: [`${error.name}: ${message}`] };
    }
    return {
      name: error.name,
      message: this.#withoutPaths(error.message),
      traceback: this.#withoutPaths(inspect(error, { colors: false })).split("\n"),
    };
  }

  /** Nothing that is saved names a folder of the machine. */
  #withoutPaths(text: string): string {
    const parent = dirname(this.#directory);
    let clean = text.replaceAll(`${this.#directory}/`, "");
    if (parent !== "/") clean = clean.replaceAll(`${parent}/`, "../");
    const home = homedir();
    return home === "/" ? clean : clean.replaceAll(`${home}/`, "~/");
  }

  #takeOverOutput(): void {
    for (const name of ["stdout", "stderr"] as const) {
      const stream = process[name];
      const write = stream.write.bind(stream);
      const decoder = new TextDecoder();
      const writeToCell = (
        chunk: string | Uint8Array,
        encodingOrDone?: BufferEncoding | ((error?: Error | null) => void),
        done?: (error?: Error | null) => void,
      ): boolean => {
        const run = this.#currentCell.getStore();
        if (run === undefined) {
          return typeof encodingOrDone === "string" ? write(chunk, encodingOrDone, done) : write(chunk, encodingOrDone);
        }
        run.sink.stream(name, typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }));
        const callback = typeof encodingOrDone === "function" ? encodingOrDone : done;
        if (callback !== undefined) process.nextTick(callback);
        return true;
      };
      stream.write = writeToCell as typeof stream.write;
      // What a cell prints must not depend on whether Jupyter was started from a terminal.
      stream.isTTY = false;
    }
    delete process.env["FORCE_COLOR"];
    process.env["NO_COLOR"] = "1";
    process.env["TZ"] = "UTC";
    process.removeAllListeners("warning");
    process.on("warning", (warning) => {
      // Packages written as ES modules are loaded by `require`; Node calls that experimental in every such process.
      if (warning.name !== "ExperimentalWarning") process.stderr.write(`${warning.name}: ${warning.message}\n`);
    });
    // tslab's own `display` object, and the `display` of every cell.
    const show = (data: MimeBundle, displayId: string | undefined, update: boolean | undefined): void => {
      const run = this.#currentCell.getStore();
      if (run === undefined) throw new Error("display is only possible in a cell");
      run.sink.display({ data, displayId, replaces: update === true });
    };
    Object.defineProperty(globalThis, "display", {
      value: (value: unknown): void => {
        const run = this.#currentCell.getStore();
        if (run === undefined) throw new Error("display is only possible in a cell");
        displayIn(run, value, inspect, (error) => this.#report(error));
      },
      configurable: true,
      writable: true,
    });
    const jupyter: { lastWriteDisplayData: Jupyter["lastWriteDisplayData"] } = this.#tslab.jupyter;
    jupyter.lastWriteDisplayData = ({ data, transient }, update) =>
      show(data as MimeBundle, transient.display_id, update);
  }

  #catchStrayErrors(): void {
    const caught = (error: unknown): void => {
      const run = this.#currentCell.getStore() ?? this.#running;
      if (run === undefined) {
        process.stderr.write(`${this.#report(error).traceback.join("\n")}\n`);
        return;
      }
      run.failed = true;
      run.sink.error(this.#report(error));
      // What the cell waits for may never come now.
      if (run === this.#running) this.executor.interrupt();
    };
    process.on("uncaughtException", caught);
    process.on("unhandledRejection", caught);
  }
}

function preparedKey(declarations: string, code: string): string {
  return `${declarations}\0${code}`;
}

function isErrorOfAnotherRealm(value: unknown): value is Error {
  return Object.prototype.toString.call(value) === "[object Error]";
}
