/** One line a failed test with its reason, and `N passed, N failed` at the end. */
import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

export default class CountingReporter implements Reporter {
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  onTestEnd(test: TestCase, result: TestResult): void {
    const name = test.titlePath().slice(2).join(" › ");
    if (result.status === "skipped") this.#skipped += 1;
    else if (result.status === "passed") {
      this.#passed += 1;
      console.log(`ok   ${name} (${Math.round(result.duration)} ms)`);
    } else {
      this.#failed += 1;
      console.log(`FAIL ${name}`);
      for (const error of result.errors) console.log(error.stack ?? error.message ?? error.value ?? "");
    }
  }

  onError(error: { readonly message?: string; readonly stack?: string }): void {
    this.#failed += 1;
    console.log(error.stack ?? error.message ?? "the tests could not start");
  }

  onEnd(): void {
    const skipped = this.#skipped === 0 ? "" : `, ${this.#skipped} skipped`;
    console.log(`${this.#passed} passed, ${this.#failed} failed${skipped}`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
