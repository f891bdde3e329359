/**
 * Gives the site its service worker, once the page is there and nothing else is to do: what was visited, the lessons,
 * and what runs their cells are then there without a network. Not while the site is written (`docusaurus start`), and
 * not for readers who asked their browser to save data.
 */
import siteConfig from "@generated/docusaurus.config";
import { savesData } from "../connection.js";
import type { KeepMessage } from "./service-worker.js";

async function register(container: ServiceWorkerContainer): Promise<void> {
  await container.register(`${siteConfig.baseUrl}sw.js`);
  const { active } = await container.ready;
  if (container.controller === null) {
    await new Promise((resolve) => container.addEventListener("controllerchange", resolve, { once: true }));
  }
  // What came before the service worker did.
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  // A worker has no origin to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  active?.postMessage({ keep: [window.location.href, ...loaded] } satisfies KeepMessage);
}

if (typeof window !== "undefined" && process.env["NODE_ENV"] === "production" && "serviceWorker" in navigator) {
  const begin = (): void => {
    // Storage that is forbidden, or a page that is left meanwhile: the site works as it did.
    setTimeout(() => void register(navigator.serviceWorker).catch(() => undefined), 2000);
  };
  if (!savesData()) {
    if (document.readyState === "complete") begin();
    else window.addEventListener("load", begin, { once: true });
  }
}
