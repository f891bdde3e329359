/** `-m statistic`: by chance, or every so manieth packet. Models statistic_mt(), net/netfilter/xt_statistic.c. */
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, uintOption } from "../options.js";

/** Probabilities are kept in this many parts. */
const WHOLE = 0x80000000;

export const statisticMatch: MatchExtension = {
  kind: "match",
  name: "statistic",
  help: `
statistic match options:
 --mode mode                    Match mode (random, nth)
 random mode:
[!] --probability p		 Probability
 nth mode:
[!] --every n			 Match every nth packet
 --packet p			 Initial counter value (0 <= p <= n-1, default 0)
`,
  options: [
    {
      name: "mode",
      parse(text) {
        if (text !== "random" && text !== "nth") throw new ParameterProblem(`Bad mode "${text}"`);
        return text;
      },
    },
    {
      name: "probability",
      invert: true,
      excludes: ["every", "packet"],
      parse(text) {
        const value = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : -1;
        if (value < 0 || value > 1)
          throw new ParameterProblem('statistic: bad value for option "--probability", or out of range (0-1).\n');
        return Math.round(value * WHOLE);
      },
    },
    { name: "every", invert: true, excludes: ["probability"], requires: ["packet"], parse: uintOption(1, 0xffffffff) },
    { name: "packet", excludes: ["probability"], requires: ["every"], parse: uintOption(0, 0xffffffff) },
  ],
  finalCheck(values) {
    if (values.get<string>("mode") !== "nth") {
      if (!values.has("probability"))
        throw new ParameterProblem("--probability must be specified when using random mode");
      return;
    }
    if (!values.has("every") && !values.has("packet"))
      throw new ParameterProblem("--every and --packet must be specified when using nth mode");
    if (
      values.has("packet") &&
      values.has("every") &&
      (values.get<number>("packet") ?? 0) >= (values.get<number>("every") ?? 0)
    )
      throw new ParameterProblem("the --packet p must be 0 <= p <= n-1");
  },
  build(values) {
    if (values.get<string>("mode") !== "nth") {
      const threshold = values.get<number>("probability") ?? 0;
      const inverted = values.inverted("probability");
      const text = `${bang(inverted)} @probability ${(threshold / WHOLE).toFixed(11)}`;
      return {
        name: "statistic",
        // The kernel draws 32 bits and leaves one out: here two draws, which a scenario can say.
        match: ({ net }) => (net.random.u16() & 0x7fff) * 0x10000 + net.random.u16() < threshold !== inverted,
        save: () => ` --mode random${text.replace("@", "--")}`,
        print: () => ` statistic mode random${text.replace("@", "")}`,
      };
    }
    const every = values.get<number>("every") ?? 0;
    const packet = values.get<number>("packet") ?? 0;
    const inverted = values.inverted("every");
    const first = every - 1 - packet;
    let count = first;
    const text = `${bang(inverted)} @every ${every} @packet ${packet}`;
    return {
      name: "statistic",
      match() {
        count = count === every - 1 ? 0 : count + 1;
        return (count === 0) !== inverted;
      },
      renew() {
        count = first;
      },
      save: () => ` --mode nth${text.replaceAll("@", "--")}`,
      print: () => ` statistic mode nth${text.replaceAll("@", "")}`,
    };
  },
};
