/** What the bundler makes of the plugin's configuration, merged with Docusaurus's own as Docusaurus does it. */
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { startupPlugin } from "./index";

interface BundlerConfig {
  readonly entry: string;
  readonly resolve: { readonly alias: Readonly<Record<string, string>> };
}

const require = createRequire(import.meta.url);
const { loadDocusaurusAliases } = require("@docusaurus/core/lib/webpack/aliases") as {
  readonly loadDocusaurusAliases: () => Promise<Readonly<Record<string, string>>>;
};
const { applyConfigureWebpack } = require("@docusaurus/core/lib/webpack/configure") as {
  readonly applyConfigureWebpack: (options: object) => BundlerConfig;
};

async function merged(isServer: boolean): Promise<BundlerConfig> {
  const config: BundlerConfig = { entry: "docusaurus", resolve: { alias: await loadDocusaurusAliases() } };
  const { configureWebpack } = startupPlugin();
  return applyConfigureWebpack({ configureWebpack, config, isServer, configureWebpackUtils: {}, content: undefined });
}

/** The first alias that fits is taken: one that ends in `$` fits the whole request, another its beginning too. */
function resolved({ resolve: { alias } }: BundlerConfig, request: string): string | undefined {
  return Object.entries(alias).find(([name]) => name === `${request}$` || name === request)?.[1];
}

test.each([false, true])("routes are made when visited (server: %s)", async (isServer) => {
  const config = await merged(isServer);
  expect(resolved(config, "@docusaurus/ComponentCreator")).toMatch(/startup.LazyComponentCreator\.tsx$/);
  expect(resolved(config, "@docusaurus/Link")).toMatch(/client.exports.Link\.js$/);
});

test("only the browser starts in steps", async () => {
  expect((await merged(false)).entry).toMatch(/startup.entry\.ts$/);
  expect((await merged(true)).entry).toBe("docusaurus");
});
