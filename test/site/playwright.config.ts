/** How the site's tests run; `run.mjs` serves the sites and says where in SITE_URL and FIXTURES_URL. */
import { fileURLToPath } from "node:url";
import { defineConfig, type PlaywrightTestConfig } from "@playwright/test";

const config: PlaywrightTestConfig = defineConfig({
  testDir: ".",
  testMatch: "*.e2e.ts",
  outputDir: fileURLToPath(new URL("../../test-results/site", import.meta.url)),
  reporter: "./reporter.ts",
  workers: 2,
  fullyParallel: true,
  timeout: 60_000,
  // Two pages at a time on two cores: what is slow is not broken.
  expect: { timeout: 20_000 },
  use: {
    browserName: "chromium",
    launchOptions: {
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
    },
    // Each test is a first visit; what is kept for later ones is `offline.e2e.ts`'s matter.
    serviceWorkers: "block",
    screenshot: "only-on-failure",
  },
});
export default config;
