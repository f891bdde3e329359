/** The theme's frame. The search page brings no `<main>` of its own, which screen readers jump to: it gets one here. */
import { useLocation } from "@docusaurus/router";
import useBaseUrl from "@docusaurus/useBaseUrl";
import type { Props } from "@theme/Layout";
import Layout from "@theme-original/Layout";
import type { ReactNode } from "react";

export default function LayoutWithMain({ children, ...properties }: Props): ReactNode {
  const isSearch = useLocation().pathname.startsWith(useBaseUrl("/search"));
  return <Layout {...properties}>{isSearch ? <main>{children}</main> : children}</Layout>;
}
