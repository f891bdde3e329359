/** A shell script as a tree. */

export type WordPart =
  | { readonly kind: "text"; readonly text: string; readonly quoted: boolean }
  | {
      readonly kind: "parameter";
      readonly name: string;
      /** The word after `:-`, or null. */
      readonly fallback: Word | null;
      readonly length: boolean;
      readonly quoted: boolean;
    }
  | { readonly kind: "substitution"; readonly script: List; readonly quoted: boolean }
  | { readonly kind: "braces"; readonly alternatives: readonly string[] };

export interface Word {
  readonly parts: readonly WordPart[];
  /** The word as it was written. */
  readonly source: string;
}

export interface Redirection {
  readonly fd: number;
  readonly kind: "<" | ">" | ">>" | "<<<" | "here" | "dup";
  /** File, here-string, here-document or the number of the descriptor to copy. */
  readonly target: Word;
}

export type ShellCommand =
  | {
      readonly kind: "simple";
      readonly assignments: readonly { readonly name: string; readonly value: Word }[];
      readonly words: readonly Word[];
      readonly redirections: readonly Redirection[];
    }
  | { readonly kind: "subshell"; readonly body: List; readonly redirections: readonly Redirection[] }
  | { readonly kind: "group"; readonly body: List; readonly redirections: readonly Redirection[] }
  | {
      readonly kind: "for";
      readonly name: string;
      readonly words: readonly Word[];
      readonly body: List;
      readonly redirections: readonly Redirection[];
    }
  | {
      readonly kind: "while";
      readonly until: boolean;
      readonly condition: List;
      readonly body: List;
      readonly redirections: readonly Redirection[];
    }
  | {
      readonly kind: "if";
      readonly branches: readonly { readonly condition: List; readonly body: List }[];
      readonly otherwise: List | null;
      readonly redirections: readonly Redirection[];
    };

export interface Pipeline {
  readonly negated: boolean;
  readonly commands: readonly ShellCommand[];
}

export interface AndOr {
  readonly first: Pipeline;
  readonly rest: readonly { readonly operator: "&&" | "||"; readonly pipeline: Pipeline }[];
  readonly background: boolean;
}

export interface List {
  readonly items: readonly AndOr[];
}

/** A script that cannot be read; the message is bash's, without the leading `bash: `. */
export class ShellSyntaxError extends Error {
  override readonly name = "ShellSyntaxError";
}
