/**
 * In the place of Docusaurus's `ComponentCreator`, which the generated list of routes calls for each of them: makes a
 * page's component at the first use only. The API reference has hundreds of pages.
 */
import ComponentCreator from "@docusaurus/core/lib/client/exports/ComponentCreator";
import { type ComponentType, createElement, type ReactNode } from "react";

interface Route {
  (properties: object): ReactNode;
  /** Fetches what the page needs. */
  preload(): Promise<unknown>;
}

export default function LazyComponentCreator(path: string, hash: string): Route {
  let made: (ComponentType & Pick<Route, "preload">) | undefined;
  const route = (): NonNullable<typeof made> => (made ??= ComponentCreator(path, hash) as NonNullable<typeof made>);
  return Object.assign((properties: object) => createElement(route(), properties), {
    preload: () => route().preload(),
  });
}
