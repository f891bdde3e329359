/**
 * Routes that are made when they are visited. Docusaurus makes the component of every route when any page opens; the API
 * reference has hundreds of them, and on a phone that was most of the time before the first page came to life.
 */
import { join } from "node:path";
import type { Plugin } from "@docusaurus/types";

export function lazyRoutesPlugin(): Plugin {
  return {
    name: "netfilter-lab-lazy-routes",
    configureWebpack() {
      const alias = { "@docusaurus/ComponentCreator": join(__dirname, "LazyComponentCreator.tsx") };
      // Before Docusaurus's own: the first that fits is taken.
      return { mergeStrategy: { "resolve.alias": "prepend" }, resolve: { alias } };
    },
  };
}
