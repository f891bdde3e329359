import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withPolicy, writePolicies } from "./policy.js";

const policyOf = (html: string): string =>
  /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";

test("a page allows its own inline scripts, by their hashes, and no others", () => {
  const html = withPolicy(
    '<!doctype html><html><head><meta charset="UTF-8"><script>a()</script></head><body><script src="/x.js"></script><script type="module" async>\nb($1)\n</script></body></html>',
  );
  expect(html).toMatch(/^<!doctype html><html><head><meta charset="UTF-8"><meta http-equiv/);
  expect(html).toContain("<script>a()</script></head>");
  const scripts = policyOf(html)
    .split("; ")
    .find((directive) => directive.startsWith("script-src"));
  // openssl dgst -sha256 -binary | base64
  expect(scripts).toBe(
    "script-src 'self' 'sha256-qVpDBgj7bpq5hMAcGp3AOc79J3Y1Z4HvySTwKrWDoy4=' 'sha256-qFUuKgXZ+ma7Rh+Aka+sZ9OQ8xAAZOZbEbuK2XAfrK0='",
  );
  expect(policyOf(html)).not.toMatch(/unsafe-eval|\*|https?:|(script|default)-src[^;]*unsafe-inline/);
});

test.each([
  ["without a head", "<!doctype html><p>", /no head/],
  ["with a policy", withPolicy("<html><head></head></html>"), /a policy already/],
])("a page %s stops the build", (_what, html, reason) => {
  expect(() => withPolicy(html)).toThrow(reason);
});

test("all pages of a site get one, but those that have their own", async () => {
  const folder = await mkdtemp(join(tmpdir(), "policy-"));
  await mkdir(join(folder, "a", "b"), { recursive: true });
  await mkdir(join(folder, "live"));
  const page = "<html><head></head></html>";
  const names = ["index.html", "a/index.html", "a/b/index.html", "a/b/page.md", "live/sandbox.html"];
  for (const name of names) await writeFile(join(folder, name), page);
  await writePolicies(folder, [join(folder, "live")]);
  const found = await Promise.all(
    names.map(async (name) => policyOf(await readFile(join(folder, name), "utf8")) !== ""),
  );
  await rm(folder, { recursive: true });
  expect(found).toEqual([true, true, true, false, false]);
});
