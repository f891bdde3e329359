/** What the page and the worker that runs its cells say to each other. The page trusts nothing the worker says. */
import type { MimeBundle } from "@netfilter-lab/notebook";
import type { CompiledCell, ErrorReport } from "@netfilter-lab/notebook/live";

/** What is loaded when it is needed: the compiler, or a part of the program that cells import, by its name. */
export type PartName = string;

/** The compiler's name among them. */
export const compilerPart = "compiler";

/** From the page. */
export type Request =
  | {
      readonly type: "run";
      /** Names the run in what comes back. */
      readonly run: number;
      readonly source: string;
      /** The cell as the site's build has compiled it. */
      readonly compiled: CompiledCell | null;
    }
  /** Begin a new program: no name of an earlier cell is left. */
  | { readonly type: "restart" }
  /** A part's JavaScript, or why there is none. */
  | { readonly type: "part"; readonly name: PartName; readonly code: string | null; readonly reason: string };

/** What a running cell does. */
export type CellEvent =
  | { readonly type: "stream"; readonly name: "stdout" | "stderr"; readonly text: string }
  | {
      readonly type: "display";
      readonly data: MimeBundle;
      readonly displayId: string | undefined;
      readonly replaces: boolean;
    }
  | { readonly type: "result"; readonly data: MimeBundle }
  | { readonly type: "error"; readonly report: ErrorReport };

/** From the worker. */
export type Answer =
  | { readonly type: "need"; readonly name: PartName }
  | { readonly type: "event"; readonly run: number; readonly event: CellEvent }
  | { readonly type: "done"; readonly run: number; readonly ok: boolean; readonly milliseconds: number }
  /** The worker ends itself. */
  | { readonly type: "closed" };

/** What a cell may say altogether, in characters; an endless loop that prints must not fill the page. */
export const mostCharacters = 200_000;

/**
 * What came from the worker, if it has the shape of an answer. A cell shares the worker with the program that speaks
 * for it, so whatever a cell can think of may come; what has no proper shape is dropped.
 *
 * @param parts what there is to be asked for
 */
export function readAnswer(value: unknown, parts: ReadonlySet<PartName>): Answer | undefined {
  const answer = fieldsOf(value);
  if (answer === undefined) return undefined;
  const [type, run] = [answer.get("type"), answer.get("run")];
  switch (type) {
    case "need": {
      const name = answer.get("name");
      return typeof name === "string" && parts.has(name) ? { type, name } : undefined;
    }
    case "event": {
      const event = readEvent(fieldsOf(answer.get("event")));
      return typeof run === "number" && event !== undefined ? { type, run, event } : undefined;
    }
    case "done": {
      const [ok, milliseconds] = [answer.get("ok"), answer.get("milliseconds")];
      if (typeof run !== "number" || typeof ok !== "boolean" || typeof milliseconds !== "number") return undefined;
      return { type, run, ok, milliseconds };
    }
    case "closed":
      return { type };
    default:
      return undefined;
  }
}

function readEvent(event: ReadonlyMap<string, unknown> | undefined): CellEvent | undefined {
  if (event === undefined) return undefined;
  const type = event.get("type");
  switch (type) {
    case "stream": {
      const [name, text] = [event.get("name"), event.get("text")];
      return (name === "stdout" || name === "stderr") && typeof text === "string" ? { type, name, text } : undefined;
    }
    case "display": {
      const [data, displayId] = [readBundle(event.get("data")), event.get("displayId")];
      if (data === undefined || (displayId !== undefined && typeof displayId !== "string")) return undefined;
      return { type, data, displayId, replaces: event.get("replaces") === true };
    }
    case "result": {
      const data = readBundle(event.get("data"));
      return data === undefined ? undefined : { type, data };
    }
    case "error": {
      const report = fieldsOf(event.get("report"));
      const [name, message, traceback] = ["name", "message", "traceback"].map((field) => report?.get(field));
      if (typeof name !== "string" || typeof message !== "string" || !isTexts(traceback)) return undefined;
      return { type, report: { name, message, traceback } };
    }
    default:
      return undefined;
  }
}

/** A MIME bundle, as far as it is one: what cannot be written as JSON is not. */
function readBundle(value: unknown): MimeBundle | undefined {
  if (fieldsOf(value) === undefined) return undefined;
  try {
    return JSON.parse(JSON.stringify(value)) as MimeBundle;
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? new Map(Object.entries(value)) : undefined;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((line) => typeof line === "string");
}
