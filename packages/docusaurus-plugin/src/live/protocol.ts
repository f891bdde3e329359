/** What the page and the worker that runs its cells say to each other. The page trusts nothing the worker says. */
import type { MimeBundle } from "@netfilter-lab/notebook";
import type { CompiledCell, ErrorReport } from "@netfilter-lab/notebook/live";

/** The parts of a page's program that are loaded when they are needed. */
export type PartName = "modules" | "compiler";

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
export const mostCharacters = 2_000_000;
