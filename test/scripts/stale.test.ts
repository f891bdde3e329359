import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hashInputs, Stamp } from "../../scripts/stale.mjs";

let root: string;
const write = (name: string, text: string): string => {
  const file = path.join(root, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "stale-"));
  write("src/a.ts", "a");
  write("src/sub/b.ts", "b");
  write("package.json", "{}");
});
afterEach(() => rmSync(root, { recursive: true }));

const hash = (): string => hashInputs(root, ["src", "package.json", "missing.json"], ["src/generated"]);

describe("the hash of a step's inputs changes with", () => {
  const changes: [string, () => void][] = [
    ["a file's content", () => write("src/a.ts", "A")],
    ["a new file", () => write("src/c.ts", "")],
    ["a removed file", () => rmSync(path.join(root, "src/sub/b.ts"))],
    [
      "a renamed file",
      () => {
        rmSync(path.join(root, "src/a.ts"));
        write("src/z.ts", "a");
      },
    ],
    [
      "a moved boundary between two files",
      () => {
        write("src/a.ts", "");
        write("src/sub/b.ts", "ab");
      },
    ],
    ["an input that appears", () => write("missing.json", "")],
  ];
  test.each(changes)("%s", (_, change) => {
    const before = hash();
    change();
    expect(hash()).not.toBe(before);
  });
});

describe("the hash of a step's inputs does not change with", () => {
  const changes: [string, () => void][] = [
    ["a touched file", () => utimesSync(path.join(root, "src/a.ts"), 1, 1)],
    ["what the step itself writes", () => write("src/generated/page.md", "x")],
    ["installed packages", () => write("src/node_modules/x/index.js", "x")],
    ["built output", () => write("src/dist/a.js", "x")],
    ["the compiler's record", () => write("src/tsconfig.tsbuildinfo", "x")],
    ["files beside the inputs", () => write("other/a.ts", "x")],
  ];
  test.each(changes)("%s", (_, change) => {
    const before = hash();
    change();
    expect(hash()).toBe(before);
  });
});

test("two checkouts with the same files agree", () => {
  const other = mkdtempSync(path.join(tmpdir(), "stale-"));
  try {
    writeFileSync(path.join(other, "package.json"), "{}");
    expect(hashInputs(other, ["package.json"])).toBe(hashInputs(root, ["package.json"]));
  } finally {
    rmSync(other, { recursive: true });
  }
});

describe("a step is fresh", () => {
  test("only with the inputs of its last success, its output there, and not while it runs", () => {
    const output = write("out/index.js", "");
    const stamp = new Stamp("step", path.join(root, "stamps"));
    const seen: boolean[] = [stamp.isFresh("1", [output])];
    stamp.record("1");
    seen.push(stamp.isFresh("1", [output]), stamp.isFresh("2", [output]));
    stamp.clear();
    seen.push(stamp.isFresh("1", [output]));
    stamp.record("1");
    rmSync(output);
    seen.push(stamp.isFresh("1", [output]));
    expect(seen).toEqual([false, true, false, false, false]);
  });
});
