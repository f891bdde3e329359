/** What the page and the language-service worker say to each other. */
import type { CellDiagnostic } from "@netfilter-lab/notebook/cells";

/** A code cell as the editor has it. */
export interface EditedCell {
  readonly id: string;
  readonly source: string;
  readonly tags: readonly string[];
}

/** One completion. */
export interface Completion {
  /** The name, and what is put in. */
  readonly label: string;
  /** TypeScript's kind, e.g. `method`, `const`, `keyword`. */
  readonly kind: string;
  /** Orders the list: smaller first. */
  readonly sortText: string;
}

/** Completions for a place in a cell. */
export interface Completions {
  /** Offset in the cell of the word being completed. */
  readonly from: number;
  readonly entries: readonly Completion[];
}

/** What is known of a name. */
export interface Explanation {
  /** Where the name is, in the cell. */
  readonly start: number;
  readonly end: number;
  /** Its declaration, in TypeScript. */
  readonly signature: string;
  /** Its doc comment, as Markdown. */
  readonly documentation: string;
}

/** Everything the worker answers. Offsets are in the cell's source, in UTF-16 units. */
export interface CellTypes {
  /** All code cells of the page, in their order; what is asked next is about these. */
  update(cells: readonly EditedCell[]): void;
  diagnostics(cell: string): readonly CellDiagnostic[];
  complete(cell: string, offset: number): Completions | undefined;
  /** What is known of a completion. */
  describe(cell: string, offset: number, name: string): Explanation | undefined;
  /** What is known of the name at a place. */
  explain(cell: string, offset: number): Explanation | undefined;
}

/** A question to the worker. */
export type Question = {
  readonly [K in keyof CellTypes]: {
    readonly number: number;
    readonly ask: K;
    readonly about: Parameters<CellTypes[K]>;
  };
}[keyof CellTypes];

/** The worker's answer to the question of that number. */
export interface Answer {
  readonly number: number;
  readonly answer?: unknown;
  /** Why there is no answer. */
  readonly failed?: string;
}
