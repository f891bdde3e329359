/**
 * A walk in the packet view, the same element as in a notebook's output, but from the site's own script: of a cell's
 * output only the data comes, and the element checks it. Until the element is there, and where no script runs, the
 * table that the output brings for that case, made safe, is shown.
 */
import type { Json } from "@netfilter-lab/notebook";
import { createElement, type ReactNode, useEffect, useRef } from "react";

interface NotebookWalkProps {
  /** The output's data. */
  readonly walk: Json;
  /** Unique on the page: the first part of the addresses of the walk's steps. */
  readonly scope: string;
  /** Safe HTML. */
  readonly fallback: string;
}

export default function NotebookWalk({ walk, scope, fallback }: NotebookWalkProps): ReactNode {
  const element = useRef<HTMLElement & { walk?: unknown }>(null);
  useEffect(() => {
    let wanted = true;
    import("netfilter-lab/packet-view/element").then(
      ({ definePacketView }) => {
        definePacketView();
        if (wanted && element.current !== null) element.current.walk = walk;
      },
      // Without a network it may not be there: the table stays.
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, [walk]);
  return createElement(
    "netfilter-packet-view",
    { ref: element, name: scope, class: "nb-walk" },
    // biome-ignore lint/security/noDangerouslySetInnerHtml: sanitised when the page was written
    <div className="nb-html" id={scope} dangerouslySetInnerHTML={{ __html: fallback }} />,
  );
}
