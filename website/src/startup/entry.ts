/**
 * The site's entry in a browser: what Docusaurus's own does, in steps that let the browser draw and answer between
 * them. The page as it was written is drawn first; then the page's chunks are asked for, React is evaluated while they
 * come, and after it the site.
 */
import { fetchAhead } from "./fetchAhead";

/** The first picture; a page that nobody sees gets none. */
const picture = (): Promise<void> =>
  new Promise((resolve) => {
    if (document.hidden) resolve();
    else requestAnimationFrame(() => setTimeout(resolve));
  });

const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

async function start(): Promise<void> {
  await picture();
  const { default: preload } = await import(/* webpackMode: "eager" */ "@docusaurus/core/lib/client/preload");
  // Asked for again by Docusaurus, which tells what fails.
  Promise.resolve(preload(window.location.pathname)).catch(() => undefined);
  await breath();
  await import(/* webpackMode: "eager" */ "react-dom/client");
  await breath();
  await import(/* webpackMode: "eager" */ "@docusaurus/core/lib/client/clientEntry");
  window.docusaurus = { ...window.docusaurus, prefetch: fetchAhead };
}

void start();
