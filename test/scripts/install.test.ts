import { describe, expect, test } from "vitest";
import { installProblem } from "../../scripts/install.mjs";

const wanted = {
  packages: {
    "": { version: "0" },
    "packages/engine": { version: "0.1.0" },
    "node_modules/@netfilter-lab/engine": { resolved: "packages/engine", link: true },
    "node_modules/vitest": { version: "4.1.12", integrity: "sha512-v" },
    "node_modules/vitest/node_modules/picocolors": { version: "1.0.0", integrity: "sha512-p" },
    "node_modules/@rolldown/binding-darwin-arm64": { version: "1.0.0", integrity: "sha512-d", optional: true },
  },
};
const { "node_modules/@rolldown/binding-darwin-arm64": _, ...installed } = wanted.packages;

describe("what is installed", () => {
  test("serves where it is what the lockfile asks for, other systems' binaries left out", () => {
    expect(installProblem(wanted, { packages: installed })).toBeUndefined();
  });

  const { "node_modules/@netfilter-lab/engine": __, ...withoutLink } = installed;
  const { "node_modules/vitest/node_modules/picocolors": ___, ...withoutNested } = installed;
  test.each([
    ["nothing", undefined, "nothing is installed yet"],
    ["a workspace not linked", { packages: withoutLink }, "@netfilter-lab/engine is missing"],
    ["a nested package gone", { packages: withoutNested }, "picocolors is missing"],
    [
      "an older version",
      { packages: { ...installed, "node_modules/vitest": { version: "4.1.11", integrity: "sha512-v" } } },
      "vitest is another version",
    ],
    [
      "the same version with other content",
      { packages: { ...installed, "node_modules/vitest": { version: "4.1.12", integrity: "sha512-x" } } },
      "vitest is another version",
    ],
    ["an empty record", {}, "@netfilter-lab/engine is missing"],
  ])("does not serve: %s", (_name, found, problem) => {
    expect(installProblem(wanted, found)).toBe(problem);
  });
});
