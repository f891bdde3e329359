import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import * as netfilterLab from "netfilter-lab";
import { describe, expect, test } from "vitest";
import { ROOT } from "../../scripts/repository.mjs";

const read = (name: string): string => readFileSync(path.join(ROOT, name), "utf8");

describe.each(["README.md", "CONTRIBUTING.md", "website/docs/extend.md"])("%s", (name) => {
  const text = read(name);

  test("names only npm scripts that there are", () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(read("package.json"));
    const named = [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map(
      (found) => found[1] ?? found[2] ?? "",
    );
    expect(named.length).toBeGreaterThan(0);
    expect([...new Set(named)].filter((script) => !(script in scripts))).toEqual([]);
  });

  test("links only to files that there are", () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((found) => found[1] ?? "");
    const inText = text.replaceAll(/`[^`]*`/g, "");
    const real = links.filter((link) => inText.includes(`(${link}`));
    expect(real.filter((link) => !existsSync(path.join(ROOT, path.dirname(name), link)))).toEqual([]);
  });
});

test("the README's program prints what Linux printed", async () => {
  const [, program = ""] = /```ts\n([\s\S]*?)```/.exec(read("README.md")) ?? [];
  const printed: string[] = [];
  const body = program.replace('import { Lab } from "netfilter-lab";', "");
  expect(body).not.toBe(program);
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
  await new AsyncFunction("Lab", "console", body)(netfilterLab.Lab, { log: (text: string) => printed.push(text) });
  expect(printed.join("")).toBe(read("test/recordings/snat-connection.linux-6.18.conntrack-E.txt"));
});
