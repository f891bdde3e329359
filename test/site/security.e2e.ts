/// <reference lib="dom" />
/**
 * The attacks that `website/docs/security.md` speaks of, carried out in a real browser: a stranger's link brings a
 * cell, the reader presses Run, and the cell does its worst. Each test fails if the defence it is about is taken away.
 */
import { readdirSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";
import { repository } from "./pages.ts";
import { fragmentWith, linkWithCell } from "./strangers.ts";

const home = process.env["SITE_URL"] ?? "";
const lesson = `${home}/lessons/the-puzzle/`;
const stranger = '[data-cell-id="stranger"]';

/** Opens a stranger's link to the lesson, in a browser where the site has something to steal. */
async function visit(page: Page, fragment: string): Promise<string[]> {
  const requests: string[] = [];
  await page.goto(`${home}/about/`);
  await page.evaluate(async () => {
    localStorage.setItem("secret", "reader's");
    document.cookie = "secret=reader's";
    await (await caches.open("secret")).put("/secret", new Response("reader's"));
    await new Promise((resolve) => {
      const opening = indexedDB.open("secret");
      opening.addEventListener("success", () => resolve(opening.result.close()));
    });
  });
  // What a policy refuses is told as a request that failed; it is not sent.
  page.on("requestfailed", (request) => {
    if (request.failure()?.errorText !== "csp") requests.push(request.url());
  });
  page.on("requestfinished", (request) => requests.push(request.url()));
  await page.goto(lesson + fragment);
  await expect(page.locator(stranger)).toBeVisible();
  return requests;
}

/** Presses Run on the stranger's cell and waits for its end. */
async function run(page: Page): Promise<void> {
  await page
    .locator(stranger)
    .getByRole("button", { name: /^Run\b/ })
    .first()
    .click();
  await expect(page.locator(stranger)).toHaveAttribute("data-cell-state", "live");
}

const drawing = (html: string, type = "text/html"): string =>
  `({ [Symbol.for("Jupyter.display")]: () => (${JSON.stringify({ [type]: html, "text/plain": "drawn" })}) })`;

test("nothing of a link runs before Run, and what is not the author's says so", async ({ page }) => {
  await visit(page, linkWithCell('console.log("it ran")'));
  await expect(page.getByRole("status").filter({ hasText: "came with the link" })).toContainText(
    "Nothing runs until you press Run",
  );
  await expect(page.locator(stranger)).toContainText("not the lesson’s");
  // Long enough for anything that would begin by itself.
  await page.waitForTimeout(1500);
  await expect(page.locator(`${stranger} .nb-outputs`)).toHaveCount(0);
  await expect(page.locator('iframe[title="Where cells run"]')).toHaveCount(0);
  await run(page);
  await expect(page.locator(`${stranger} .nb-outputs`)).toContainText("it ran");
});

test("a cell reaches nothing of the site's, and no network", async ({ page }) => {
  const attempts = {
    fetch: "(await fetch(home + '/stolen')).status",
    "fetch without credentials": "(await fetch(home + '/stolen', { mode: 'no-cors' })).type",
    XMLHttpRequest:
      "(() => { const r = new XMLHttpRequest(); r.open('GET', home + '/stolen', false); r.send(); return r.status; })()",
    WebSocket:
      "await new Promise((resolve, reject) => { const s = new WebSocket(home.replace('http', 'ws') + '/stolen'); s.onopen = resolve; s.onerror = () => reject(new Error('refused')); })",
    EventSource:
      "await new Promise((resolve, reject) => { const s = new EventSource(home + '/stolen'); s.onopen = resolve; s.onerror = () => reject(new Error('refused')); })",
    "import()": 'await (0, eval)("import(\'" + home + "/stolen.js\')")',
    importScripts: "importScripts(home + '/stolen.js')",
    "a worker of the site's": "new Worker(home + '/stolen.js')",
    "a worker of its own that fetches":
      "await new Promise((resolve, reject) => { const w = new Worker(URL.createObjectURL(new Blob([`fetch('${home}/stolen').then(() => postMessage(1), () => postMessage(0))`]))); w.onmessage = (e) => e.data ? resolve(1) : reject(new Error('refused')); w.onerror = () => reject(new Error('refused')); })",
    localStorage: "localStorage.getItem('secret')",
    cookies: "document.cookie",
    cookieStore: "(await cookieStore.getAll()).length",
    indexedDB:
      "await new Promise((resolve, reject) => { const r = indexedDB.open('secret'); r.onsuccess = resolve; r.onerror = () => reject(r.error); })",
    caches: "await (await caches.match('/secret')).text()",
    "file system": "await navigator.storage.getDirectory()",
    locks: "await navigator.locks.request('secret', () => 'held')",
    "service worker": "await navigator.serviceWorker.getRegistrations()",
    window: "window.open(home)",
    parent: "parent.location.href",
    top: "top.document",
    "the address": "self.location.href.startsWith(home) ? 'known' : (() => { throw new Error('opaque'); })()",
    "the origin": "self.origin !== 'null' ? self.origin : (() => { throw new Error('opaque'); })()",
  };
  const source = [
    `const home = ${JSON.stringify(home)};`,
    "const won: string[] = [];",
    ...Object.entries(attempts).map(
      ([name, code]) =>
        `try { const it = await (0, eval)(${JSON.stringify(`(async (home) => (${code}))`)})(home); won.push(${JSON.stringify(name)} + ": " + String(it)); } catch {}`,
    ),
    // To show that attempts are counted.
    "try { won.push('arithmetic: ' + (1 + 1)); } catch {}",
    'console.log(won.join("\\n"));',
  ].join("\n");
  const requests = await visit(page, linkWithCell(source));
  await run(page);
  await expect(page.locator(`${stranger} .nb-outputs`)).toHaveText(/^\s*arithmetic: 2\s*$/);
  expect(requests.filter((url) => url.includes("stolen"))).toEqual([]);
  expect(await page.evaluate(() => localStorage.getItem("secret"))).toBe("reader's");
});

test("a channel of the site's is not heard, nor spoken into", async ({ page }) => {
  await visit(
    page,
    linkWithCell(
      'const heard: string[] = []; const c = new (globalThis as any).BroadcastChannel("site"); c.onmessage = (e: any) => heard.push(e.data); c.postMessage("from the cell"); await new Promise((r) => setTimeout(r, 400)); console.log("heard", heard.length);',
    ),
  );
  await page.evaluate(() => {
    const channel = new BroadcastChannel("site");
    Object.assign(window, { heard: [] as unknown[] });
    channel.addEventListener("message", ({ data }) => (window as unknown as { heard: unknown[] }).heard.push(data));
    // A BroadcastChannel has no target origin.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    setInterval(() => channel.postMessage("the site's"), 50);
  });
  await run(page);
  await expect(page.locator(`${stranger} .nb-outputs`)).toContainText("heard 0");
  expect(await page.evaluate(() => (window as unknown as { heard: unknown[] }).heard)).toEqual([]);
});

const hostileMarkup: readonly (readonly [what: string, html: string, type?: string])[] = [
  ["script", "<script>window.stolen = 1</script><b>shown</b>"],
  ["an event handler", '<img src="data:," onerror="window.stolen = 1"><b onclick="window.stolen = 1" id="b">shown</b>'],
  [
    "a javascript: link",
    '<a href="javascript:window.stolen = 1">shown</a><a href="&#x6A;avascript:window.stolen=1">x</a>',
  ],
  ["a data: link", '<a href="data:text/html,<script>opener.stolen=1</script>">shown</a>'],
  ["an iframe", '<iframe srcdoc="<script>parent.stolen = 1</script>"></iframe><b>shown</b>'],
  ["an object and an embed", '<object data="/stolen"></object><embed src="/stolen"><b>shown</b>'],
  ["a meta refresh", '<meta http-equiv="refresh" content="0;url=/stolen"><b>shown</b>'],
  ["a base", '<base href="https://stolen.invalid/"><b>shown</b>'],
  [
    "a form",
    '<form action="/stolen" id="f"><button>shown</button></form><input form="f" autofocus onfocus="window.stolen=1">',
  ],
  [
    "a style sheet that fetches",
    "<style>@import url(/stolen.css); b { background: url(/stolen.png) }</style><b>shown</b>",
  ],
  ["a style sheet that fetches by an escape", "<style>b { background: u\\72l(/stolen.png) }</style><b>shown</b>"],
  ["a style that fetches", '<b style="background: url(/stolen.png)">shown</b>'],
  ["a style sheet about the page", "<style>body, html, .navbar { display: none !important }</style><b>shown</b>"],
  ["a style sheet that leaves its nest", "<style>} body { display: none !important } {</style><b>shown</b>"],
  ["a style sheet about what it is in", "<style>body:has(&) { display: none !important }</style><b>shown</b>"],
  ["a style over the page", '<div style="position: fixed; inset: 0; background: red; z-index: 99999">shown</div>'],
  ["a picture from elsewhere", '<img src="https://stolen.invalid/a.png"><img srcset="/stolen.png 1x"><b>shown</b>'],
  [
    "a template and a noscript",
    '<template><img src=x onerror="window.stolen=1"></template><noscript><p title="</noscript><img src=x onerror=window.stolen=1>">shown</p></noscript><b>shown</b>',
  ],
  [
    "MathML and SVG in each other",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.stolen=1&gt;"></table></math><b>shown</b>',
  ],
  [
    "foreignObject",
    '<svg><foreignObject><iframe src="javascript:parent.stolen=1"></iframe><img src="data:," onerror="window.stolen=1"></foreignObject><text>shown</text></svg>',
    "image/svg+xml",
  ],
  [
    "SVG that uses another",
    '<svg><use href="/stolen.svg#a"/><image href="/stolen.png"/><text>shown</text></svg>',
    "image/svg+xml",
  ],
  [
    "SVG that animates an address",
    '<svg><a><animate attributeName="href" values="javascript:window.stolen=1"/><text>shown</text></a></svg>',
    "image/svg+xml",
  ],
  [
    "SVG with a script",
    '<svg onload="window.stolen=1"><script>window.stolen = 1</script><text>shown</text></svg>',
    "image/svg+xml",
  ],
];

for (const [what, html, type] of hostileMarkup) {
  test(`an output with ${what} is only looked at`, async ({ page }) => {
    const requests = await visit(page, linkWithCell(drawing(html, type)));
    const before = await page.evaluate(() => getComputedStyle(document.body).display);
    await run(page);
    const output = page.locator(`${stranger} .nb-outputs`);
    await expect(output).toContainText("shown");
    for (const link of await output.locator("a, button, b").all()) {
      await link.click({ force: true, noWaitAfter: true, timeout: 2000 }).catch(() => undefined);
    }
    await page.waitForTimeout(200);
    expect(page.url()).toContain("/lessons/the-puzzle/");
    expect(await page.evaluate(() => "stolen" in window)).toBe(false);
    expect(requests.filter((url) => url.includes("stolen"))).toEqual([]);
    const found = await output.evaluate((element) => ({
      elements: element.querySelectorAll(
        "script, iframe, object, embed, form, input, meta, base, link, template, foreignObject, image",
      ).length,
      handlers: [...element.querySelectorAll("*")].flatMap((each) =>
        each.getAttributeNames().filter((name) => name.startsWith("on")),
      ),
    }));
    expect(found).toEqual({ elements: 0, handlers: [] });
    expect(await page.evaluate(() => getComputedStyle(document.body).display)).toBe(before);
    // The page can still be used: nothing lies over it.
    await page.getByRole("button", { name: "Back to the lesson" }).click();
    await expect(page.locator(stranger)).toHaveCount(0);
  });
}

test("a Mermaid diagram cannot bring a script", async ({ page }) => {
  const diagram = [
    '%%{init: {"securityLevel": "loose", "htmlLabels": true, "flowchart": {"htmlLabels": true}}}%%',
    "graph TD",
    'A["<img src=data:, onerror=window.stolen=1>shown"] --> B["<iframe srcdoc=x></iframe>b"]',
    'click A href "javascript:window.stolen=1"',
    "click B call alert()",
  ].join("\n");
  await visit(
    page,
    linkWithCell(
      `({ [Symbol.for("Jupyter.display")]: () => (${JSON.stringify({ "text/vnd.mermaid": diagram, "text/plain": "drawn" })}) })`,
    ),
  );
  await run(page);
  const output = page.locator(`${stranger} .nb-outputs`);
  await expect(output).not.toBeEmpty();
  await page.waitForTimeout(1500);
  for (const node of await output.locator("svg a, svg .node").all()) {
    await node.click({ force: true, noWaitAfter: true, timeout: 1000 }).catch(() => undefined);
  }
  expect(await page.evaluate(() => "stolen" in window)).toBe(false);
  await expect(output.locator('iframe, script, [href^="javascript:"]')).toHaveCount(0);
});

test("a cell that speaks in the worker's name gets nowhere, and the next one runs", async ({ page }) => {
  const forged = [
    null,
    7,
    { type: "need", name: "sandbox" },
    { type: "need", name: "__proto__" },
    { type: "event", run: 1, event: null },
    { type: "event", run: 1, event: { type: "error", report: { name: 1, message: {}, traceback: 5 } } },
    { type: "event", run: 1, event: { type: "display", data: { "text/html": { toString: 1 } }, replaces: true } },
    {
      type: "event",
      run: 1,
      event: { type: "display", data: { "text/html": "<img src=data:, onerror=window.stolen=1>" } },
    },
    { type: "event", run: "x", event: { type: "stream", name: "stdout", text: {} } },
    { type: "done", run: {}, ok: "yes" },
    { type: "__proto__" },
  ];
  const source = [
    "const send = MessagePort.prototype.postMessage;",
    "let port: any;",
    "(MessagePort.prototype as any).postMessage = function (...all: any[]) { port = this; return send.apply(this, all as any); };",
    'console.log("one"); await new Promise((r) => setTimeout(r, 300));',
    `for (const message of ${JSON.stringify(forged)}) port.postMessage(message);`,
    'postMessage({ type: "event" });',
    "await new Promise((r) => setTimeout(r, 100));",
    'console.log("two");',
  ].join("\n");
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  await visit(page, linkWithCell(source));
  await run(page);
  await expect(page.locator(`${stranger} .nb-outputs`)).toContainText("two");
  expect(await page.evaluate(() => "stolen" in window)).toBe(false);
  expect(faults).toEqual([]);
});

test("a link cannot reach the objects' prototype", async ({ page }) => {
  const text =
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"version":"0","cells":[{"id":"__proto__","anchor":"__proto__",' +
    '"source":"1","__proto__":{"polluted":1}},{"id":"stranger","anchor":"constructor","source":"2","tags":["__proto__"]}]}';
  await visit(page, fragmentWith(text));
  await run(page);
  expect(await page.evaluate(() => "polluted" in {})).toBe(false);
  await expect(page.locator('[data-cell-id="__proto__"]')).toHaveCount(1);
});

for (const [what, fragment, told] of [
  ["cut off", linkWithCell("1").slice(0, -8), "it is damaged"],
  ["of rubbish", "#cells=1.%3Cscript%3E", "it is damaged"],
  ["of another version of the site", "#cells=9.abc", "another version of this site"],
  ["that is no list", fragmentWith({ cells: 5 }), "no list of cells"],
  [
    "that unpacks to megabytes",
    fragmentWith({ cells: [], more: "x".repeat(3_000_000) }),
    "more than a lesson can hold",
  ],
] as const) {
  test(`a link ${what} gets a sentence and the lesson as published`, async ({ page }) => {
    const shown = (): Promise<unknown> =>
      page
        .locator("[data-cell-id]")
        .evaluateAll((cells) =>
          cells.map((cell) => [
            cell.getAttribute("data-cell-id"),
            cell.getAttribute("data-cell-state"),
            cell.querySelector("pre")?.textContent,
          ]),
        );
    await page.goto(lesson);
    const published = await shown();
    await page.goto("about:blank");
    await page.goto(lesson + fragment);
    await expect(page.getByRole("status").filter({ hasText: told })).toContainText("This is the lesson as published.");
    expect(await shown()).toEqual(published);
  });
}

test("the sandbox's page listens to nobody but the site's own, and whatever it is given has no origin", async ({
  page,
}) => {
  const parts = "assets/live";
  const file = readdirSync(`${repository}website/build/${parts}`).find((name) => name.endsWith(".html")) ?? "";
  const address = `${home}/${parts}/${file}`;
  const elsewhere = new URL(process.env["FIXTURES_URL"] ?? "").origin;
  const embedders = [
    { page: address, answer: "nothing" },
    { page: `${elsewhere}/`, answer: "nothing" },
    { page: `${home}/assets/`, answer: "null" },
  ];
  for (const embedder of embedders) {
    // A page without a policy, so that it is not the embedder's that refuses.
    if (embedder.page !== address) {
      await page.route(embedder.page, (route) => route.fulfill({ body: "<body></body>", contentType: "text/html" }));
    }
    await page.goto(embedder.page);
    const answer = await page.evaluate(async (path) => {
      const target =
        path === location.href
          ? window
          : await new Promise<Window>((resolve) => {
              const frame = document.createElement("iframe");
              frame.src = path;
              frame.addEventListener("load", () => resolve(frame.contentWindow as Window));
              document.body.append(frame);
            });
      const cells = new MessageChannel();
      const life = new MessageChannel();
      const heard = new Promise<string>((resolve) => {
        cells.port1.addEventListener("message", ({ data }) => resolve(String(data)));
        cells.port1.start();
        setTimeout(() => resolve("nothing"), 3000);
      });
      // The worker is handed its port, and says with it who it is.
      const code = "onmessage = (e) => e.ports[0].postMessage(self.origin)";
      target.postMessage(code, "*", [life.port2, cells.port2]);
      return heard;
    }, address);
    expect([embedder.page, answer]).toEqual([embedder.page, embedder.answer]);
  }
});

test("what got past everything else would still not run: the page's policy", async ({ page }) => {
  const refused: string[] = [];
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) refused.push(message.text());
  });
  const sent: string[] = [];
  page.on("requestfailed", (request) => {
    if (request.failure()?.errorText !== "csp") sent.push(request.url());
  });
  page.on("requestfinished", (request) => sent.push(request.url()));
  await page.goto(lesson);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.stolen = 'script'";
    document.body.append(script);
    const holder = document.createElement("div");
    holder.innerHTML =
      '<img src="data:," onerror="window.stolen=\'handler\'"><iframe src="https://elsewhere.invalid/"></iframe><img src="https://elsewhere.invalid/x.png">';
    document.body.append(holder);
    // The attack itself.
    // oxlint-disable-next-line typescript/no-implied-eval
    setTimeout("window.stolen = 'eval'", 0);
    void fetch("https://elsewhere.invalid/").catch(() => undefined);
  });
  await page.waitForTimeout(500);
  expect(await page.evaluate(() => (window as unknown as { stolen?: string }).stolen)).toBeUndefined();
  expect(sent.filter((url) => url.includes("elsewhere.invalid"))).toEqual([]);
  expect(refused.length).toBeGreaterThanOrEqual(5);
});
