/** What a protocol's generator gives to the kind. */
import type { Step } from "../../scenario.js";

export interface Helped {
  /** The helper's name. */
  readonly helper: string;
  /** What the rule that assigns it matches. */
  readonly match: string;
  readonly steps: readonly Step[];
}
