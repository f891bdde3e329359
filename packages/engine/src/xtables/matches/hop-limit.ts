/** What `-m ttl` and `-m hl` have in common: how far a packet may still go. Models net/netfilter/xt_hl.c. */
import { ParameterProblem } from "../error.js";
import type { MatchExtension, XtFamily } from "../extension.js";
import { bang, uintOption } from "../options.js";

const parse = uintOption(0, 255);

/** What is one family's own. */
export interface HopLimitWords {
  readonly name: "ttl" | "hl";
  readonly family: XtFamily;
  /** Where the field stands in the header. */
  readonly at: number;
  readonly title: string;
  /** The message when no option is given. */
  readonly required: string;
  readonly help: string;
  /** Another name of the option for equality. */
  readonly alias: string | null;
}

export function hopLimitMatch({ name, family, at, title, required, help, alias }: HopLimitWords): MatchExtension {
  const [eq, lt, gt] = ["eq", "lt", "gt"].map((each) => `${name}-${each}`);
  const equal = { id: eq, excludes: [lt, gt], invert: true, parse };
  return {
    kind: "match",
    name,
    families: [family],
    help,
    options: [
      { name: lt, excludes: [gt, eq], parse },
      { name: gt, excludes: [lt, eq], parse },
      { name: eq, ...equal },
      ...(alias === null ? [] : [{ name: alias, ...equal }]),
    ],
    build(values) {
      const option = [eq, lt, gt].find((each) => values.has(each));
      if (option === undefined) throw new ParameterProblem(required);
      const limit = values.get<number>(option) as number;
      const inverted = values.inverted(option);
      const operator = option === lt ? "<" : option === gt ? ">" : inverted ? "!=" : "==";
      return {
        name,
        match({ skb: { data } }) {
          if (operator === "<") return data[at] < limit;
          if (operator === ">") return data[at] > limit;
          return (data[at] === limit) !== inverted;
        },
        save: () => `${bang(inverted)} --${option} ${limit}`,
        print: () => ` ${title} match ${title} ${operator} ${limit}`,
      };
    },
  };
}
