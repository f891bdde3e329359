/**
 * What a cell's text must look like before tslab compiles it. Two forms tslab breaks on are rewritten without moving
 * meaning (`({x})` with an earlier cell's `x`, `export const`); the ones that cannot work are refused with the line and
 * the reason. The strict checker refuses with the same words, so an author hears of them before running anything.
 */
import type ts from "typescript";
import { refusals as words } from "../notebook/source-error.js";

/** A form that cells cannot use. */
export interface Refusal {
  /** Offset in the cell's text, in UTF-16 units. */
  readonly start: number;
  readonly length: number;
  readonly reason: string;
}

/** A cell's text made fit for tslab. */
export interface AdaptedSource {
  readonly code: string;
  readonly refusals: readonly Refusal[];
  /** True if the cell has a `for await` outside any function, which tslab does not count as a top-level await. */
  readonly hasTopLevelForAwait: boolean;
  /** The offset in the cell's text that an offset in `code` comes from. */
  readonly originalOffset: (offset: number) => number;
}

interface Edit {
  readonly at: number;
  readonly insert: string;
}

/**
 * Rewrites and refuses.
 *
 * @param compiler the TypeScript to parse with; 5.0 and 6 both do
 */
export function adaptSource(compiler: typeof ts, source: string): AdaptedSource {
  const file = compiler.createSourceFile("cell.ts", source, compiler.ScriptTarget.Latest, true, compiler.ScriptKind.TS);
  const refusals: Refusal[] = [];
  const edits: Edit[] = [];
  const blanks: { start: number; end: number }[] = [];
  let hasTopLevelForAwait = false;
  const refuse = (node: ts.Node, reason: string): void => {
    const start = node.getStart(file);
    refusals.push({ start, length: node.getEnd() - start, reason });
  };

  for (const statement of file.statements) {
    if (compiler.isExportAssignment(statement)) {
      refuse(statement, words.exportDefault);
    } else if (compiler.isExportDeclaration(statement)) {
      refuse(statement, words.exportNames);
    } else if (compiler.canHaveModifiers(statement)) {
      for (const modifier of compiler.getModifiers(statement) ?? []) {
        if (modifier.kind === compiler.SyntaxKind.ExportKeyword) {
          blanks.push({ start: modifier.getStart(file), end: modifier.getEnd() });
        } else if (modifier.kind === compiler.SyntaxKind.DefaultKeyword) {
          refuse(modifier, words.exportDefault);
        }
      }
    }
  }

  const visit = (node: ts.Node, inFunction: boolean): void => {
    if (compiler.isShorthandPropertyAssignment(node) && node.objectAssignmentInitializer === undefined) {
      edits.push({ at: node.name.getEnd(), insert: `: ${node.name.text}` });
    } else if (compiler.isShorthandPropertyAssignment(node)) {
      edits.push({ at: node.name.getEnd(), insert: `: ${node.name.text}` });
    }
    if (compiler.isForOfStatement(node) && node.awaitModifier !== undefined && !inFunction) hasTopLevelForAwait = true;
    if (isUsing(compiler, node, file)) {
      refuse(node, words.using);
    }
    const entersFunction = compiler.isFunctionLike(node) || compiler.isClassStaticBlockDeclaration(node);
    compiler.forEachChild(node, (child) => visit(child, inFunction || entersFunction));
  };
  visit(file, false);

  for (const comment of leadingComments(compiler, source)) {
    const directive = /^\s*\*?\s*@(module|browser|jsx)\b/m.exec(source.slice(comment.pos + 2, comment.end));
    if (directive !== null) {
      refusals.push({
        start: comment.pos,
        length: comment.end - comment.pos,
        reason: `a \`@${directive[1]}\` comment makes tslab treat the cell as something other than a cell; move the code to a file and import it`,
      });
    }
  }

  let code = source;
  for (const blank of blanks)
    code = code.slice(0, blank.start) + " ".repeat(blank.end - blank.start) + code.slice(blank.end);
  edits.sort((a, b) => a.at - b.at);
  for (const edit of [...edits].reverse()) code = code.slice(0, edit.at) + edit.insert + code.slice(edit.at);
  return { code, refusals, hasTopLevelForAwait, originalOffset: (offset) => undoEdits(edits, offset) };
}

function undoEdits(edits: readonly Edit[], offset: number): number {
  let inserted = 0;
  for (const edit of edits) {
    if (edit.at + inserted >= offset) break;
    inserted += Math.min(edit.insert.length, offset - (edit.at + inserted));
  }
  return offset - inserted;
}

/** `using x = …` and `await using x = …`, which TypeScript 5.0 parses as two statements on one line. */
function isUsing(compiler: typeof ts, node: ts.Node, file: ts.SourceFile): boolean {
  if (compiler.isVariableDeclarationList(node)) {
    // NodeFlags.Using is 4 and AwaitUsing 6 (with Const's 2) where the parser knows them; 5.0 never sets bit 4 on
    // lists.
    return (node.flags & 4) !== 0;
  }
  if (!compiler.isExpressionStatement(node)) return false;
  const word = compiler.isAwaitExpression(node.expression) ? node.expression.expression : node.expression;
  if (!compiler.isIdentifier(word) || word.text !== "using") return false;
  return /^[ \t]+[A-Za-z_$]/.test(file.text.slice(node.getEnd()));
}

function leadingComments(compiler: typeof ts, source: string): readonly ts.CommentRange[] {
  const ranges = compiler.getLeadingCommentRanges(source, 0) ?? [];
  return ranges.filter((range) => source.startsWith("/**", range.pos));
}
