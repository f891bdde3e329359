/**
 * A page's cells at work: the document, the worker, and the order in which cells run. React listens to it; whatever
 * keeps, shares or replaces cells talks to it. One for each page, so that coming back finds what was left.
 */
import type { CompiledCell } from "@netfilter-lab/notebook/live";
import {
  type DocumentAction,
  type LiveCell,
  type LiveDocument,
  needsRun,
  type PageCell,
  publishedDocument,
  reduceDocument,
} from "./document.js";
import { OutputCollector } from "./outputs.js";
import type { CellEvent } from "./protocol.js";
import { CellRunner, type LiveParts, type Prefetched, type RunEnd, RunEnded } from "./runner.js";

/** What everyone who listens gets; a new object whenever anything in it is new. */
export interface NotebookState {
  readonly document: LiveDocument;
  readonly isRunning: boolean;
  /** What is said to everyone, aloud too: what ran, what failed. */
  readonly status: string;
  /** Which cell is to have the keyboard, and how; a new object each time it is asked for. */
  readonly focus?: { readonly id: string; readonly mode: "command" | "edit" };
}

/** What runs cells; the worker's runner, or another in tests. */
export interface Runner {
  prefetch(...names: readonly Prefetched[]): void;
  run(run: number, source: string, compiled: CompiledCell | null): Promise<RunEnd>;
  restart(): void;
  stop(): void;
}

/** Makes the runner of a page when it is first needed. */
export type MakeRunner = (onEvent: (run: number, event: CellEvent) => void, onDeath: () => void) => Runner;

/** One page's notebook. */
export class LiveNotebook {
  readonly #listeners = new Set<() => void>();
  readonly #compiled: ReadonlyMap<string, CompiledCell>;
  readonly #collectors = new Map<number, { cell: string; collector: OutputCollector }>();
  readonly #makeRunner: MakeRunner;
  #runner: Runner | undefined;
  readonly #published: NotebookState;
  #state: NotebookState;
  #runs = 0;
  #added = 0;
  /** Outputs are shown in the order they come, though some have to be made safe first. */
  #showing: Promise<void> = Promise.resolve();
  #pending: number | undefined;

  /** @param cells the lesson's, in the order in which they run */
  constructor(cells: readonly PageCell[], makeRunner: MakeRunner) {
    this.#makeRunner = makeRunner;
    this.#compiled = new Map(cells.map(({ source, compiled }) => [source, compiled]));
    this.#published = { document: publishedDocument(cells), isRunning: false, status: "" };
    this.#state = this.#published;
  }

  /** The state now; the same object until something changes. */
  readonly state = (): NotebookState => this.#state;

  /** The state in which the page's HTML shows it: the lesson as published. */
  readonly published = (): NotebookState => this.#published;

