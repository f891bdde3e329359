/**
 * The worker of a page: one program, one cell after the other. It is created without an origin (see `sandbox.ts`), so
 * that a cell, whoever wrote it, reaches neither the network nor anything the site has stored.
 */
import { type CellSink, type CompiledCell, LiveSession } from "@netfilter-lab/notebook/live";
import { format, inspect } from "node-inspect-extracted";
import { Program, type ProgramPlan } from "./program.js";
import { type Answer, type CellEvent, compilerPart, mostCharacters, type PartName, type Request } from "./protocol.js";

/** Waits for the page's port and serves it. */
export function serve(): void {
  addEventListener(
    "message",
    ({ ports }) => {
      const [port] = ports;
      if (port !== undefined) new PageWorker(port).start();
    },
    { once: true },
  );
}

/** What the compiler's part exports. */
interface Compiler {
  readonly compileCell: (source: string) => CompiledCell;
}

/** What the page's build has put in front of this program. */
function plan(): ProgramPlan {
  return (globalThis as unknown as { readonly pageProgram: ProgramPlan }).pageProgram;
}

class PageWorker {
  readonly #port: MessagePort;
  readonly #waiting = new Map<PartName, (part: Request & { type: "part" }) => void>();
  readonly #program: Program;
  #compiler: Promise<Compiler> | undefined;
  /** The text of the cell that runs. */
  #source = "";
  #session: LiveSession;
  #work: Promise<void> = Promise.resolve();

  constructor(port: MessagePort) {
    this.#port = port;
    this.#program = new Program(plan(), (part) => this.#fetch(part));
    this.#session = this.#newSession();
    const stray = (event: Event, error: unknown): void => {
      event.preventDefault();
      this.#session.stray(error);
    };
    addEventListener("error", (event) => stray(event, event.error ?? new Error(event.message)));
    addEventListener("unhandledrejection", (event) => stray(event, event.reason));
    const close = self.close.bind(self);
    self.close = () => {
      this.#send({ type: "closed" });
      close();
    };
  }

  /** Answers what the page asks. */
  start(): void {
    this.#port.addEventListener("message", ({ data }: MessageEvent<Request>) => this.#receive(data));
    this.#port.start();
  }

  #receive(request: Request): void {
    if (request.type === "part") this.#waiting.get(request.name)?.(request);
    else if (request.type === "restart") {
      this.#work = this.#work.then(() => {
        this.#session.close();
        this.#session = this.#newSession();
      });
    } else {
      this.#work = this.#work.then(() => this.#run(request));
    }
  }

  async #run({ run, source, compiled }: Request & { type: "run" }): Promise<void> {
    const sink = new MessageSink((event) => this.#send({ type: "event", run, event }));
    const began = performance.now();
    let ok = false;
    this.#source = source;
    try {
      await this.#program.prepareFor(source);
      ok = await this.#session.run(source, sink, compiled ?? undefined);
    } catch (error) {
      // The compiler could not be loaded.
      const { name, message } = error as Error;
      sink.error({ name, message, traceback: [`${name}: ${message}`] });
    }
    sink.flush();
    this.#send({ type: "done", run, ok, milliseconds: performance.now() - began });
  }

  #newSession(): LiveSession {
    const load = (name: string) => async (names?: readonly string[]) => {
      const module = await this.#program.module(name, names);
      await this.#program.prepareFor(this.#source);
      return module;
    };
    return new LiveSession({
      formatting: { format, inspect },
      compile: async (source) => (await this.#loadCompiler()).compileCell(source),
      modules: Object.fromEntries(plan().modules.map((name) => [name, load(name)])),
      place: "in this page",
    });
  }

  #loadCompiler(): Promise<Compiler> {
    this.#compiler ??= this.#fetch(compilerPart).then(
      // oxlint-disable-next-line no-eval
      (code) => (0, eval)(`(() => { ${code}\nreturn part; })()`) as Compiler,
      (error: unknown) => {
        this.#compiler = undefined;
        throw error;
      },
    );
    return this.#compiler;
  }

  /** A part's text, from the page. */
  #fetch(name: PartName): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(name, ({ code, reason }) => {
        if (code === null) reject(new Error(reason));
        else resolve(code);
      });
      this.#send({ type: "need", name });
    });
  }

  #send(answer: Answer): void {
    // A port has no origin to name.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    this.#port.postMessage(answer);
  }
}

/** Sends what a cell does, printed text in large pieces, and no more than a page can show. */
class MessageSink implements CellSink {
  readonly #send: (event: CellEvent) => void;
  #name: "stdout" | "stderr" = "stdout";
  #text = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushed = performance.now();
  #left = mostCharacters;

  constructor(send: (event: CellEvent) => void) {
    this.#send = send;
  }

  stream(name: "stdout" | "stderr", text: string): void {
    if (!this.#takes(text.length)) return;
    if (name !== this.#name) this.flush();
    this.#name = name;
    this.#text += text;
    // A busy loop never comes back to a timer.
    if (this.#text.length > 64 * 1024 || performance.now() - this.#flushed > 100) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), 0);
  }

  display({ data, displayId, replaces }: Parameters<CellSink["display"]>[0]): void {
    if (!this.#takes(JSON.stringify(data).length)) return;
    this.flush();
    this.#send({ type: "display", data, displayId, replaces });
  }

  result(data: Parameters<CellSink["result"]>[0]): void {
    if (!this.#takes(JSON.stringify(data).length)) return;
    this.flush();
    this.#send({ type: "result", data });
  }

  error(report: Parameters<CellSink["error"]>[0]): void {
    if (!this.#takes(JSON.stringify(report).length)) return;
    this.flush();
    this.#send({ type: "error", report });
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushed = performance.now();
    const text = this.#text;
    this.#text = "";
    if (text !== "") this.#send({ type: "stream", name: this.#name, text });
  }

  /** Counts down; says once that nothing more is shown. */
  #takes(length: number): boolean {
    if (this.#left < 0) return false;
    this.#left -= length;
    if (this.#left >= 0) return true;
    this.flush();
    const text = "\nThis cell said more than the page can show; what follows is left out.\n";
    this.#send({ type: "stream", name: "stderr", text });
    return false;
  }
}
