/**
 * From the fences that `page.ts` writes to the elements a page shows: `<NotebookCell>` for a code cell and its outputs,
 * `<NotebookLesson>` under the title, `<NotebookAside>` round exercises and solutions, `<NotebookList>` for the list of
 * lessons. The page's cells are one array, which it exports; each element has it and says which place is its own.
 * Links to other notebooks become links to their pages. Must run before Docusaurus's own remark plugins, which resolve
 * links.
 */
import { compileCell } from "@netfilter-lab/notebook/live/compile";
import type { Expression, Identifier, Program } from "estree";
import type { Code, Nodes, Parent, Root, RootContent } from "mdast";
import type { MdxJsxAttribute, MdxJsxFlowElement } from "mdast-util-mdx-jsx";
import type { MdxjsEsm } from "mdast-util-mdxjs-esm";
import { highlightedHtml } from "./highlight.js";
import type { PageCell } from "./live/document.js";
import { type LessonFacts, readCellInfo } from "./page.js";

/** The remark plugin; pages that hold no such fence pass unchanged. */
export function remarkNotebook(): (tree: Root) => void {
  return (tree) => {
    const lesson = takeLesson(tree);
    tree.children = cells(group(tree.children));
    const pageCells = placeCells(tree);
    if (lesson !== undefined) {
      const { pages, assets, stamp: _, ...shown } = lesson;
      relink(tree, pages, assets);
      const title = tree.children.findIndex((node) => node.type === "heading" && node.depth === 1);
      const line = element("NotebookLesson", { facts: JSON.stringify(shown) });
      if (pageCells.length > 0) line.attributes.push(theCells());
      tree.children.splice(title + 1, 0, line);
    }
    if (pageCells.length > 0) tree.children.push(exportCells(pageCells));
  };
}

/** Takes the lesson's fence out of the tree. */
function takeLesson(tree: Root): LessonFacts | undefined {
  const at = tree.children.findIndex((node) => node.type === "code" && node.lang === "notebook-lesson");
  if (at < 0) return undefined;
  const [node] = tree.children.splice(at, 1) as [Code];
  return JSON.parse(node.value) as LessonFacts;
}

/** What stands between `<!-- notebook:kind -->` and `<!-- /notebook:kind -->` becomes one element. */
function group(nodes: readonly RootContent[]): RootContent[] {
  const result: RootContent[] = [];
  let aside: { kind: string; children: RootContent[] } | undefined;
  for (const node of nodes) {
    const [, slash, kind] = (node.type === "html" && /^<!-- (\/?)notebook:(\w+) -->$/.exec(node.value)) || [];
    if (kind !== undefined && slash === "") aside = { kind, children: [] };
    else if (kind !== undefined && aside !== undefined) {
      result.push(element("NotebookAside", { kind: aside.kind }, cells(aside.children)));
      aside = undefined;
    } else (aside?.children ?? result).push(node);
  }
  return result;
}

function cells(nodes: readonly RootContent[]): RootContent[] {
  const result: RootContent[] = [];
  for (const [index, node] of nodes.entries()) {
    if (node.type === "code" && node.lang === "notebook-list") {
      result.push(element("NotebookList", {}));
      continue;
    }
    if (node.type === "code" && (node.meta === "notebook-outputs" || node.meta === "notebook-linux")) continue;
    const facts = node.type === "code" ? readCellInfo(node.meta) : undefined;
    if (node.type !== "code" || facts === undefined) {
      result.push(node);
      continue;
    }
    const outputs = following(nodes, index, "notebook-outputs") ?? "[]";
    const linux = following(nodes, index, "notebook-linux");
    const cell: PageCell = {
      ...facts,
      source: node.value,
      highlighted: highlightedHtml(node.value, node.lang ?? "text"),
      outputs: JSON.parse(outputs) as PageCell["outputs"],
      compiled: compileCell(node.value),
      ...(linux === undefined ? {} : { linux: JSON.stringify(JSON.parse(linux)) }),
    };
    const place = element("NotebookCell", { language: node.lang ?? "text" });
    cellOf.set(place, cell);
    result.push(place);
  }
  return result;
}

