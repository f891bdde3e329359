/**
 * `-m physdev`: the bridge port a packet came or goes by. There are no bridges whose packets IP sees here: no packet has
 * a port. Models physdev_mt(), net/netfilter/xt_physdev.c, for a packet without bridge information.
 */
import { NF_INET_LOCAL_OUT } from "../../hooks.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, type OptionSpec } from "../options.js";

/** In the order in which they are printed. */
const FLAGS: readonly string[] = ["physdev-is-in", "physdev-in", "physdev-is-out", "physdev-out", "physdev-is-bridged"];

function parseName(text: string): string {
  if (text.length > 15) throw new ParameterProblem(`interface name \`${text}' must be shorter than IFNAMSIZ (15)`);
  return text;
}

export const physdevMatch: MatchExtension = {
  kind: "match",
  name: "physdev",
  help: `
physdev match options:
 [!] --physdev-in inputname[+]		bridge port name ([+] for wildcard)
 [!] --physdev-out outputname[+]	bridge port name ([+] for wildcard)
 [!] --physdev-is-in			arrived on a bridge device
 [!] --physdev-is-out			will leave on a bridge device
 [!] --physdev-is-bridged		it's a bridged packet
`,
  options: FLAGS.map(
    (name): OptionSpec =>
      name === "physdev-in" || name === "physdev-out"
        ? { name, invert: true, parse: parseName }
        : { name, invert: true },
  ),
  build(values) {
    const given = FLAGS.filter((name) => values.has(name));
    if (given.length === 0) throw new ParameterProblem("PHYSDEV: no physdev option specified");
    const text = given
      .map((name) => {
        const value = values.get<string | true>(name);
        return `${bang(values.inverted(name))} --${name}${value === true ? "" : ` ${value}`}`;
      })
      .join("");
    // Each asks for something that is not so, and holds when it was turned round.
    const holds = given.every((name) => values.inverted(name));
    const bridged = values.has("physdev-is-bridged") && !values.inverted("physdev-is-bridged");
    const leaving = values.has("physdev-out") || values.has("physdev-is-out");
    return {
      name: "physdev",
      forbiddenHooks: leaving && !bridged ? 1 << NF_INET_LOCAL_OUT : 0,
      match: () => holds,
      save: () => text,
      print: () => ` PHYSDEV match${text}`,
    };
  },
};
