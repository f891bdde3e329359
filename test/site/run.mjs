/**
 * The site in a real Chromium: `node test/site/run.mjs [playwright's options]`. Tests the built site (`npm run build`
 * first) and a second one that it builds from the fixture notebooks. Ends with `N passed, N failed`.
 */
import { spawn } from "node:child_process";
import { findChromium, refuse, root, site } from "./chromium.mjs";
import { serve } from "./serve.mjs";

const fixtures = `${root}website/.cache/fixtures/build`;
/** The fixtures' site is served below a path of a larger one, as on many hosts; the real one from the root. */
const subPath = "/some/where/";

/**
 * @param {string[]} args Node's
 * @param {{ cwd?: string, env?: Record<string, string>, quiet?: boolean }} options
 * @returns {Promise<{ status: number, output: string }>}
 */
function node(args, { cwd = root, env = {}, quiet = false }) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"],
    });
    let output = "";
    child.stdout?.on("data", (data) => (output += String(data)));
    child.stderr?.on("data", (data) => (output += String(data)));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status: status ?? 1, output }));
  });
}

const chromium = findChromium();

const built = await node(
  ["../node_modules/@docusaurus/core/bin/docusaurus.mjs", "build", "--out-dir", fixtures + subPath],
  {
    cwd: `${root}website`,
    env: {
      NOTEBOOKS: "../test/site/fixtures/notebooks",
      SITE_BASE: subPath,
      LESSON_PAGES: ".cache/fixtures/lessons",
      DOCUSAURUS_GENERATED_FILES_DIR_NAME: ".cache/fixtures/docusaurus",
    },
    quiet: true,
  },
);
if (built.status !== 0) refuse(`The site does not build from the fixture notebooks:\n${built.output}`);

const [real, fixture] = [await serve(site), await serve(fixtures)];
const { status } = await node(
  [
    "node_modules/@playwright/test/cli.js",
    "test",
    "--config",
    "test/site/playwright.config.ts",
    ...process.argv.slice(2),
  ],
  { env: { CHROMIUM: chromium, SITE_URL: real.url, FIXTURES_URL: fixture.url + subPath.slice(0, -1) } },
);
await real.close();
await fixture.close();
process.exit(status);
