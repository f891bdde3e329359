/**
 * Lessons on the machine's own kernel, unchanged: those that wait for no timeout of minutes, which would be waited for
 * in earnest here. `npm run lessons -- --backend linux` runs all of them.
 */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const repository = fileURLToPath(new URL("../../", import.meta.url));

interface Summary {
  readonly notebooks: readonly {
    readonly path: string;
    readonly status: string;
    readonly problems: readonly { readonly message: string }[];
    readonly cells?: readonly { readonly verdict: string }[];
  }[];
}

/** Runs `npm run lessons` as a person does. */
async function lessons(...args: string[]): Promise<Summary> {
  const child = spawn(process.execPath, ["packages/notebook/bin/lessons.mjs", "--json", ...args], {
    cwd: repository,
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(await text(child.stdout)) as Summary;
}

const QUICK = [
  "02-hooks-and-who-hangs-on-them",
  "03-one-entry-two-tuples",
  "04-snat-and-the-first-packet",
  "05-the-way-back",
].map((name) => `notebooks/${name}.ipynb`);

test("lessons agree with Linux, cell by cell", { timeout: 600_000 }, async () => {
  const { notebooks } = await lessons("--backend", "linux", ...QUICK);
  const wrong = notebooks.filter(({ status }) => status !== "same");
  expect(wrong.map(({ path, problems }) => `${path}\n${problems.map(({ message }) => message).join("\n")}`)).toEqual(
    [],
  );
  expect(notebooks.map(({ path }) => path)).toEqual(QUICK);
  // Not because nothing was compared.
  for (const { cells } of notebooks)
    expect(cells?.filter(({ verdict }) => verdict === "agrees").length).toBeGreaterThan(3);
});
