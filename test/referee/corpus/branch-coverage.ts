/**
 * Which branches of the engine's source the recordings take, folder by folder: a run of replay.test.ts under coverage.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

/** Of how many branches. */
export interface Covered {
  covered: number;
  total: number;
}

type Summary = Readonly<Record<string, { readonly branches: Covered }>>;

/** Branches by folder below packages/engine/src, `.` being that folder itself. */
export function branchCoverage(root: string): Record<string, Covered> {
  const report = mkdtempSync(join(tmpdir(), "netfilter-lab-coverage-"));
  try {
    const run = spawnSync(
      process.execPath,
      [
        join(root, "node_modules/vitest/vitest.mjs"),
        "run",
        "--project=unit",
        "test/referee/corpus/replay.test.ts",
        "--coverage.enabled",
        "--coverage.provider=v8",
        "--coverage.include=packages/engine/src/**/*.ts",
        "--coverage.exclude=**/*.test.ts",
        "--coverage.reporter=json-summary",
        `--coverage.reportsDirectory=${report}`,
      ],
      { cwd: root, encoding: "utf8" },
    );
    if (run.status !== 0) throw new Error(`the recordings do not replay:\n${run.stdout}${run.stderr}`);
    const summary = JSON.parse(readFileSync(join(report, "coverage-summary.json"), "utf8")) as Summary;
    const folders: Record<string, Covered> = {};
    for (const [path, { branches }] of Object.entries(summary)) {
      if (path === "total") continue;
      const folder = dirname(relative(join(root, "packages/engine/src"), path));
      const sum = (folders[folder] ??= { covered: 0, total: 0 });
      sum.covered += branches.covered;
      sum.total += branches.total;
    }
    return Object.fromEntries(Object.entries(folders).sort(([a], [b]) => (a < b ? -1 : 1)));
  } finally {
    rmSync(report, { recursive: true, force: true });
  }
}
