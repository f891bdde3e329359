/**
 * Every lesson on the machine's own kernel, unchanged. Lessons wait for timeouts of minutes, here in earnest: this takes
 * as long as the longest of them.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
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

test("every lesson agrees with Linux, cell by cell", { timeout: 1_500_000 }, async () => {
  const { notebooks } = await lessons("--backend", "linux");
  const wrong = notebooks.filter(({ status }) => status !== "same");
  expect(wrong.map(({ path, problems }) => `${path}\n${problems.map(({ message }) => message).join("\n")}`)).toEqual(
    [],
  );
  expect(notebooks.length).toBe(readdirSync(`${repository}notebooks`).filter((name) => name.endsWith(".ipynb")).length);
  // Not because nothing was compared.
  for (const { cells } of notebooks)
    expect(cells?.filter(({ verdict }) => verdict === "agrees").length).toBeGreaterThan(3);
});
