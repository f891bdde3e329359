/**
 * What becomes of the reader's cells: saved as a notebook, opened from one, shared by a link; and what the reader has
 * to know of cells that are not the lesson's author's, or not kept. Reset is with the other buttons for all cells.
 */
import { useLocation } from "@docusaurus/router";
import { type ChangeEvent, type ReactNode, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { CellsError, lessonVersion } from "../../keep/cells.js";
import { Keeping, type KeepingState, nothingKept } from "../../keep/keeping.js";
import { fragmentOf } from "../../keep/link.js";
import { contentOf, type PageCell } from "../../live/document.js";
import { useNotebook } from "../../live/react.js";

export interface NotebookKeepProps {
  /** The page's cells. */
  readonly cells: readonly PageCell[];
  /** The published notebook's address. */
  readonly download: string;
  /** Its file name. */
  readonly file: string;
}

const keepings = new WeakMap<object, Keeping>();

export default function NotebookKeep({ cells, download, file }: NotebookKeepProps): ReactNode {
  const { notebook } = useNotebook(cells);
  const { pathname } = useLocation();
  const keeping = useMemo(() => {
    if (typeof document === "undefined") return undefined;
    const known = keepings.get(notebook) ?? new Keeping(notebook, pathname);
    keepings.set(notebook, known);
    return known;
  }, [notebook, pathname]);
  const state = useSyncExternalStore(keeping?.subscribe ?? unsubscribed, keeping?.state ?? empty, empty);
  const [shared, setShared] = useState<{ readonly link: string; readonly isCopied: boolean }>();
  const chooser = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const begin = (): void => void keeping?.begin(window.location.hash);
    begin();
    const hear = ({ key }: StorageEvent): void => keeping?.hearStorage(key);
    window.addEventListener("hashchange", begin);
    window.addEventListener("storage", hear);
    return () => {
      window.removeEventListener("hashchange", begin);
      window.removeEventListener("storage", hear);
    };
  }, [keeping]);

  const published = async (): Promise<string> => {
    const response = await fetch(download).catch(() => undefined);
    if (response?.ok !== true) throw new CellsError("The lesson’s notebook could not be loaded: are you offline?");
    return await response.text();
  };
  const open = (opened: File): void => {
    setShared(undefined);
    void keeping?.open(opened, published);
  };

  useEffect(() => {
    const carriesFile = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
    const over = (event: DragEvent): void => {
      if (carriesFile(event)) event.preventDefault();
    };
    const drop = (event: DragEvent): void => {
      if (!carriesFile(event)) return;
      event.preventDefault();
      const [dropped] = event.dataTransfer?.files ?? [];
      if (dropped !== undefined) open(dropped);
    };
    window.addEventListener("dragover", over);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("drop", drop);
    };
  });

  /** Does it, or tells why not. */
  const attempt = (action: () => Promise<void>) => (): void => {
    keeping?.refuse("");
    action().catch((error: unknown) => {
      if (!(error instanceof CellsError)) throw error;
      keeping?.refuse(error.message);
    });
  };
  const save = attempt(async () => {
    const { changedNotebook } = await import("../../keep/notebook.js");
    const { cells } = notebook.state().document;
    const runs = new Map(cells.map(({ id, source, run }) => [id, run?.source === source ? run : undefined]));
    const text = changedNotebook(
      await published(),
      contentOf(notebook.state().document),
      (id) => runs.get(id)?.outputs,
    );
    const address = URL.createObjectURL(new Blob([text], { type: "application/x-ipynb+json" }));
    Object.assign(document.createElement("a"), { href: address, download: file }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  });
  const share = attempt(async () => {
    const { document: shown } = notebook.state();
    const fragment = await fragmentOf(shown.lesson, lessonVersion(shown.lesson), contentOf(shown));
    const link = window.location.origin + window.location.pathname + fragment;
    setShared({ link, isCopied: await isCopied(link) });
  });
  const dismiss = (): void => {
    window.history.replaceState(window.history.state, "", window.location.pathname + window.location.search);
    keeping?.dismiss();
  };

  return (
    <div className="nb-keep">
      <div role="toolbar" aria-label="Your cells">
        <button type="button" className="nb-button" onClick={save}>
          Save as .ipynb
        </button>
        <button type="button" className="nb-button" onClick={() => chooser.current?.click()}>
          Open a notebook
        </button>
        <input
          ref={chooser}
          type="file"
          accept=".ipynb,application/x-ipynb+json"
          hidden
          aria-label="Open a notebook file"
          onChange={({ target }: ChangeEvent<HTMLInputElement>) => {
            const [chosen] = target.files ?? [];
            if (chosen !== undefined) open(chosen);
            target.value = "";
          }}
        />
        <button type="button" className="nb-button" onClick={share}>
          Share by a link
        </button>
      </div>
      <div role="status">
        {shared !== undefined && (
          <p className="nb-notice">
            {shared.isCopied ? "Copied: a link" : "A link"} that carries your cells, {shared.link.length} characters
            long. No server stores them.
            <input readOnly aria-label="The link" value={shared.link} onFocus={({ target }) => target.select()} />
            <button type="button" className="nb-button" onClick={() => setShared(undefined)}>
              Close
            </button>
          </p>
        )}
        {state.problem !== "" && <p className="nb-notice nb-notice--problem">{state.problem}</p>}
        {state.foreign !== undefined && state.problem === "" && (
          <p className="nb-notice nb-notice--foreign">
            <strong>
              {state.foreign === "link"
                ? "This page shows cells that came with the link, not the lesson’s author’s."
                : "This page shows the cells of a file."}
            </strong>{" "}
            The ones that differ are marked. Nothing runs until you press Run.
            {state.isOutdated && " The lesson has changed since the link was made."}
            {state.hasOwn && " Your own changes to this lesson are kept, and not touched."}
            <button type="button" className="nb-button" onClick={() => keeping?.keep()}>
              {state.hasOwn ? "Keep these instead of mine" : "Keep these here"}
            </button>
            <button type="button" className="nb-button" onClick={dismiss}>
              {state.hasOwn ? "Back to mine" : "Back to the lesson"}
            </button>
          </p>
        )}
        {state.foreign !== undefined && state.problem !== "" && (
          <button type="button" className="nb-button" onClick={dismiss}>
            Back to the lesson
          </button>
        )}
        {state.isElsewhere && (
          <p className="nb-notice nb-notice--problem">
            Another tab has kept other changes to this lesson. What you change here is not kept until you choose.
            <button type="button" className="nb-button" onClick={() => keeping?.showElsewhere()}>
              Show the other tab’s
            </button>
            <button type="button" className="nb-button" onClick={() => keeping?.keepThese()}>
              Keep these instead
            </button>
          </p>
        )}
        {state.others.map((version) => (
          <p key={version} className="nb-notice">
            This lesson has changed since you changed it. Your changes to the earlier one are kept.
            <button type="button" className="nb-button" onClick={() => keeping?.showOther(version)}>
              Show them in this one
            </button>
            <button type="button" className="nb-button" onClick={() => keeping?.forgetOther(version)}>
              Delete them
            </button>
          </p>
        ))}
        {state.notKept !== undefined && (
          <p className="nb-notice nb-notice--problem">
            Your changes are not kept when you leave: this browser’s storage is{" "}
            {state.notKept === "full" ? "full" : "not allowed for this site"}. Everything runs all the same; save the
            notebook to keep them.
          </p>
        )}
      </div>
    </div>
  );
}

/** Puts a text on the clipboard, where the browser lets a page. */
async function isCopied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

const unsubscribed = () => (): void => undefined;
const empty = (): KeepingState => nothingKept;
