/**
 * Counting tests across suites that each count in their own way, and the one line in which it all ends:
 * `N passed, N failed`, with `, N skipped` where something was.
 */

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 * @typedef {Counts & { name: string, note: string, milliseconds: number }} SuiteResult `note`: why something was skipped or failed
 */

/**
 * The counts in the last closing line of a suite's output; undefined where it has none.
 * @param {string} output
 * @returns {Counts | undefined}
 */
export function countsFromClosingLine(output) {
  const lines = [...output.matchAll(/^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/gm)];
  const last = lines.at(-1);
  return last && { passed: Number(last[1]), failed: Number(last[2]), skipped: Number(last[3] ?? 0) };
}

/**
 * The counts in a report of vitest's JSON reporter. A file that fails before its tests are known counts as one failure.
 * @param {{ success: boolean, numPassedTests: number, numFailedTests: number, numPendingTests: number,
 *   numTodoTests: number, testResults: { status: string, assertionResults: { status: string }[] }[] }} report
 * @returns {Counts}
 */
export function countsFromVitest(report) {
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    // An error outside of any test, such as an unhandled rejection, still fails the run.
    failed: failed === 0 && !report.success ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * What a suite's counts come to: a program that exits with an error has failed, whatever it counted, and on CI, where
 * every tool must be there, what was skipped has failed.
 * @param {Counts | undefined} counts
 * @param {{ status: number, ci: boolean }} run
 * @returns {Counts}
 */
export function settleCounts(counts, { status, ci }) {
  const told = counts ?? { passed: status === 0 ? 1 : 0, failed: 0, skipped: 0 };
  const failed = status !== 0 && told.failed === 0 ? 1 : told.failed;
  return ci
    ? { passed: told.passed, failed: failed + told.skipped, skipped: 0 }
    : { passed: told.passed, failed, skipped: told.skipped };
}

/**
 * @param {readonly Counts[]} results
 * @returns {Counts}
 */
export function addCounts(results) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of results) {
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  return sum;
}

/** @param {Counts} counts */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * One row a suite, aligned, with its note at the end.
 * @param {readonly SuiteResult[]} results
 * @param {(milliseconds: number) => string} formatDuration
 */
export function formatTable(results, formatDuration) {
  const rows = [
    ["suite", "passed", "failed", "skipped", "time", ""],
    ...results.map((result) => [
      result.name,
      String(result.passed),
      String(result.failed),
      String(result.skipped),
      formatDuration(result.milliseconds),
      result.note,
    ]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          if (column === 0) return cell.padEnd(widths[0] ?? 0);
          return column < 5 ? cell.padStart(widths[column] ?? 0) : cell;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
