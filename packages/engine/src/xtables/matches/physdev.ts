/**
 * `-m physdev`: the bridge ports that a packet came and goes by. Only what crosses a bridge has one to leave by; of
 * what is routed the one that it came by is known. Models physdev_mt(), net/netfilter/xt_physdev.c.
 */
import { NF_INET_LOCAL_OUT } from "../../hooks.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { parseInterface } from "../interface.js";
import { bang, type OptionSpec } from "../options.js";

/** In the order in which they are printed. */
const FLAGS: readonly string[] = ["physdev-is-in", "physdev-in", "physdev-is-out", "physdev-out", "physdev-is-bridged"];

/** Whether a device has a name, or with `+` at its end begins with it. */
function nameTest(text: string): (device: string) => boolean {
  const start = text.slice(0, -1);
  return text.endsWith("+") ? (device) => device.startsWith(start) : (device) => device === text;
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
        ? { name, invert: true, parse: (text, { warn }) => parseInterface(text, warn) }
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
    // Without a bridge each asks for something that is not so, and holds when it was turned round.
    const unbridged = given.every((name) => values.inverted(name));
    const flag = (name: string): boolean | null => (values.has(name) ? !values.inverted(name) : null);
    const [isIn, isOut, isBridged] = ["physdev-is-in", "physdev-is-out", "physdev-is-bridged"].map(flag);
    const port = (name: string): { readonly fits: (device: string) => boolean; readonly wanted: boolean } | null =>
      values.has(name) ? { fits: nameTest(values.get<string>(name) ?? ""), wanted: !values.inverted(name) } : null;
    const cameBy = port("physdev-in");
    const goesBy = port("physdev-out");
    const bridged = values.has("physdev-is-bridged") && !values.inverted("physdev-is-bridged");
    const leaving = values.has("physdev-out") || values.has("physdev-is-out");
    return {
      name: "physdev",
      forbiddenHooks: leaving && !bridged ? 1 << NF_INET_LOCAL_OUT : 0,
      match({ skb: { physIn, physOut } }) {
        if (physIn === null) return unbridged;
        const out = physOut !== null;
        if ((isBridged !== null && isBridged !== out) || isIn === false || (isOut !== null && isOut !== out))
          return false;
        if (cameBy !== null && cameBy.fits(physIn.name) !== cameBy.wanted) return false;
        if (goesBy === null) return true;
        return physOut !== null && goesBy.fits(physOut.name) === goesBy.wanted;
      },
      save: () => text,
      print: () => ` PHYSDEV match${text}`,
    };
  },
};
