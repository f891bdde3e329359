/** The page's notebook for React components. */
import { useLocation } from "@docusaurus/router";
import { usePluginData } from "@docusaurus/useGlobalData";
import { useSyncExternalStore } from "react";
import type { LessonData } from "../lessons.js";
import { LiveNotebook, type NotebookState, notebookOf } from "./notebook.js";

const nothing = new LiveNotebook(() => {
  throw new Error("cells run in browsers only");
});

/** The notebook of the page that is shown, and its state. While the page is rendered on a server, an empty one. */
export function useNotebook(): { readonly notebook: LiveNotebook; readonly state: NotebookState } {
  const { pathname } = useLocation();
  const { live } = usePluginData("netfilter-lab-lessons") as LessonData;
  const notebook = typeof document === "undefined" ? nothing : notebookOf(pathname, live);
  const state = useSyncExternalStore(notebook.subscribe, notebook.state, nothing.state);
  return { notebook, state };
}