/** The cell that an element is the place of. */
const cellOf = new WeakMap<Nodes, PageCell>();

/** Says of each cell which one of the page it is, and gives them all: their order is the order in which they run. */
function placeCells(node: Nodes, placed: PageCell[] = []): readonly PageCell[] {
  const cell = cellOf.get(node);
  if (cell !== undefined && node.type === "mdxJsxFlowElement") {
    node.attributes.push({ type: "mdxJsxAttribute", name: "place", value: String(placed.length) }, theCells());
    placed.push(cell);
  }
  if ("children" in node) for (const child of (node as Parent).children) placeCells(child, placed);
  return placed;
}

/** What the page's array of cells is called in its module. */
const arrayName = "notebookCells";

/** `cells={notebookCells}` */
function theCells(): MdxJsxAttribute {
  const estree = program({ type: "ExpressionStatement", expression: { type: "Identifier", name: arrayName } });
  const value = { type: "mdxJsxAttributeValueExpression", value: arrayName, data: { estree } } as const;
  return { type: "mdxJsxAttribute", name: "cells", value };
}

/** `export const notebookCells = JSON.parse("…")`, which browsers read faster than the array itself. */
function exportCells(pageCells: readonly PageCell[]): MdxjsEsm {
  const identifier = (name: string): Identifier => ({ type: "Identifier", name });
  const init: Expression = {
    type: "CallExpression",
    callee: {
      type: "MemberExpression",
      object: identifier("JSON"),
      property: identifier("parse"),
      computed: false,
      optional: false,
    },
    arguments: [{ type: "Literal", value: JSON.stringify(pageCells) }],
    optional: false,
  };
  const estree = program({
    type: "ExportNamedDeclaration",
    declaration: {
      type: "VariableDeclaration",
      kind: "const",
      declarations: [{ type: "VariableDeclarator", id: identifier(arrayName), init }],
    },
    specifiers: [],
    attributes: [],
  });
  return { type: "mdxjsEsm", value: "", data: { estree } };
}

function program(...body: Program["body"]): Program {
  return { type: "Program", sourceType: "module", body, comments: [] };
}

/** The content of the fence of a kind among those that come right after a cell's. */
function following(nodes: readonly RootContent[], index: number, kind: string): string | undefined {
  for (const node of nodes.slice(index + 1, index + 3)) {
    if (node.type !== "code" || readCellInfo(node.meta) !== undefined) return undefined;
    if (node.meta === kind) return node.value;
  }
  return undefined;
}

/** Relative links are relative to the notebooks' folder; the page is elsewhere. */
function relink(node: Nodes, pages: LessonFacts["pages"], assets: string): void {
  if ((node.type === "link" || node.type === "definition" || node.type === "image") && isRelative(node.url)) {
    const [, path, fragment] = /^(?:\.\/)?([^#]*)(#.*)?$/.exec(node.url) ?? [];
    const page = path === undefined ? undefined : pages[decodeURIComponent(path)];
    if (page !== undefined) node.url = `./${page}${fragment ?? ""}`;
    else if (path !== undefined && path !== "") node.url = `${assets}/${path}${fragment ?? ""}`;
  }
  if ("children" in node) for (const child of (node as Parent).children) relink(child, pages, assets);
}

function isRelative(url: string): boolean {
  return !/^([a-z][a-z0-9+.-]*:|\/|#|@site\/)/i.test(url);
}

function element(
  name: string,
  attributes: { readonly [name: string]: string },
  children: readonly RootContent[] = [],
): MdxJsxFlowElement & RootContent {
  return {
    type: "mdxJsxFlowElement",
    name,
    attributes: Object.entries(attributes).map(([attribute, value]) => ({
      type: "mdxJsxAttribute",
      name: attribute,
      value,
    })),
    children: children as MdxJsxFlowElement["children"],
  };
}
