/** All parts of the program are there: Node's way. A bundle for pages has `provide-deferred.ts` in its place. */

import * as drawings from "./parts/drawings.js";
import * as everyday from "./parts/everyday.js";
import * as rare from "./parts/rare.js";
import { drawingsPart, everydayPart, rarePart } from "./parts.js";

/** Says where the parts are. */
export function provideParts(): void {
  everydayPart.provide(everyday);
  drawingsPart.provide(drawings);
  rarePart.provide(rare);
}
