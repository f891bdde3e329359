/** Telling a person what goes on: one line as a step begins, a sign of life while it lasts, one line when it is done. */

/** How often a silent step says that it still runs. */
const HEARTBEAT_MS = 15_000;

/** @param {string} text */
export const say = (text) => console.log(text);

/** @param {number} milliseconds */
export const formatDuration = (milliseconds) => {
  if (milliseconds < 10_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
};

/**
 * Runs a step between its two lines; a step that answers false was given up.
 * @template T
 * @param {string} title such as "Installing packages"
 * @param {() => Promise<T>} step
 * @returns {Promise<T>}
 */
export async function withProgress(title, step) {
  const began = performance.now();
  const elapsed = () => formatDuration(performance.now() - began);
  say(`▸ ${title} …`);
  const heartbeat = setInterval(() => say(`  … ${title}: ${elapsed()} so far`), HEARTBEAT_MS);
  try {
    const result = await step();
    say(`  ${title}: ${result === false ? "given up after" : "done in"} ${elapsed()}.`);
    return result;
  } finally {
    clearInterval(heartbeat);
  }
}
