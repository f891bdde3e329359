/** The page's notebook for React components. */
import { usePluginData } from "@docusaurus/useGlobalData";
import { useSyncExternalStore } from "react";
import type { LessonData } from "../lessons.js";
import type { PageCell } from "./document.js";
import { type LiveNotebook, type NotebookState, notebookOf } from "./notebook.js";

/** The notebook of the page that brings these cells, and its state; in the page's HTML, the lesson as published. */
export function useNotebook(cells: readonly PageCell[]): {
  readonly notebook: LiveNotebook;
  readonly state: NotebookState;
} {
  const { live } = usePluginData("netfilter-lab-lessons") as LessonData;
  const notebook = notebookOf(cells, live);
  const state = useSyncExternalStore(notebook.subscribe, notebook.state, notebook.published);
  return { notebook, state };
}
