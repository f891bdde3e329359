/** Opening a page in the person's own browser, where there is a screen to open it on. */
import { spawn } from "node:child_process";
import { findProgram } from "./tools.mjs";

/**
 * The program that opens an address on this system; undefined where there is no screen or none is installed.
 * @param {NodeJS.Platform} platform
 * @param {NodeJS.ProcessEnv} env
 * @returns {[string, string[]] | undefined}
 */
export function browserCommand(platform, env) {
  if (platform === "darwin") return ["open", []];
  if (platform === "win32") return ["rundll32", ["url.dll,FileProtocolHandler"]];
  if (!env["DISPLAY"] && !env["WAYLAND_DISPLAY"]) return undefined;
  const opener = findProgram("xdg-open", env["PATH"]);
  return opener ? [opener, []] : undefined;
}

/**
 * @param {string} url
 * @returns {boolean} whether a browser was asked to open it
 */
export function openInBrowser(url) {
  const command = browserCommand(process.platform, process.env);
  if (!command) return false;
  // The browser outlives us: it is not one of the programs that end with us.
  const child = spawn(command[0], [...command[1], url], { stdio: "ignore", detached: true });
  child.once("error", () => {});
  child.unref();
  return true;
}
