"use strict";
/*
 * The door of every script: `node scripts/main.cjs start [options]`. It looks at Node's version before any newer syntax
 * is parsed, so that an old Node gets one clear sentence instead of a SyntaxError. Keep this file and node-version.cjs
 * to syntax that any Node reads.
 */
var problem = require("./node-version.cjs").nodeVersionProblem(process.version);
if (problem) {
  console.error(problem);
  process.exit(1);
}
void require("./run-script.cjs").runScript(process.argv[2], process.argv.slice(3));
