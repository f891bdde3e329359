/** A failure we foresaw: run-script.cjs prints its message alone, without a stack trace, and exits 1. */
export class ScriptError extends Error {
  /** @override */
  name = "ScriptError";
}
