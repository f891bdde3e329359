/** A compiled cell as plain JSON: made when the site is built, or in the page by `compile.ts`; read by `link.ts`. */
import type { SourceProblem } from "../notebook/source-error.js";
import type { OffsetMap } from "./positions.js";
import type { FreeName } from "./references.js";

/** A module a cell imports from. */
export interface ImportedModule {
  readonly module: string;
  /** A pattern, or a name for the whole module; empty for `import "module"`. */
  readonly binds: string;
  /** The names that are imported; absent for the whole module. */
  readonly names?: readonly string[];
  /** Where the module is named, in the cell's own text. */
  readonly start: number;
  readonly length: number;
}

/** JavaScript whose names from outside are not bound yet. */
export interface RunnableCell {
  readonly ok: true;
  readonly code: string;
  /** What the cell declares for later cells. */
  readonly names: readonly string[];
  readonly imports: readonly ImportedModule[];
  readonly free: readonly FreeName[];
  /** From `code` back to the cell's own text, one step a map. */
  readonly maps: readonly OffsetMap[];
}

/** What compiling a cell gave. */
export type CompiledCell = RunnableCell | { readonly ok: false; readonly problems: readonly SourceProblem[] };
