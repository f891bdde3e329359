/**
 * The worker of a page: one program, one cell after the other. It is created without an origin (see `sandbox.ts`), so that
 * a cell, whoever wrote it, reaches neither the network nor anything the site has stored.
 */
import { type CellSink, type CompiledCell, LiveSession } from "@netfilter-lab/notebook/live";
import { format, inspect } from "node-inspect-extracted";
import { type Answer, type CellEvent, mostCharacters, type PartName, type Request } from "./protocol.js";

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

class PageWorker {
  readonly #port: MessagePort;
  readonly #parts = new Map<PartName, Promise<unknown>>();
  readonly #waiting = new Map<PartName, (part: Request & { type: "part" }) => void>();
  #session: LiveSession;
  #work: Promise<void> = Promise.resolve();

  constructor(port: MessagePort) {
    this.#port = port;
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
    try {
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
    const modules = (globalThis as { readonly pageModules?: readonly string[] }).pageModules ?? [];
    return new LiveSession({
      formatting: { format, inspect },
      compile: async (source) => {
        const { compileCell } = (await this.#part("compiler")) as { compileCell: (source: string) => CompiledCell };
        return compileCell(source);
      },
      modules: Object.fromEntries(
        modules.map((name) => [
          name,
          async () => ((await this.#part("modules")) as { readonly modules: Record<string, object> }).modules[name]!,
        ]),
      ),
      place: "in this page",
    });
  }

  #part(name: PartName): Promise<unknown> {
    const known = this.#parts.get(name);
    if (known !== undefined) return known;
    const part = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(name, ({ code, reason }) => {
        if (code === null) {
          this.#parts.delete(name);
          reject(new Error(reason));
        } else {
          // oxlint-disable-next-line no-eval
          resolve((0, eval)(`(() => { ${code}\nreturn part; })()`));
        }
      });
    });
    this.#parts.set(name, part);
    this.#send({ type: "need", name });
    return part;
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
