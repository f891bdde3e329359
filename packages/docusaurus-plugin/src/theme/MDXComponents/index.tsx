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

/** The corner of a table, which Markdown cannot say is no heading. */
function TableHeading({ children, ...properties }: ComponentProps<"th">): ReactNode {
  return children === undefined ? <td /> : <th {...properties}>{children}</th>;
}

const components: Readonly<Record<string, unknown>> = {
  ...MDXComponents,
  details: Details,
  th: TableHeading,
  NotebookAside,
  NotebookCell,
  NotebookLesson,
  NotebookList,
};
export default components;
