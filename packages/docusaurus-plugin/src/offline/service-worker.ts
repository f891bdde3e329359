/**
 * The site's service worker: what was kept is there without a network. Files that carry their content's hash in their
 * names come from what is kept at once; everything else comes from the network as long as there is one, so that nobody
 * reads an old page. It asks nothing of anybody but the site.
 */
import type { OfflineSite } from "./site.js";

/** What this site keeps; put in front of the bundle by `plugin.ts`. */
declare const offlineSite: OfflineSite;

/** From a page that was loaded before there was a service worker: what it has loaded, to be kept too. */
export interface KeepMessage {
  readonly keep: readonly string[];
}

interface ExtendableEvent extends Event {
  waitUntil(until: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface KeepEvent extends ExtendableEvent {
  readonly data: KeepMessage;
}
interface ServiceWorkerScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
  addEventListener(type: "message", listener: (event: KeepEvent) => void): void;
}

const worker = self as unknown as ServiceWorkerScope;
const { scope } = worker.registration;
const prefix = `netfilter-lab ${scope} `;
const cacheName = prefix + offlineSite.version;

/** True for a file whose name changes with its content. */
const isImmutable = (address: string): boolean =>
  /\/assets\/[^?]*[.-][0-9a-f]{8,}\.(?:js|css|html|woff2)$/.test(address);

worker.addEventListener("install", (event) => {
  event.waitUntil(keep(offlineSite.kept.map((path) => new URL(path, scope).href)));
});

// A new one waits until no page of the old one is open (the browser's own way), so nobody misses the old files.
worker.addEventListener("activate", (event) => {
  const clean = async (): Promise<void> => {
    const names = await caches.keys();
    await Promise.all(
      names.filter((name) => name.startsWith(prefix) && name !== cacheName).map((n) => caches.delete(n)),
    );
    await worker.clients.claim();
  };
  event.waitUntil(clean());
});

worker.addEventListener("message", (event) => {
  const addresses = event.data.keep.filter((address) => address.startsWith(scope));
  event.waitUntil(keep(addresses));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(scope)) return;
  event.respondWith(isImmutable(request.url) ? keptFirst(event) : networkFirst(event));
});

/** Fetches what is not kept yet. */
async function keep(addresses: readonly string[]): Promise<void> {
  const cache = await caches.open(cacheName);
  for (const address of new Set(addresses.map(withoutFragment))) {
    // One after the other: the reader's own requests come first.
    const known = isImmutable(address) ? await caches.match(address) : await cache.match(address);
    const response = known ?? (await fetch(address));
    if (response.ok && !response.redirected) await cache.put(address, response);
    else if (!response.ok) throw new Error(`${address}: ${response.status}`);
  }
}

async function keptFirst(event: FetchEvent): Promise<Response> {
  return (await caches.match(event.request.url)) ?? (await fetchAndKeep(event));
}

async function networkFirst(event: FetchEvent): Promise<Response> {
  const { request } = event;
  try {
    return await fetchAndKeep(event);
  } catch {
    const isPage = request.mode === "navigate";
    const { origin, pathname, search } = new URL(request.url);
    const found = await caches.match(request.url, { ignoreSearch: isPage });
    if (found !== undefined || !isPage) return found ?? Response.error();
    // As servers do with a folder's name.
    const folder = `${origin}${pathname}/`;
    if ((await caches.match(folder)) !== undefined) return Response.redirect(folder + search);
    return new Response(notKept, { status: 503, headers: { "content-type": "text/html; charset=utf-8" } });
  }
}

async function fetchAndKeep(event: FetchEvent): Promise<Response> {
  const { request } = event;
  const response = await fetch(request);
  if (response.ok && !response.redirected && response.type === "basic") {
    const copy = response.clone();
    const address = withoutFragment(request.mode === "navigate" ? withoutSearch(request.url) : request.url);
    // Storage that is full keeps nothing, and hinders nothing.
    event.waitUntil(caches.open(cacheName).then((cache) => cache.put(address, copy).catch(() => undefined)));
  }
  return response;
}

function withoutFragment(address: string): string {
  return address.replace(/#.*$/s, "");
}

function withoutSearch(address: string): string {
  return address.replace(/\?.*$/s, "");
}

const notKept = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Offline</title>
<style>:root { color-scheme: light dark; font: 1.1rem/1.6 system-ui, sans-serif } main { max-width: 34rem; margin: 15vh auto; padding: 0 1.2rem }</style>
</head>
<body>
<main>
<h1>You are offline</h1>
<p>This page was not visited before, so it is not kept in this browser. The lessons are:</p>
<p><a href="${scope}${offlineSite.start}">To the lessons</a></p>
</main>
</body>
</html>
`;
