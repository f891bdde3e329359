/**
 * How the site starts in a browser, for phones: Docusaurus evaluates everything, and makes the component of every
 * route, in one go before the first page comes to life.
 */
import { join } from "node:path";
import type { Plugin } from "@docusaurus/types";

export function startupPlugin(): Plugin {
  return {
    name: "netfilter-lab-startup",
    configureWebpack(_config, isServer) {
      return {
        ...(isServer ? {} : { entry: join(__dirname, "entry.ts") }),
        // The first that fits is taken; of two of one name Docusaurus's own would stay, hence the exact one.
        mergeStrategy: { "resolve.alias": "prepend" },
        resolve: { alias: { "@docusaurus/ComponentCreator$": join(__dirname, "LazyComponentCreator.tsx") } },
      };
    },
  };
}
