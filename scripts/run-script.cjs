"use strict";
/* Starts one of the scripts by name. Apart from main.cjs because `import()` itself is a syntax error on a very old Node. */

/** Scripts that main.cjs can start; each exports `main(args)`, which resolves to an exit status. */
const SCRIPTS = ["start", "test", "build"];

/**
 * @param {string} name
 * @param {string[]} args
 */
async function runScript(name, args) {
  if (!SCRIPTS.includes(name)) {
    console.error(`usage: node scripts/main.cjs ${SCRIPTS.join("|")} [options]`);
    process.exitCode = 2;
    return;
  }
  try {
    const { main } = await import(`./${name}.mjs`);
    process.exitCode = await main(args);
  } catch (error) {
    console.error(isMessageForPeople(error) ? error.message : error);
    // Not only an exit status: a server that already listens must not keep us alive.
    process.exit(1);
  }
}

/**
 * A failure we foresaw is told as one sentence; anything else keeps its stack trace.
 * @param {unknown} error
 * @returns {error is Error}
 */
function isMessageForPeople(error) {
  return error instanceof Error && error.name === "ScriptError";
}

module.exports = { runScript };
