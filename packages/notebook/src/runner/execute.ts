/**
 * Runs a notebook from top to bottom, without Jupyter: one fresh kernel process a notebook, the same kernel Jupyter
 * starts. Outputs come back normalised: adjacent pieces of one stream joined, replaced displays in their place.
 */
import { fork } from "node:child_process";
import { setPriority } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Event, Request } from "../kernel/child.js";
import { type CodeCell, hasTag, type Notebook, type Output } from "../notebook/model.js";

/** Settings of {@link executeNotebook}. */
export interface ExecuteOptions {
  /** Where cells run and imports are resolved from; the folder of the notebook's path by default. */
  readonly directory?: string;
  /** How long one cell may take, in seconds; 60 by default. */
  readonly cellTimeoutSeconds?: number;
  /** Called when a cell has ended. */
  readonly onCell?: (result: CellResult) => void;
  /** Set in the kernel's environment, besides this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Compile all cells before the first one runs: for cells that run in real time. */
  readonly compileFirst?: boolean;
  /**
   * Let other programs go first (nice 10); with `compileFirst`, until all is compiled, and before all others from then
   * on: cells that run in real time must not wait for a processor. Needs root there.
   */
  readonly yields?: boolean;
  /** Stop at the first cell that fails (true by default), as Jupyter's "run all" does. */
  readonly stopOnError?: boolean;
}

/** What running one code cell gave. */
export interface CellResult {
  /** The cell's place among all cells of the notebook, counted from 0. */
  readonly index: number;
  readonly outputs: readonly Output[];
  /** How long it took, in milliseconds; 0 for a cell that did not run. */
  readonly milliseconds: number;
  /** Why the cell counts as failed, in a sentence; `undefined` if it does not. */
  readonly failure: string | undefined;
  /** What the cell asked of a lab on real Linux that only the engine can tell, by name. */
  readonly engineOnly: readonly string[];
  /** What each lab's clock showed at the cell's end, in seconds, oldest lab first; null for one no longer used. */
  readonly labSeconds: readonly (number | null)[];
}

/** What running a notebook gave. */
export interface ExecuteResult {
  /** The notebook with the new outputs; cells that did not run keep theirs. */
  readonly notebook: Notebook;
  /** Of the code cells, in order. */
  readonly cells: readonly CellResult[];
  /** From starting the process to the kernel being ready, in milliseconds. */
  readonly readyMilliseconds: number;
  /** True if no cell failed. */
  readonly ok: boolean;
}

const kernelFile = fileURLToPath(new URL("../../bin/kernel.mjs", import.meta.url));

interface RunningCell {
  readonly index: number;
  readonly cell: CodeCell;
  readonly outputs: Output[];
  milliseconds: number;
  state: "waiting" | "running" | "done";
  /** Set when the kernel itself is to blame: a timeout, or its death. */
  broken: string | undefined;
  engineOnly: readonly string[];
  labSeconds: readonly (number | null)[];
}

/** Where a display with an id is, so that it can be replaced. */
interface Place {
  readonly outputs: Output[];
  readonly at: number;
}

