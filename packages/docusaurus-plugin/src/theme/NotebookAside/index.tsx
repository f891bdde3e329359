/** An exercise, or a solution that stays folded until the reader asks for it (needs no JavaScript). */
import type { ReactNode } from "react";

export default function NotebookAside(props: { readonly kind: string; readonly children: ReactNode }): ReactNode {
  if (props.kind === "solution") {
    return (
      <details className="nb-details nb-solution">
        <summary>Show the solution</summary>
        {props.children}
      </details>
    );
  }
  return <div className={`nb-aside nb-aside--${props.kind}`}>{props.children}</div>;
}
