/** What a page's module would export: the cells, read back from the tree that remark made. */
import type { Root } from "mdast";
import type { PageCell } from "../src/live/document.js";

/** The cells that a page exports, read back. */
export function exportedCells(tree: Root): readonly PageCell[] {
  for (const node of tree.children) {
    const [statement] = (node.type === "mdxjsEsm" && node.data?.estree?.body) || [];
    if (statement?.type !== "ExportNamedDeclaration" || statement.declaration?.type !== "VariableDeclaration") continue;
    const [{ init } = {}] = statement.declaration.declarations;
    const json = init?.type === "CallExpression" ? init.arguments[0] : undefined;
    if (json?.type === "Literal") return JSON.parse(String(json.value)) as readonly PageCell[];
  }
  return [];
}
