/**
 * The editor of a cell: CodeMirror, in the page's colours, with the keys Jupyter users know. A module of its own that a
 * page loads with the first Edit; nothing of it is in the page before.
 */
import { acceptCompletion, closeBrackets, closeBracketsKeymap, completionStatus } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { forceLinting, lintKeymap } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap } from "@codemirror/view";
import { type CodeTheme, editorLayout, editorTheme } from "./theme.js";
import { type EditorTypes, typesExtension } from "./types.js";

export type { CodeTheme } from "./theme.js";
export type { EditorTypes } from "./types.js";

/** What an editor is opened with. */
export interface EditorOptions {
  /** The element the editor is put into. */
  readonly parent: HTMLElement;
  /** The cell's id. */
  readonly cell: string;
  readonly source: string;
  /** What a screen reader calls the editor, e.g. `Cell 3, code`. */
  readonly label: string;
  readonly theme: CodeTheme;
  readonly dark: boolean;
  /** Without them the editor knows no types. */
  readonly types?: EditorTypes;
  /** Called at once with every change of the text by the reader. */
  readonly onChange: (source: string) => void;
  readonly keys: EditorKeys;
}

/** What the keys that are not about text do. */
export interface EditorKeys {
  /** Ctrl+Enter, ⌘+Enter. */
  readonly run: () => void;
  /** Shift+Enter. */
  readonly runAndNext: () => void;
  /** Alt+Enter. */
  readonly runAndInsertBelow: () => void;
  /** Escape, unless it closes something of the editor's: to the cell, in Jupyter's words to command mode. */
  readonly leave: () => void;
}

/** An open editor. */
export interface CellEditor {
  /** The text as it is. */
  readonly source: string;
  /** Gives it the keyboard, with what lies between two offsets of the text selected. */
  focus(start: number, end: number): void;
  /** Replaces the text; `onChange` is not called. */
  setSource(source: string): void;
  setTheme(theme: CodeTheme, dark: boolean): void;
  /** Checks again, since another cell changed. */
  recheck(): void;
  close(): void;
}

/** Opens an editor and gives it no focus. */
export function openEditor(options: EditorOptions): CellEditor {
  const { parent, cell, source, label, theme, dark, types, onChange, keys } = options;
  const colours = new Compartment();
  let quiet = false;
  const act = (action: () => void) => (): boolean => {
    action();
    return true;
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: source,
      extensions: [
        keymap.of([
          { key: "Shift-Enter", run: act(keys.runAndNext) },
          { key: "Mod-Enter", run: act(keys.run) },
          { key: "Ctrl-Enter", run: act(keys.run) },
          { key: "Alt-Enter", run: act(keys.runAndInsertBelow) },
          // Tab is the editor's while one types; Escape, then Tab, goes on through the page.
          { key: "Tab", run: (target) => acceptCompletion(target) || indentMore(target), shift: indentLess },
        ]),
        ...(types === undefined ? [] : [typesExtension(cell, types)]),
        keymap.of([
          { key: "Escape", run: (target) => completionStatus(target.state) === null && act(keys.leave)() },
          ...closeBracketsKeymap,
          ...defaultKeymap,
          ...historyKeymap,
          ...lintKeymap,
        ]),
        javascript({ typescript: true }),
        history(),
        drawSelection(),
        indentOnInput(),
        indentUnit.of("  "),
        bracketMatching(),
        closeBrackets(),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({
          "aria-label": `${label}. Escape leaves the editor.`,
          autocapitalize: "off",
          autocorrect: "off",
          spellcheck: "false",
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !quiet) onChange(update.state.doc.toString());
        }),
        editorLayout,
        colours.of(editorTheme(theme, dark)),
      ],
    }),
  });
  return {
    get source() {
      return view.state.doc.toString();
    },
    focus(start, end) {
      const { length } = view.state.doc;
      view.dispatch({ selection: { anchor: Math.min(start, length), head: Math.min(end, length) } });
      view.focus();
    },
    setSource(text) {
      quiet = true;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
      quiet = false;
    },
    setTheme: (changed, isDark) => view.dispatch({ effects: colours.reconfigure(editorTheme(changed, isDark)) }),
    recheck: () => forceLinting(view),
    close: () => view.destroy(),
  };
}
