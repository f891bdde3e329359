/** What is kept of a broken engine that the referee caught: see broken-engine.test.ts. */
import type { Answer, Scenario } from "./scenario.js";

/** So many packets at most has a minimised scenario that a person can read. */
export const HANDFUL = 5;

interface Answered {
  readonly scenario: Scenario;
  readonly linux: Answer;
}

/** A break by its name, the scenario that caught it and the least one made of it, each with Linux's answer. */
export interface RecordedBreak {
  readonly name: string;
  readonly found: Answered;
  readonly least: Answered;
}
