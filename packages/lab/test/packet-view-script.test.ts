/** The script that a notebook's output carries is the one that its sources make, and small enough to be carried. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { SCRIPT_MODULE, scriptModule } from "../../../scripts/packet-view.mjs";

it("is what its sources make (else: npm run packet-view)", async () => {
  expect(readFileSync(SCRIPT_MODULE, "utf8") === (await scriptModule())).toBe(true);
}, 60_000);

it("is at most 30 KB compressed", () => {
  expect(gzipSync(readFileSync(SCRIPT_MODULE)).length).toBeLessThan(30_000);
});