/** Runs every code cell of a notebook in a fresh kernel. Cells' failures are results, not exceptions. */
export async function executeNotebook(notebook: Notebook, options: ExecuteOptions = {}): Promise<ExecuteResult> {
  const timeoutSeconds = options.cellTimeoutSeconds ?? 60;
  const started = performance.now();
  let readyMilliseconds = 0;
  const cells: RunningCell[] = [];
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.type === "code" && cell.source.trim() !== "") {
      const untold = { milliseconds: 0, broken: undefined, engineOnly: [], labSeconds: [] };
      cells.push({ index, cell, outputs: [], state: "waiting", ...untold });
    }
  }

  await new Promise<void>((resolve, reject) => {
    const kernel = fork(kernelFile, [], {
      cwd: options.directory ?? dirname(notebook.path),
      env: { ...process.env, TZ: "UTC", LC_ALL: "C.UTF-8", NO_COLOR: "1", ...options.environment },
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      serialization: "json",
    });
    const priority = (niceness: number): void => {
      if (options.yields === true && kernel.pid !== undefined) setPriority(kernel.pid, niceness);
    };
    priority(10);
    let timer: NodeJS.Timeout | undefined;
    let next = 0;
    let cellStarted = 0;
    let finishing = false;
    let stderr = "";
    const displays = new Map<string, Place>();
    kernel.stderr?.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-4000);
    });
    const ask = (request: Request): void => {
      kernel.send(request, () => {
        // A kernel that is gone is noticed by its exit.
      });
    };
    const end = (running: RunningCell, reason: string): void => {
      running.broken = reason;
      kernel.kill("SIGKILL");
    };
    const runNext = (): void => {
      const running = cells[next];
      if (running === undefined) {
        finishing = true;
        ask({ type: "finish" });
        return;
      }
      running.state = "running";
      cellStarted = performance.now();
      timer = setTimeout(() => end(running, `took longer than ${timeoutSeconds} s`), timeoutSeconds * 1000);
      ask({ type: "run", cell: next, source: running.cell.source });
    };
    kernel.on("message", (event: Event) => {
      switch (event.type) {
        case "ready":
          readyMilliseconds = performance.now() - started;
          if (options.compileFirst === true) ask({ type: "prepare", sources: cells.map(({ cell }) => cell.source) });
          else runNext();
          return;
        case "prepared":
          priority(-15);
          runNext();
          return;
        case "finished":
          return;
        case "done": {
          clearTimeout(timer);
          const running = cells[event.cell]!;
          running.milliseconds = performance.now() - cellStarted;
          running.state = "done";
          running.engineOnly = event.engineOnly;
          running.labSeconds = event.labSeconds;
          const result = resultOf(running);
          options.onCell?.(result);
          next = event.cell + 1;
          if (result.failure !== undefined && options.stopOnError !== false) next = cells.length;
          runNext();
          return;
        }
        default:
          record(cells[event.cell]!.outputs, displays, event);
      }
    });
    kernel.on("error", reject);
    kernel.on("exit", (code, signal) => {
      clearTimeout(timer);
      const running = cells.find((cell) => cell.state === "running");
      if (running !== undefined) {
        running.broken ??= `ended the kernel (${signal === null ? `exit status ${code}` : `signal ${signal}`})${stderr === "" ? "" : `:\n${stderr.trimEnd()}`}`;
        running.state = "done";
        running.milliseconds = performance.now() - cellStarted;
        options.onCell?.(resultOf(running));
      } else if (!finishing) {
        reject(new Error(`the kernel did not start (exit status ${code}): ${stderr.trimEnd()}`));
        return;
      }
      resolve();
    });
  });

  const results = cells.map(resultOf);
  const outputsOf = new Map(cells.filter((cell) => cell.state === "done").map((cell) => [cell.index, cell.outputs]));
  return {
    notebook: {
      ...notebook,
      cells: notebook.cells.map((cell, index) => {
        if (cell.type !== "code") return cell;
        if (cell.source.trim() === "") return { ...cell, outputs: [] };
        return { ...cell, outputs: outputsOf.get(index) ?? cell.outputs };
      }),
    },
    cells: results,
    readyMilliseconds,
    ok: results.every((result) => result.failure === undefined),
  };
}

function record(
  outputs: Output[],
  displays: Map<string, Place>,
  event: Exclude<Event, { type: "ready" | "prepared" | "done" | "finished" }>,
): void {
  switch (event.type) {
    case "stream": {
      const last = outputs.at(-1);
      if (last?.type === "stream" && last.name === event.name) {
        outputs[outputs.length - 1] = { ...last, text: last.text + event.text };
      } else outputs.push({ type: "stream", name: event.name, text: event.text });
      return;
    }
    case "display": {
      const { data, displayId, replaces } = event.displayed;
      const place = displayId === undefined ? undefined : displays.get(displayId);
      const output: Output = { type: "display_data", data, metadata: {} };
      if (replaces && place !== undefined) {
        place.outputs[place.at] = output;
        return;
      }
      if (displayId !== undefined) displays.set(displayId, { outputs, at: outputs.length });
      outputs.push(output);
      return;
    }
    case "result":
      outputs.push({ type: "execute_result", data: event.data, metadata: {} });
      return;
    case "error":
      outputs.push({ type: "error", ...event.report });
  }
}

function resultOf(running: RunningCell): CellResult {
  const { index, cell, outputs, milliseconds, state, broken, engineOnly, labSeconds } = running;
  return {
    index,
    outputs,
    milliseconds,
    engineOnly,
    labSeconds,
    failure: broken ?? failureOf(cell, outputs, state === "done"),
  };
}

/** A cell fails by an error nobody expected, and by an expected one that does not come. */
function failureOf(cell: CodeCell, outputs: readonly Output[], ran: boolean): string | undefined {
  if (!ran) return "did not run, because an earlier cell failed";
  const error = outputs.find((output) => output.type === "error");
  const expected = hasTag(cell, "raises-exception");
  if (error !== undefined && !expected) return `threw ${error.name}: ${error.message}`;
  if (error === undefined && expected) return "is tagged raises-exception, but threw nothing";
  return undefined;
}
