/**
 * The kernel as the headless runner sees it: the same session, spoken to over the channel of `child_process.fork`
 * instead of sockets. What a cell does is sent as it happens, each message with the number of its cell.
 */
import type { MimeBundle } from "../notebook/model.js";
import type { CellSink, Displayed, ErrorReport } from "../notebook/sink.js";
import { CoalescingSink } from "./coalesce.js";
import { dieWithParent } from "./orphan.js";
import { Session } from "./session.js";

/** What the runner asks. */
export type Request =
  | { readonly type: "run"; readonly cell: number; readonly source: string }
  /** All cells have run: let what they left running end by itself, then exit. */
  | { readonly type: "finish" };

/** What the kernel answers. */
export type Event =
  | { readonly type: "ready" }
  | { readonly type: "stream"; readonly cell: number; readonly name: "stdout" | "stderr"; readonly text: string }
  | { readonly type: "display"; readonly cell: number; readonly displayed: Displayed }
  | { readonly type: "result"; readonly cell: number; readonly data: MimeBundle }
  | { readonly type: "error"; readonly cell: number; readonly report: ErrorReport }
  | {
      readonly type: "done";
      readonly cell: number;
      readonly ok: boolean;
      /** What the cell asked of a lab on real Linux that only the engine can tell, by name. */
      readonly engineOnly: readonly string[];
      /** The time of each lab in the order of making, in seconds since then; null for one that nobody uses any more. */
      readonly labSeconds: readonly (number | null)[];
    }
  | { readonly type: "finished" };

/** How long what cells left running may go on after the last cell, in milliseconds. */
const lingerMilliseconds = 1000;

/** Serves the parent process that forked this one. */
export function serveParent(): void {
  const send = (event: Event): void => {
    process.send?.(event);
  };
  dieWithParent();
  process.on("disconnect", () => process.exit(0));
  const session = new Session(process.cwd());
  process.on("message", (request: Request) => {
    if (request.type === "run") {
      const { cell, source } = request;
      const sink = new CoalescingSink(sinkOf(cell, send));
      void session.run(source, sink).then((ok) => {
        sink.flush();
        send({ type: "done", cell, ok, engineOnly: takeEngineOnly(), labSeconds: labTimes() });
      });
    } else {
      session.close();
      const leave = (): void => {
        process.channel?.ref();
        process.send?.({ type: "finished" } satisfies Event, () => process.disconnect());
      };
      setTimeout(leave, lingerMilliseconds).unref();
      process.once("beforeExit", leave);
      process.channel?.unref();
    }
  });
  send({ type: "ready" });
}

/** The names that the lab's backend `linux` left under its symbol since the last cell (`EngineOnlyError`). */
function takeEngineOnly(): string[] {
  const asked = (globalThis as Record<symbol, unknown>)[Symbol.for("netfilter-lab.engine-only")];
  if (!(asked instanceof Set)) return [];
  const names = [...(asked as Set<string>)];
  asked.clear();
  return names;
}

/** What the function says that labs left under its symbol (`living-labs.ts` of the lab). */
function labTimes(): (number | null)[] {
  const times = (globalThis as Record<symbol, unknown>)[Symbol.for("netfilter-lab.times")];
  return typeof times === "function" ? (times as () => (number | null)[])() : [];
}

function sinkOf(cell: number, send: (event: Event) => void): CellSink {
  return {
    stream: (name, text) => send({ type: "stream", cell, name, text }),
    display: (displayed) => send({ type: "display", cell, displayed }),
    result: (data) => send({ type: "result", cell, data }),
    error: (report) => send({ type: "error", cell, report }),
  };
}
