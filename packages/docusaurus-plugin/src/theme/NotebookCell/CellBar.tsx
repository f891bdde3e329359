/** What can be done with a cell, and how its outputs stand to its text: a quiet line under the code. */
import { type FocusEvent, type KeyboardEvent, type ReactNode, useRef } from "react";
import type { Freshness, LiveCell } from "../../live/document.js";
import type { LiveNotebook } from "../../live/notebook.js";

export interface CellBarProps {
  readonly cell: LiveCell;
  readonly number: number;
  readonly freshness: Freshness;
  readonly notebook: LiveNotebook;
  readonly isEditing: boolean;
  readonly onEdit: () => void;
  readonly onDelete: () => void;
}

export default function CellBar({
  cell,
  number,
  freshness,
  notebook,
  isEditing,
  onEdit,
  onDelete,
}: CellBarProps): ReactNode {
  const { id, source, published } = cell;
  const menu = useRef<HTMLDetailsElement>(null);
  const close = (): void => {
    if (menu.current !== null) menu.current.open = false;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || menu.current?.open !== true) return;
    event.preventDefault();
    close();
    menu.current.querySelector("summary")?.focus();
  };
  const onBlur = (event: FocusEvent): void => {
    if (!event.currentTarget.contains(event.relatedTarget)) close();
  };
  const item = (text: string, action: () => void, key = ""): ReactNode => (
    <button
      type="button"
      onClick={() => {
        close();
        action();
      }}
    >
      {text}
      {key !== "" && <kbd>{key}</kbd>}
    </button>
  );
  const isRunning = cell.run?.status === "running";
  return (
    <div className="nb-bar" role="toolbar" aria-label={`Cell ${number}`}>
      {isRunning || cell.isQueued ? (
        <button type="button" className="nb-button nb-stop" onClick={() => notebook.stop()}>
          Stop
        </button>
      ) : (
        <button
          type="button"
          className="nb-button nb-run"
          disabled={source.trim() === ""}
          onClick={() => void notebook.run(id)}
        >
          Run
        </button>
      )}
      <button type="button" className="nb-button" onClick={onEdit}>
        {isEditing ? "Done" : "Edit"}
      </button>
      <details ref={menu} className="nb-more" onKeyDown={onKeyDown} onBlur={onBlur}>
        <summary aria-label={`More for cell ${number}`}>
          <span aria-hidden="true">⋯</span>
        </summary>
        <div className="nb-menu">
          {item("Run to here", () => void notebook.runFromTop(id))}
          {item("Add cell below", () => notebook.focus(notebook.add(id, "below"), "edit"), "b")}
          {item("Add cell above", () => notebook.focus(notebook.add(id, "above"), "edit"), "a")}
          {item("Move up", () => notebook.dispatch({ type: "move", id, direction: "up" }))}
          {item("Move down", () => notebook.dispatch({ type: "move", id, direction: "down" }))}
          {published !== undefined &&
            published.source !== source &&
            item("As published", () => notebook.dispatch({ type: "revert", id }))}
          {item("Delete", onDelete, "d d")}
        </div>
      </details>
      <span className="nb-state">{stateOf(cell, freshness)}</span>
    </div>
  );
}

/** How the outputs shown came about, in few words. */
function stateOf({ run, isQueued, source, published, author }: LiveCell, freshness: Freshness): string {
  if (run?.status === "running") return "Running…";
  if (isQueued) return "Waiting";
  const whose =
    author === "link"
      ? "From a link, not the lesson’s"
      : author === "file"
        ? "From a file, not the lesson’s"
        : author === "reader"
          ? published
            ? "Changed by you"
            : "Yours"
          : "";
  const outputs = ((): string => {
    if (run === undefined) {
      if (freshness === "none" || source.trim() === "") return "";
      if (freshness === "stale") return published?.outputs.length === 0 ? "Not run" : "Saved output, out of date";
      return published?.outputs.length === 0 ? "" : "Saved output";
    }
    if (run.status === "stopped") return "Stopped";
    if (freshness === "stale") return "Out of date";
    const time = run.milliseconds === undefined ? "" : ` · ${duration(run.milliseconds)}`;
    return run.status === "failed" ? `Failed${time}` : `Live${time}`;
  })();
  return [whose, outputs].filter((text) => text !== "").join(" · ");
}

function duration(milliseconds: number): string {
  if (milliseconds < 10_000) return `${Math.max(1, Math.round(milliseconds))} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
