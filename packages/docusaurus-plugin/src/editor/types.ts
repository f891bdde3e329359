/**
 * What the language-service worker knows, shown in the editor: completion while typing, errors under the text, a name's
 * declaration and doc comment at the pointer, or at the cursor with F1.
 */
import {
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { type Diagnostic, linter } from "@codemirror/lint";
import { type Extension, StateEffect, StateField } from "@codemirror/state";
import { type EditorView, hoverTooltip, keymap, showTooltip, type Tooltip } from "@codemirror/view";
import type { CellTypesClient } from "../types/client.js";
import type { EditedCell, Explanation } from "../types/protocol.js";

/** Where an editor's types come from. */
export interface EditorTypes {
  readonly client: CellTypesClient;
  /** The page's code cells as they are now, this editor's text included. */
  readonly cells: () => readonly EditedCell[];
}

/** TypeScript's kinds, as the completion list's icons know them. */
const icons: Readonly<Record<string, string>> = {
  method: "method",
  function: "function",
  "local function": "function",
  const: "constant",
  let: "variable",
  var: "variable",
  alias: "variable",
  parameter: "variable",
  property: "property",
  getter: "property",
  class: "class",
  interface: "interface",
  type: "type",
  enum: "enum",
  keyword: "keyword",
  module: "namespace",
};

/** Completion, explanation and errors for one cell. */
export function typesExtension(cell: string, { client, cells }: EditorTypes): Extension {
  /** The worker answers about what it was told last. */
  const current = (): CellTypesClient => {
    client.update(cells());
    return client;
  };

  const complete = async (context: CompletionContext): Promise<CompletionResult | null> => {
    const typed = context.matchBefore(/[\w$]+$|\.$/);
    if (typed === null && !context.explicit) return null;
    const found = await current().complete(cell, context.pos);
    if (found === undefined || context.aborted) return null;
    return {
      from: found.from,
      validFor: /^[\w$]*$/,
      options: found.entries.map(
        ({ label, kind, sortText }): Completion => ({
          label,
          type: icons[kind] ?? "text",
          // TypeScript puts what is near before what is global: "11" before "15".
          boost: Math.max(-99, 11 - (Number.parseInt(sortText, 10) || 50)),
          info: async () => {
            const known = await client.describe(cell, context.pos, label);
            return known === undefined ? null : explanationElement(known);
          },
        }),
      ),
    };
  };

  const explain = async (view: EditorView, position: number): Promise<Tooltip | null> => {
    const known = await current().explain(cell, position);
    if (known === undefined || known.end > view.state.doc.length) return null;
    return { pos: known.start, end: known.end, create: () => ({ dom: explanationElement(known) }) };
  };

  return [
    autocompletion({ override: [complete], icons: false }),
    hoverTooltip((view, position) => explain(view, position), { hideOnChange: true }),
    explanationAtCursor,
    keymap.of([
      {
        key: "F1",
        run: (view) => {
          const asked = view.state;
          const { head } = asked.selection.main;
          // Behind a name, the cursor is still at it.
          const isBehind =
            /[\w$]/.test(asked.sliceDoc(Math.max(0, head - 1), head)) && !/[\w$]/.test(asked.sliceDoc(head, head + 1));
          void explain(view, isBehind ? head - 1 : head).then((tooltip) => {
            if (view.state === asked) view.dispatch({ effects: setExplanation.of(tooltip) });
          });
          return true;
        },
      },
      {
        key: "Escape",
        run: (view) => {
          if (view.state.field(explanationAtCursor) === null) return false;
          view.dispatch({ effects: setExplanation.of(null) });
          return true;
        },
      },
    ]),
    linter(
      async (view) => {
        const text = view.state.doc;
        const found = (await current().diagnostics(cell)) ?? [];
        return found
          .filter(({ start, length }) => start + length <= text.length)
          .map(
            ({ start, length, message, code }): Diagnostic => ({
              from: start,
              to: start + length,
              severity: "error",
              message,
              ...(code === undefined ? {} : { source: `TypeScript ${code}` }),
            }),
          );
      },
      { delay: 300 },
    ),
  ];
}

const setExplanation = StateEffect.define<Tooltip | null>();

const explanationAtCursor = StateField.define<Tooltip | null>({
  create: () => null,
  update(shown, transaction) {
    for (const effect of transaction.effects) if (effect.is(setExplanation)) return effect.value;
    return transaction.docChanged || transaction.selection !== undefined ? null : shown;
  },
  provide: (field) => showTooltip.from(field),
});

/** Text only: a doc comment may be that of a cell that came with a link. */
function explanationElement({ signature, documentation }: Explanation): HTMLElement {
  const element = document.createElement("div");
  element.className = "nb-explanation";
  element.setAttribute("role", "status");
  const code = document.createElement("pre");
  code.textContent = signature;
  element.append(code);
  for (const paragraph of documentation.split(/\n{2,}/)) {
    if (paragraph === "") continue;
    const shown = document.createElement("p");
    for (const [index, part] of paragraph.split("`").entries()) {
      if (index % 2 === 0) shown.append(part);
      else shown.append(Object.assign(document.createElement("code"), { textContent: part }));
    }
    element.append(shown);
  }
  return element;
}
