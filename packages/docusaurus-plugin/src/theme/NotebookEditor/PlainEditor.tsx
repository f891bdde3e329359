/** The editor until the other one is there, and where it cannot be loaded: a plain text area. */
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useId } from "react";

export interface PlainEditorProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly label: string;
  readonly area: RefObject<HTMLTextAreaElement | null>;
}

export default function PlainEditor({ value, onChange, label, area }: PlainEditorProps): ReactNode {
  const hint = useId();
  useEffect(() => area.current?.focus(), [area]);
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