  /** Calls back whenever the state has changed. Returns what ends that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Changes the document. */
  dispatch(action: DocumentAction): void {
    const document = reduceDocument(this.#state.document, action);
    if (document !== this.#state.document) this.#set({ document });
  }

  /** Says something to everyone. */
  say(status: string): void {
    this.#set({ status });
  }

  /** Gives the keyboard to a cell: to the cell itself, or to its editor. */
  focus(id: string, mode: "command" | "edit"): void {
    this.#set({ focus: { id, mode } });
  }

  /** Adds an empty cell and gives its id. */
  add(beside: string, where: "above" | "below"): string {
    const taken = new Set(this.#state.document.cells.map(({ id }) => id));
    let id: string;
    do id = `added-${++this.#added}`;
    while (taken.has(id));
    this.dispatch({ type: "add", id, beside, where });
    return id;
  }

  /** The reader seems to be about to run or change something. */
  prepare(...names: readonly Prefetched[]): void {
    this.#getRunner().prefetch(...names);
  }

  /** Runs a cell; first those before it that have not run as they stand. */
  async run(id: string): Promise<void> {
    const { cells, session } = this.#state.document;
    const at = cells.findIndex((cell) => cell.id === id);
    if (at < 0) return;
    const before = cells.slice(0, at).filter((cell) => needsRun(cell, session));
    await this.#runAll([...before.map((cell) => cell.id), id]);
  }

  /** Runs everything from the top, up to and with a cell if one is given, as a new program. */
  async runFromTop(last?: string): Promise<void> {
    if (this.#state.isRunning) this.stop();
    this.#runner?.restart();
    this.dispatch({ type: "session" });
    const { cells } = this.#state.document;
    const end = last === undefined ? cells.length : cells.findIndex(({ id }) => id === last) + 1;
    const ids = cells.slice(0, end).flatMap((cell) => (cell.source.trim() === "" ? [] : [cell.id]));
    await this.#runAll(ids);
  }

  /** Ends what runs, and the program with it: earlier cells run again when they are next needed. */
  stop(): void {
    this.dispatch({ type: "unqueue" });
    this.#runner?.stop();
    this.dispatch({ type: "session" });
  }

  /** The lesson as published, nothing run. */
  reset(): void {
    if (this.#state.isRunning) this.stop();
    this.#runner?.restart();
    this.dispatch({ type: "reset" });
    this.say("The lesson is as published again.");
  }

  /** The page is left. */
  leave(): void {
    this.dispatch({ type: "unqueue" });
    this.#runner?.stop();
    this.#runner = undefined;
    this.dispatch({ type: "session" });
  }

  async #runAll(ids: readonly string[]): Promise<void> {
    this.dispatch({ type: "queue", ids });
    if (this.#state.isRunning) return;
    this.#set({ isRunning: true, status: "" });
    let ran = 0;
    try {
      for (let cell = this.#nextQueued(); cell !== undefined; cell = this.#nextQueued()) {
        const ok = await this.#runOne(cell);
        ran++;
        if (!ok) return;
      }
      this.say(ran === 1 ? "The cell has run." : `${ran} cells have run.`);
    } finally {
      this.#set({ isRunning: false });
    }
  }

  #nextQueued(): LiveCell | undefined {
    return this.#state.document.cells.find((cell) => cell.isQueued);
  }

  /** Gives false if nothing more is to run. */
  async #runOne({ id, source, tags }: LiveCell): Promise<boolean> {
    const number = ++this.#runs;
    this.dispatch({ type: "start", id, number });
    this.#collectors.set(number, { cell: id, collector: new OutputCollector() });
    try {
      const { ok, milliseconds } = await this.#getRunner().run(number, source, this.#compiled.get(source) ?? null);
      await this.#shown(number);
      this.dispatch({ type: "finish", number, status: ok ? "done" : "failed", milliseconds });
      if (ok || tags.includes("raises-exception")) return true;
      const left = this.#state.document.cells.filter((cell) => cell.isQueued).length;
      this.dispatch({ type: "unqueue" });
      this.say(`A cell failed${left === 0 ? "." : `; the ${left === 1 ? "one" : left} after it did not run.`}`);
    } catch (error) {
      const { isStopped, message } = error as RunEnded;
      if (!(error instanceof RunEnded)) throw error;
      await this.#shown(number);
      if (!isStopped) this.#tellDeath(number, id, message);
      this.dispatch({ type: "finish", number, status: "stopped", milliseconds: 0 });
      this.dispatch({ type: "unqueue" });
      if (!isStopped) this.dispatch({ type: "session" });
      this.say(isStopped ? "Stopped. Earlier cells run again when they are needed." : "What runs the cells has ended.");
    }
    return false;
  }

  #tellDeath(number: number, id: string, message: string): void {
    const reason = message === "" ? "" : ` (${message})`;
    const text = `What runs the cells has ended${reason}. Run starts it again.\n`;
    const { collector } = this.#collectors.get(number) ?? { collector: new OutputCollector() };
    collector.add({ type: "stream", name: "stderr", text });
    const { outputs } = collector;
    const shown = this.#state.document.cells.find((cell) => cell.id === id)?.run?.shown ?? [];
    this.dispatch({
      type: "output",
      number,
      outputs: [...outputs],
      shown: [...shown, { kind: "stream", name: "stderr", text }],
    });
  }

  #getRunner(): Runner {
    this.#runner ??= this.#makeRunner(
      (run, event) => this.#hear(run, event),
      () => {
        this.dispatch({ type: "session" });
        this.say("What runs the cells has ended. Run starts it again.");
      },
    );
    return this.#runner;
  }

  #hear(number: number, event: CellEvent): void {
    const known = this.#collectors.get(number);
    if (known === undefined) return;
    known.collector.add(event);
    // All that comes at once is shown at once.
    if (this.#pending === number) return;
    const before = this.#pending;
    if (before !== undefined) this.#show(before);
    this.#pending = number;
    // What is long takes its time to be drawn, and more of it is coming.
    const wait = known.collector.length > 20_000 ? 250 : 16;
    setTimeout(() => {
      if (this.#pending === number) this.#show(number);
    }, wait);
  }

  #show(number: number): void {
    if (this.#pending === number) this.#pending = undefined;
    const known = this.#collectors.get(number);
    if (known === undefined) return;
    this.#showing = this.#showing.then(async () => {
      const outputs = [...known.collector.outputs];
      const shown = await known.collector.shown(known.cell);
      this.dispatch({ type: "output", number, outputs, shown });
    });
  }

  async #shown(number: number): Promise<void> {
    this.#show(number);
    await this.#showing;
    // Older runs of the same cell are not heard any more.
    const current = new Set(this.#state.document.cells.map(({ run }) => run?.number));
    for (const known of this.#collectors.keys()) if (!current.has(known)) this.#collectors.delete(known);
  }

  #set(change: Partial<NotebookState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

const notebooks = new WeakMap<readonly PageCell[], LiveNotebook>();

/** The notebook of the page that brings these cells, made when it is first asked for. */
export function notebookOf(cells: readonly PageCell[], parts: LiveParts): LiveNotebook {
  let notebook = notebooks.get(cells);
  if (notebook === undefined) {
    notebook = new LiveNotebook(cells, (onEvent, onDeath) => new CellRunner(parts, onEvent, onDeath));
    notebooks.set(cells, notebook);
  }
  return notebook;
}
