/**
 * `printf`, as bash has it: its format is used again while there are arguments. Conversions of floating point are not
 * there.
 */
import type { LabCommand } from "../../environment.js";
import { MAX_TEXT, OutputLimitError } from "../../streams.js";
import { unescape } from "./escapes.js";

export const printf: LabCommand = ({ args: given, stdout, stderr }) => {
  const args = given[0] === "--" ? given.slice(1) : given;
  if (args.length === 0) {
    stderr.write("bash: printf: usage: printf [-v var] format [arguments]\n");
    return 2;
  }
  const [format, ...values] = args;
  let status = 0;
  let at = 0;
  do {
    const begin = at;
    const text = unescape(format).replace(
      /%(?:%|([-0 +#]*)(\d*)(?:\.(\d+))?([sdiuxXocbq]))/g,
      (whole, flags, width, precision, kind) => {
        if (whole === "%%") return "%";
        const value = values[at++] ?? "";
        let shown: string;
        if (kind === "s") shown = precision === undefined ? value : value.slice(0, Number(precision));
        else if (kind === "b") shown = unescape(value);
        else if (kind === "c") shown = value.slice(0, 1);
        else if (kind === "q") shown = /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
        else {
          const number = value === "" ? 0 : Number(value);
          if (!Number.isInteger(number)) {
            stderr.write(`bash: printf: ${value}: invalid number\n`);
            status = 1;
          }
          const integer = Number.isInteger(number) ? number : 0;
          const radix = kind === "x" || kind === "X" ? 16 : kind === "o" ? 8 : 10;
          shown = integer.toString(radix);
          if (kind === "X") shown = shown.toUpperCase();
        }
        const columns = Number(width || 0);
        if (columns > MAX_TEXT) throw new OutputLimitError();
        if ((flags as string).includes("-")) return shown.padEnd(columns);
        return shown.padStart(columns, (flags as string).includes("0") && kind !== "s" ? "0" : " ");
      },
    );
    stdout.write(text);
    if (at === begin) break;
  } while (at < values.length);
  return status;
};
