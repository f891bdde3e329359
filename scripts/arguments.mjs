/** Command-line options of the scripts: Node's own parser, with its complaints told as one sentence. */
import { parseArgs } from "node:util";
import { ScriptError } from "./script-error.mjs";

/**
 * @template {NonNullable<import("node:util").ParseArgsConfig["options"]>} Options
 * @param {string[]} args
 * @param {Options} options
 * @param {string} command as the person typed it, for the message
 */
export function parseOptions(args, options, command) {
  try {
    return parseArgs({ args, options, allowPositionals: false }).values;
  } catch (error) {
    throw new ScriptError(`${error instanceof Error ? error.message : String(error)}\nSee: ${command} -- --help`);
  }
}

/**
 * A TCP port as a person types it.
 * @param {string} text
 */
export function parsePort(text) {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) {
    throw new ScriptError(`--port takes a number from 1 to 65535, not "${text}".`);
  }
  return port;
}
