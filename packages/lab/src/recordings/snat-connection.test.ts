import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { snatConnectionFunctionGraph } from "./snat-connection.js";

test("the copy that lessons import is the kernel's recording, to the letter", () => {
  const recording = new URL(
    "../../../../test/recordings/snat-connection.linux-6.12.function-graph.txt",
    import.meta.url,
  );
  expect(snatConnectionFunctionGraph).toBe(readFileSync(recording, "utf8"));
});
