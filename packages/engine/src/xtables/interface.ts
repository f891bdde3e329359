/** The name of a device in a rule, of which `+` at the end is not looked at here. Models xtables_parse_interface(). */
import { ParameterProblem } from "./error.js";

/** `IFNAMSIZ` without the end of a string. */
const LONGEST = 15;

export function parseInterface(text: string, warn: (text: string) => void): string {
  if (text.length > LONGEST)
    throw new ParameterProblem(`interface name \`${text}' must be shorter than IFNAMSIZ (${LONGEST})`);
  if (/[/ ]/.test(text))
    warn(`Warning: weird character in interface \`${text}' ('/' and ' ' are not allowed by the kernel).\n`);
  return text;
}
