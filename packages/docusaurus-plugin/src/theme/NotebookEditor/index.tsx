/**
 * Where a cell's text is changed: a plain text area. A richer editor takes its place by the same properties; whatever keys
 * it does not handle itself (and `preventDefault`) the cell does: Shift+Enter, Ctrl+Enter, Alt+Enter, Escape.
 */
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef } from "react";
import type { LiveNotebook } from "../../live/notebook.js";

/** What the cell and its editor tell each other. */
export interface NotebookEditorProps {
  /** The text; changes from outside too, when the cell is reverted. */
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Runs the cell: and stays, goes on to the next one, or adds one below. */
  readonly onRun: (then: "stay" | "next" | "add") => void;
  /** Ends editing. */
  readonly onLeave: () => void;
  /** For screen readers. */
  readonly label: string;
  /** The highlighter's name of the language. */
  readonly language: string;
  readonly cellId: string;
  /** The page's cells, for an editor that knows what earlier ones declare. */
  readonly notebook: LiveNotebook;
}

export default function NotebookEditor({ value, onChange, label }: NotebookEditorProps): ReactNode {
  const area = useRef<HTMLTextAreaElement>(null);
  const hint = useId();
  useEffect(() => area.current?.focus(), []);
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key !== "Tab" || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    // Inserted as if typed, so that it can be undone.
    document.execCommand("insertText", false, "  ");
  };
  return (
    <>
      <textarea
        ref={area}
        className="nb-editor"
        value={value}
        rows={value.split("\n").length + 1}
        spellCheck={false}
        autoCapitalize="off"
        autoCorrect="off"
        aria-label={label}
        aria-describedby={hint}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <span id={hint} className="nb-hidden">
        Tab indents. Escape leaves the editor.
      </span>
    </>
  );
}
