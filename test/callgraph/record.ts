import { SCENARIOS } from "./scenarios.js";
import { bootAndRun } from "./machine.js";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { writeFileSync } from "node:fs";
const lines = await bootAndRun("/tmp/Q-kernel/work", process.argv[2], fileURLToPath(new URL("guest.mjs", import.meta.url)), JSON.stringify(SCENARIOS), 300000);
writeFileSync(process.argv[3], lines.join("\n"));
