/**
 * The page's side of its worker: starts it when it is first needed, gives it cells, ends it. Knows nothing of React.
 */
import type { CompiledCell } from "@netfilter-lab/notebook/live";
import { type Answer, type CellEvent, compilerPart, type PartName, type Request, readAnswer } from "./protocol.js";
import { type Sandbox, startSandbox } from "./sandbox.js";

/** The addresses of what a page's program is made of. */
export interface LiveParts {
  readonly worker: string;
  /** What cells import: the parts by their names, first those that a first Run needs. */
  readonly program: readonly ProgramPart[];
  readonly compiler: string;
  /** The page whose frame the worker runs in; see `sandbox-document.ts`. */
  readonly sandbox: string;
  /** The language-service worker; see `types/`. */
  readonly types: string;
}

/** A part of what cells import. */
export interface ProgramPart {
  readonly name: PartName;
  readonly address: string;
  /** Whether a page's first Run needs it. */
  readonly isFirst: boolean;
}

/** What can be fetched before it is needed: `first` are the parts of `program` that a first Run needs. */
export type Prefetched = "worker" | "compiler" | "first" | "program";

/** What a cell's run came to. */
export interface RunEnd {
  readonly ok: boolean;
  readonly milliseconds: number;
}

/** Why a run has no end of its own. */
export class RunEnded extends Error {
  override readonly name = "RunEnded";
  /** True if the reader asked for it. */
  readonly isStopped: boolean;

  constructor(message: string, isStopped: boolean) {
    super(message);
    this.isStopped = isStopped;
  }
}

/** Runs cells in a worker. */
export class CellRunner {
  readonly #parts: LiveParts;
  readonly #onEvent: (run: number, event: CellEvent) => void;
  readonly #onDeath: () => void;
  /** What the worker may ask for, with where it is. */
  readonly #addresses: ReadonlyMap<PartName, string>;
  readonly #names: ReadonlySet<PartName>;
  readonly #texts = new Map<string, Promise<string>>();
  #sandbox: Promise<Sandbox> | undefined;
  #waiting: { run: number; resolve: (end: RunEnd) => void; reject: (reason: RunEnded) => void } | undefined;

  /**
   * @param onEvent called for whatever a cell does, also after it has ended
   * @param onDeath called when the program is lost although nobody stopped it
   */
  constructor(parts: LiveParts, onEvent: (run: number, event: CellEvent) => void, onDeath: () => void) {
    this.#parts = parts;
    this.#addresses = new Map([
      [compilerPart, parts.compiler],
      ...parts.program.map(({ name, address }): [string, string] => [name, address]),
    ]);
    this.#names = new Set(this.#addresses.keys());
    this.#onEvent = onEvent;
    this.#onDeath = onDeath;
  }

  /** Fetches something now, so that it need not be waited for. A failure is told when it is needed. */
  prefetch(...names: readonly Prefetched[]): void {
    const { worker, compiler, program } = this.#parts;
    for (const name of names) {
      const addresses =
        name === "worker"
          ? [worker]
          : name === "compiler"
            ? [compiler]
            : program.filter(({ isFirst }) => isFirst || name === "program").map(({ address }) => address);
      for (const address of addresses) this.#text(address).catch(() => undefined);
    }
  }

  /**
   * Runs a cell. One at a time.
   *
   * @throws RunEnded if the worker was stopped, died or could not be started
   */
  async run(run: number, source: string, compiled: CompiledCell | null): Promise<RunEnd> {
    const ended = new Promise<RunEnd>((resolve, reject) => {
      this.#waiting = { run, resolve, reject };
    });
    this.#start().then(
      ({ port }) => port.postMessage({ type: "run", run, source, compiled } satisfies Request),
      (error: unknown) => this.#lose((error as Error).message),
    );
    try {
      return await ended;
    } finally {
      this.#waiting = undefined;
    }
  }

  /** Begins a new program, in the same worker. */
  restart(): void {
    void this.#sandbox?.then(({ port }) => port.postMessage({ type: "restart" } satisfies Request));
  }

  /** Ends the worker and with it whatever runs. */
  stop(): void {
    const waiting = this.#waiting;
    this.#end();
    waiting?.reject(new RunEnded("stopped", true));
  }

  #end(): void {
    const sandbox = this.#sandbox;
    this.#sandbox = undefined;
    void sandbox?.then((started) => started.end()).catch(() => undefined);
  }

  #lose(reason: string): void {
    const waiting = this.#waiting;
    this.#end();
    if (waiting === undefined) this.#onDeath();
    waiting?.reject(new RunEnded(reason, false));
  }

  #start(): Promise<Sandbox> {
    this.#sandbox ??= this.#text(this.#parts.worker).then((code) => {
      let hasEnded = false;
      const sandbox = startSandbox(this.#parts.sandbox, code, (reason) => {
        // One that was ended is not mourned.
        if (!hasEnded) this.#lose(reason);
      });
      sandbox.port.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
        const answer = readAnswer(data, this.#names);
        if (!hasEnded && answer !== undefined) this.#receive(answer, sandbox);
      });
      sandbox.port.start();
      return {
        port: sandbox.port,
        end() {
          hasEnded = true;
          sandbox.end();
        },
      };
    });
    return this.#sandbox;
  }

  #receive(answer: Answer, { port }: Sandbox): void {
    switch (answer.type) {
      case "need":
        void this.#send(answer.name, port);
        return;
      case "event":
        this.#onEvent(answer.run, answer.event);
        return;
      case "done":
        if (this.#waiting?.run === answer.run) this.#waiting.resolve(answer);
        return;
      case "closed":
        this.#lose("");
    }
  }

  async #send(name: PartName, port: MessagePort): Promise<void> {
    const reply = (code: string | null, reason: string): void =>
      port.postMessage({ type: "part", name, code, reason } satisfies Request);
    try {
      reply(await this.#text(this.#addresses.get(name)!), "");
    } catch (error) {
      reply(null, (error as Error).message);
    }
  }

  #text(address: string): Promise<string> {
    let text = this.#texts.get(address);
    if (text === undefined) {
      text = fetchText(address);
      this.#texts.set(address, text);
      // The next time there may be a network.
      text.catch(() => this.#texts.delete(address));
    }
    return text;
  }
}

async function fetchText(address: string): Promise<string> {
  const failure = "What runs cells could not be loaded: are you offline? Try again.";
  const response = await fetch(address).catch(() => {
    throw new Error(failure);
  });
  if (!response.ok) throw new Error(`${failure} (${response.status})`);
  return await response.text();
}
