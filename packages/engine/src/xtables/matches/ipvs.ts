/**
 * `-m ipvs`: what IPVS knows of a packet; the kernel that this engine is compared with has none. Models libxt_ipvs.c.
 */
import { absentMatch } from "../absent.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { parseNetwork } from "../network.js";
import { type OptionCall, parseUint } from "../options.js";
import { protocolNumber } from "../protocols.js";
import { servicePort } from "../services.js";

function port(text: string): number {
  const number = parseUint(text, 0, 0xffff) ?? servicePort(text, null);
  if (number === undefined) throw new ParameterProblem(`Port "${text}" does not resolve to anything.\n`);
  return number;
}

const oneOf =
  (words: readonly string[]) =>
  (text: string, { extension, option }: OptionCall): string => {
    if (!words.includes(text.toUpperCase()))
      throw new ParameterProblem(`${extension}: Bad value for "--${option}" option: "${text}"`);
    return text;
  };

export const ipvsMatch: MatchExtension = absentMatch({
  name: "ipvs",
  help: `
IPVS match options:
[!] --ipvs                      packet belongs to an IPVS connection

Any of the following options implies --ipvs (even negated)
[!] --vproto protocol           VIP protocol to match; by number or name,
                                e.g. "tcp"
[!] --vaddr address[/mask]      VIP address to match
[!] --vport port                VIP port to match; by number or name,
                                e.g. "http"
    --vdir {ORIGINAL|REPLY}     flow direction of packet
[!] --vmethod {GATE|IPIP|MASQ}  IPVS forwarding method used
[!] --vportctl port             VIP port of the controlling connection to
                                match, e.g. 21 for FTP
`,
  options: [
    { name: "ipvs", invert: true },
    {
      name: "vproto",
      invert: true,
      parse(text) {
        const number = protocolNumber(text.toLowerCase()) ?? parseUint(text, 0, 255);
        if (number === undefined) throw new ParameterProblem(`unknown protocol "${text}" specified`);
        return number;
      },
    },
    { name: "vaddr", invert: true, parse: parseNetwork },
    { name: "vport", invert: true, parse: port },
    { name: "vdir", parse: oneOf(["ORIGINAL", "REPLY"]) },
    { name: "vmethod", invert: true, parse: oneOf(["GATE", "IPIP", "MASQ"]) },
    { name: "vportctl", invert: true, parse: port },
  ],
  finalCheck(values) {
    if (values.ids().length === 0) throw new ParameterProblem("IPVS: At least one option is required");
  },
});
