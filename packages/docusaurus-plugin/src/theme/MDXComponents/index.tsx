/**
 * The site's Markdown components with the notebook's added. `<details>` becomes the browser's own again: Docusaurus's
 * animated one keeps its content hidden where JavaScript does not run.
 */

import NotebookAside from "@theme/NotebookAside";
import NotebookCell from "@theme/NotebookCell";
import NotebookLesson from "@theme/NotebookLesson";
import NotebookList from "@theme/NotebookList";
import MDXComponents from "@theme-init/MDXComponents";
import type { ComponentProps, ReactNode } from "react";

function Details({ className, ...properties }: ComponentProps<"details">): ReactNode {
  return <details className={`nb-details ${className ?? ""}`} {...properties} />;
}

const components: Readonly<Record<string, unknown>> = {
  ...MDXComponents,
  details: Details,
  NotebookAside,
  NotebookCell,
  NotebookLesson,
  NotebookList,
};
export default components;
