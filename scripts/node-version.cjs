"use strict";
/* Which Node this project needs, and the sentence for whoever has another. Old syntax on purpose: see main.cjs. */

/** The lowest version that runs the project, as in package.json's `engines`; a test keeps the two equal. */
var MINIMUM = [20, 19];

/**
 * @param {string} version Node's own version, such as "v18.20.4"
 * @returns {string | undefined} what to tell the person, or undefined where the version will do
 */
function nodeVersionProblem(version) {
  var parts = version.replace(/^v/, "").split(".");
  var major = Number(parts[0]);
  var minor = Number(parts[1]);
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return undefined;
  return (
    "netfilter-lab needs Node " +
    MINIMUM.join(".") +
    " or newer, and this is Node " +
    version.replace(/^v/, "") +
    ".\n" +
    "Install a newer one from https://nodejs.org/ (or with nvm: nvm install 22), then run the command again."
  );
}

module.exports = { MINIMUM: MINIMUM, nodeVersionProblem: nodeVersionProblem };
