/** `echo`, with `-n`, `-e` and `-E`, as bash has it. */
import type { LabCommand } from "../../environment.js";
import { unescape } from "./escapes.js";

export const echo: LabCommand = ({ args, stdout }) => {
  let newline = true;
  let escapes = false;
  let at = 0;
  while (at < args.length && /^-[neE]+$/.test(args[at])) {
    for (const letter of args[at].slice(1)) {
      if (letter === "n") newline = false;
      else escapes = letter === "e";
    }
    at++;
  }
  const text = args.slice(at).join(" ");
  stdout.write((escapes ? unescape(text) : text) + (newline ? "\n" : ""));
  return 0;
};
