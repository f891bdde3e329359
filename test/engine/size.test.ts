/** What a page fetches of the engine, parts that come later aside: the main entry with all that it exports, gzipped. */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { expect, it } from "vitest";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Bytes of an entry of the engine as a page's build makes it. */
async function gzipped(entry: string): Promise<number> {
  const bundle = await rolldown({
    input: path(`../../packages/engine/src/${entry}`),
    platform: "browser",
    // `browser` of package.json names the built files.
    resolve: {
      extensionAlias: { ".js": [".ts", ".js"] },
      alias: {
        [path("../../packages/engine/src/sock/present.ts")]: path("../../packages/engine/src/sock/none-present.ts"),
        [path("../../packages/engine/src/xtables/present.ts")]: path(
          "../../packages/engine/src/xtables/none-present.ts",
        ),
      },
    },
  });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  return output.reduce((bytes, file) => bytes + (file.type === "chunk" ? gzipSync(file.code).length : 0), 0);
}

it("the engine's main entry is at most 120 kB", async () => {
  const bytes = await gzipped("index.ts");
  expect(bytes).toBeLessThan(120_000);
  expect(bytes).toBeGreaterThan(80_000);
});
