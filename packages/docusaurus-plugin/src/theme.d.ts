/**
 * The aliases through which Docusaurus finds theme components, as far as this package uses them. They are resolved when
 * the site is bundled.
 */
declare module "@theme/Icon/Copy" {
  import type { ComponentProps, ReactNode } from "react";
  export default function IconCopy(props: ComponentProps<"svg">): ReactNode;
}
declare module "@theme/Icon/Success" {
  import type { ComponentProps, ReactNode } from "react";
  export default function IconSuccess(props: ComponentProps<"svg">): ReactNode;
}
declare module "@theme/Icon/WordWrap" {
  import type { ComponentProps, ReactNode } from "react";
  export default function IconWordWrap(props: ComponentProps<"svg">): ReactNode;
}
declare module "@theme/CodeBlock" {
  export { default } from "./theme/CodeBlock/index.js";
}
declare module "@theme/NotebookCell" {
  export { default } from "./theme/NotebookCell/index.js";
}
declare module "@theme/NotebookCell/LiveCell" {
  export { default } from "./theme/NotebookCell/LiveCell.js";
}
declare module "@theme/NotebookCell/CellBar" {
  export { default } from "./theme/NotebookCell/CellBar.js";
}
declare module "@theme/NotebookEditor" {
  export { default } from "./theme/NotebookEditor/index.js";
}
declare module "@theme/NotebookKeep" {
  export { default } from "./theme/NotebookKeep/index.js";
}
declare module "@theme/NotebookOutput" {
  export { default } from "./theme/NotebookOutput/index.js";
}
declare module "@theme/NotebookKernelMark" {
  export { default } from "./theme/NotebookKernelMark/index.js";
}
declare module "@theme/NotebookWalk" {
  export { default } from "./theme/NotebookWalk/index.js";
}
declare module "@theme/NotebookLesson" {
  export { default } from "./theme/NotebookLesson/index.js";
}
declare module "@theme/NotebookList" {
  export { default } from "./theme/NotebookList/index.js";
}
declare module "@theme/NotebookAside" {
  export { default } from "./theme/NotebookAside/index.js";
}
declare module "@theme-init/MDXComponents" {
  import type { ComponentType } from "react";

  const components: Readonly<Record<string, ComponentType<never>>>;
  export default components;
}
declare module "@generated/docusaurus.config" {
  const siteConfig: { readonly baseUrl: string };
  export default siteConfig;
}
declare module "@docusaurus/Link" {
  import type { ReactNode } from "react";
  export default function Link(props: { to: string; className?: string; children: ReactNode }): ReactNode;
}
declare module "@docusaurus/useBaseUrl" {
  export default function useBaseUrl(path: string): string;
}
declare module "@docusaurus/router" {
  export function useLocation(): { readonly pathname: string };
}
declare module "@docusaurus/useGlobalData" {
  export function usePluginData(name: string): unknown;
}
declare module "@mdx-js/react" {
  import type { ComponentType } from "react";
  export function useMDXComponents(): Readonly<Record<string, ComponentType<{ value: string }> | undefined>>;
}
