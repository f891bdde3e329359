import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { offlineSite } from "./site.js";

const options = { without: ["api"], parts: ["a/run.js"], start: "lessons/" };
let build: string;
beforeEach(async () => {
  build = await mkdtemp(join(tmpdir(), "offline-"));
  const files = ["index.html", "404.html", "lessons/one/index.html", "api/index.html", "apiary/index.html", "a/run.js"];
  for (const file of files) {
    await mkdir(join(build, file, ".."), { recursive: true });
    await writeFile(join(build, file), file);
  }
});
afterEach(() => rm(build, { recursive: true }));

test("pages by their addresses, without the folders left out, and the parts", async () => {
  const { kept } = await offlineSite(build, options);
  expect(kept).toEqual(["apiary/", "", "lessons/one/", "a/run.js"]);
});

test("the version changes with what is kept, and with nothing else", async () => {
  const version = async (): Promise<string> => (await offlineSite(build, options)).version;
  const first = await version();
  await writeFile(join(build, "api/index.html"), "another");
  expect(await version()).toBe(first);
  await writeFile(join(build, "lessons/one/index.html"), "another");
  const second = await version();
  expect(second).not.toBe(first);
  await writeFile(join(build, "a/run.js"), "another");
  expect(await version()).not.toBe(second);
});
