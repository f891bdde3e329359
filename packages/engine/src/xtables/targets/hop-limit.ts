/** What the targets TTL and HL have in common: how far a packet may still go. Models net/netfilter/xt_HL.c. */
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE, type XtFamily } from "../extension.js";
import { uintOption } from "../options.js";

const CHANGES = ["set", "dec", "inc"] as const;
const LISTED = { set: "set to", dec: "decrement by", inc: "increment by" } as const;

/** What is one family's own. */
export interface HopLimitTargetWords {
  readonly name: "TTL" | "HL";
  readonly family: XtFamily;
  /** Where the field stands in the header. */
  readonly at: number;
  readonly put: (data: Uint8Array, at: number, value: number) => void;
}

export function hopLimitTarget({ name, family, at, put }: HopLimitTargetWords): TargetExtension {
  const lower = name.toLowerCase();
  return {
    kind: "target",
    name,
    families: [family],
    tables: ["mangle"],
    help: `
${name} target options
  --${lower}-set value		Set ${name} to <value 0-255>
  --${lower}-dec value		Decrement ${name} by <value 1-255>
  --${lower}-inc value		Increment ${name} by <value 1-255>
`,
    options: CHANGES.map((change) => ({
      name: `${lower}-${change}`,
      excludes: CHANGES.filter((other) => other !== change).map((other) => `${lower}-${other}`),
      parse: uintOption(change === "set" ? 0 : 1, 255),
    })),
    build(values) {
      const change = CHANGES.find((each) => values.has(`${lower}-${each}`));
      if (change === undefined) throw new ParameterProblem(`${name}: You must specify an action`);
      const by = values.get<number>(`${lower}-${change}`) as number;
      return {
        name,
        target({ skb: { data } }) {
          const now = data[at];
          const limit = change === "set" ? by : change === "inc" ? Math.min(now + by, 255) : Math.max(now - by, 0);
          if (limit !== now) put(data, at, limit);
          return XT_CONTINUE;
        },
        save: () => ` --${lower}-${change} ${by}`,
        print: () => ` ${name} ${LISTED[change]} ${by}`,
      };
    },
  };
}
