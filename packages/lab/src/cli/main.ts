/**
 * The `netfilter-lab` command. The only part of this package that needs Node; nothing of the library imports it. It
 * runs lessons by the notebook package's runner, which is loaded only then: the arrow lab <- notebooks stays.
 */
import { runNotebooks } from "./run.js";
import { runScenarios } from "./scenario.js";
import { output } from "./streams.js";
import { VERSION } from "./version.js";

const HELP = `netfilter-lab: Linux's netfilter in a notebook, without root and without Linux

Usage:
  netfilter-lab run NOTEBOOK...   execute lessons from top to bottom and print their outputs
  netfilter-lab scenario          run scenarios, JSON lines in and out, on the engine or on this machine's Linux
  netfilter-lab --help            this text
  netfilter-lab --version         the version

Options of run:
  --outputs   print only the outputs, not the cells before them

Options of scenario:
  --backend engine|linux   who runs them (default engine); linux needs root and Debian's packages

Exit status: 0 when every cell ran, 1 when one failed, 2 for a wrong command line or notebook, or when Linux lacks
something that --backend linux needs. A scenario that is wrong has its error in its own line of output.
`;

/** Runs the command line; resolves to the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  if (command === undefined) {
    output.error(HELP);
    return 2;
  }
  if (command === "--help" || command === "-h" || command === "help") {
    output.print(HELP);
    return 0;
  }
  if (command === "--version" || command === "-V") {
    output.print(`netfilter-lab ${VERSION}\n`);
    return 0;
  }
  if (command === "run") return await runNotebooks(rest);
  if (command === "scenario") return await runScenarios(rest);
  output.error(`netfilter-lab: there is no command "${command}" (run, scenario, --help, --version)\n`);
  return 2;
}
