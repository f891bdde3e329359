/** One code cell: its source, highlighted or being edited, its bar of buttons, and what running it gave. */
import CodeBlock from "@theme/CodeBlock";
import CellBar from "@theme/NotebookCell/CellBar";
import NotebookEditor from "@theme/NotebookEditor";
import NotebookKernelMark from "@theme/NotebookKernelMark";
import NotebookOutput from "@theme/NotebookOutput";
import { type KeyboardEvent, memo, type ReactNode, useEffect, useRef, useState } from "react";
import type { LiveCell as Cell, Freshness } from "../../live/document.js";
import type { LiveNotebook, NotebookState } from "../../live/notebook.js";

/** What a reader is to do with a cell, where that is not just to read it. */
const labels = [
  { tag: "exercise", text: "Your turn" },
  { tag: "check", text: "Check your answer" },
];

export interface LiveCellProps {
  readonly cell: Cell;
  /** Its place among the page's cells, counted from 1. */
  readonly number: number;
  readonly freshness: Freshness;
  readonly language: string;
  readonly notebook: LiveNotebook;
  /** Set when the cell is to get the keyboard. */
  readonly focus?: NonNullable<NotebookState["focus"]>;
}

function LiveCell({ cell, number, freshness, language, notebook, focus }: LiveCellProps): ReactNode {
  const { id, source, tags, run } = cell;
  const element = useRef<HTMLDivElement>(null);
  const [isEditing, setEditing] = useState(false);
  const lastD = useRef(0);
  const label = labels.find(({ tag }) => tags.includes(tag));
  const shown = run?.shown ?? cell.published?.outputs ?? [];

  useEffect(() => {
    if (focus === undefined) return;
    if (focus.mode === "edit") setEditing(true);
    else {
      element.current?.focus({ preventScroll: true });
      element.current?.scrollIntoView({ block: "nearest" });
    }
  }, [focus]);

  const leave = (): void => {
    setEditing(false);
    notebook.focus(id, "command");
  };
  const edit = (): void => {
    notebook.prepare("worker", "first", "compiler");
    setEditing(true);
  };
  const runAnd = (then: "stay" | "next" | "add"): void => {
    void notebook.run(id);
    setEditing(false);
    if (then === "add") notebook.focus(notebook.add(id, "below"), "edit");
    else notebook.focus(then === "next" ? (neighbour(id, 1) ?? id) : id, "command");
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // An editor has handled it.
    if (event.defaultPrevented) return;
    const { key, shiftKey, ctrlKey, altKey, metaKey } = event;
    const command = event.target === element.current;
    const handled = (): boolean => {
      if (key === "Enter" && (shiftKey || ctrlKey || altKey || metaKey)) {
        runAnd(altKey ? "add" : shiftKey ? "next" : "stay");
        return true;
      }
      if (key === "Escape" && isEditing) {
        leave();
        return true;
      }
      if (!command || ctrlKey || altKey || metaKey) return false;
      return commandKey(key);
    };
    if (handled()) event.preventDefault();
  };
  const commandKey = (key: string): boolean => {
    const isSecondD = key === "d" && performance.now() - lastD.current < 1000;
    lastD.current = key === "d" && !isSecondD ? performance.now() : 0;
    const go = (step: 1 | -1): void => notebook.focus(neighbour(id, step) ?? id, "command");
    switch (key) {
      case "Enter":
        edit();
        return true;
      case "a":
        notebook.focus(notebook.add(id, "above"), "command");
        return true;
      case "b":
        notebook.focus(notebook.add(id, "below"), "command");
        return true;
      case "d":
        if (isSecondD) remove();
        return true;
      case "z":
        notebook.dispatch({ type: "undelete" });
        return true;
      case "ArrowDown":
      case "j":
        go(1);
        return true;
      case "ArrowUp":
      case "k":
        go(-1);
        return true;
      default:
        return false;
    }
  };
  const remove = (): void => {
    const next = neighbour(id, 1) ?? neighbour(id, -1);
    notebook.dispatch({ type: "delete", id });
    notebook.say("Cell deleted. Undo brings it back.");
    if (next !== undefined) notebook.focus(next, "command");
  };

  const code = isEditing ? (
    <NotebookEditor
      value={source}
      onChange={(value: string) => notebook.dispatch({ type: "edit", id, source: value })}
      onRun={runAnd}
      onLeave={leave}
      label={`Code of cell ${number}`}
      language={language}
      cellId={id}
      notebook={notebook}
    />
  ) : source === "" ? (
    <button type="button" className="nb-empty-cell" onClick={edit}>
      Empty cell: write TypeScript here
    </button>
  ) : (
    // A way in for the mouse; the keyboard has Enter and the button.
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions
    <div className="nb-code" onDoubleClick={edit}>
      <CodeBlock
        language={language}
        {...(cell.published?.highlighted !== undefined && cell.published.source === source
          ? { html: cell.published.highlighted }
          : {})}
      >
        {source}
      </CodeBlock>
    </div>
  );
  return (
    // Command mode, as Jupyter has it: the cell itself takes keys.
    <div
      ref={element}
      className={`nb-cell${label === undefined ? "" : ` nb-cell--${label.tag}`}`}
      data-cell-id={id}
      data-cell-tags={tags.join(" ")}
      data-cell-state={run?.status === "running" ? "running" : freshness}
      data-cell-author={cell.author}
      role="group"
      aria-label={`Cell ${number}`}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      onKeyDown={onKeyDown}
      onPointerEnter={() => notebook.prepare("worker", "first")}
      onFocus={() => notebook.prepare("worker", "first")}
    >
      {label !== undefined && <p className="nb-label">{label.text}</p>}
      <div className="nb-frame">
        {label?.tag === "check" && !isEditing ? (
          // How an answer is judged often gives it away.
          <details className="nb-details">
            <summary>How it is checked</summary>
            {code}
          </details>
        ) : (
          code
        )}
        <CellBar
          cell={cell}
          number={number}
          freshness={freshness}
          notebook={notebook}
          isEditing={isEditing}
          onEdit={isEditing ? leave : edit}
          onDelete={remove}
        />
        {shown.length > 0 && (
          <div className="nb-outputs">
            {shown.map((output, index) => (
              // Outputs are never reordered: their place is their identity.
              // oxlint-disable-next-line react/no-array-index-key
              <NotebookOutput key={index} output={output} />
            ))}
            {run === undefined && cell.published?.linux !== undefined && (
              <NotebookKernelMark mark={cell.published.linux} />
            )}
          </div>
        )}
      </div>
    </div>
  );
}

export default memo(LiveCell);

/**
 * The next cell that can be seen, or the one before. A browser may give what a closed solution holds a place all the
 * same.
 */
function neighbour(id: string, step: 1 | -1): string | undefined {
  const cells = [...document.querySelectorAll<HTMLElement>("[data-cell-id]")].filter(
    (cell) => cell.dataset["cellId"] === id || cell.closest("details:not([open])") === null,
  );
  const at = cells.findIndex((cell) => cell.dataset["cellId"] === id);
  return cells[at + step]?.dataset["cellId"];
}
