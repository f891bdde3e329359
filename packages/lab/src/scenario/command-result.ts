/** What a scenario makes of a command's end, on either backend. */
import { type CommandResult, type PacketResult, ScenarioError } from "./model.js";

/** What bash exits with when there is no such command. */
const COMMAND_NOT_FOUND = 127;

/** How the lab's commands say that the real tool could, but they cannot. */
const UNSUPPORTED = /not supported by the lab|is supported by the lab/;

/** Output of a command, and what the host did meanwhile. */
export function commandResult(
  { stdout, stderr, status }: { readonly stdout: string; readonly stderr: string; readonly status: number },
  { out, events }: PacketResult,
): CommandResult {
  return {
    stdout,
    stderr,
    status,
    ...(out.length > 0 ? { out } : {}),
    ...(events.length > 0 ? { events } : {}),
  };
}

/**
 * A command that is not there, or that the lab does not support, is no answer: Linux's would be another. Throws
 * {@link ScenarioError} for one.
 */
export function refuseUnsupported(field: string, { stderr, status }: CommandResult): void {
  if (status === COMMAND_NOT_FOUND || (status !== 0 && UNSUPPORTED.test(stderr)))
    throw new ScenarioError(field, `unsupported command: ${firstLine(stderr) || `exit status ${status}`}`);
}

/** Set-up must succeed. Throws {@link ScenarioError} when it does not. */
export function requireSuccess(field: string, { stderr, status }: CommandResult): void {
  if (status !== 0) throw new ScenarioError(field, `exit status ${status}${stderr === "" ? "" : `: ${stderr.trim()}`}`);
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0];
}
