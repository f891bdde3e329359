/** `rm`: takes the host's files away. */
import type { LabCommand } from "../../environment.js";
import { FileError } from "../../files.js";

export const rm: LabCommand = ({ args, host, stderr }) => {
  let status = 0;
  const force = args.includes("-f");
  for (const name of args.filter((argument) => !argument.startsWith("-"))) {
    try {
      host.files.remove(name);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (force) continue;
      stderr.write(`rm: cannot remove '${name}': ${error.message}\n`);
      status = 1;
    }
  }
  return status;
};
