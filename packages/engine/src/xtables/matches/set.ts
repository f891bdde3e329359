/** `-m set`: whether an IP set has the packet. Models set_match_v4(), net/netfilter/xt_set.c. */
import { TEST_NO, TEST_NOMATCH } from "../../ipset/ipset.js";
import { countPacket, testPacket } from "../../ipset/packet.js";
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { bang, type OptionSpec, type OptionValues, uint64Option } from "../options.js";
import { type SetReference, setOption, setText } from "../set-option.js";

const COUNTERS = ["packets", "bytes"] as const;
const COMPARISONS = ["eq", "lt", "gt"] as const;
const TWO_ARGUMENTS = "--match-set requires two args.";

/** A comparison of an element's counter. */
interface Condition {
  readonly counter: (typeof COUNTERS)[number];
  readonly how: (typeof COMPARISONS)[number];
  readonly value: bigint;
  readonly inverted: boolean;
}

class SetMatch implements Match {
  readonly name: string = "set";
  readonly #reference: SetReference;
  readonly #inverted: boolean;
  readonly #returnNomatch: boolean;
  readonly #updates: boolean;
  readonly #updatesSub: boolean;
  readonly #conditions: readonly Condition[];

  constructor(reference: SetReference, values: OptionValues, conditions: readonly Condition[]) {
    this.#reference = reference;
    this.#inverted = values.inverted("match-set") || values.inverted("set");
    this.#returnNomatch = values.has("return-nomatch");
    this.#updates = !values.has("update-counters");
    this.#updatesSub = !values.has("update-subcounters");
    this.#conditions = conditions;
  }

  match(par: XtActionParam): boolean {
    const { slot, sides } = this.#reference;
    const result = testPacket(par, slot, sides);
    const found = result !== TEST_NO && (result !== TEST_NOMATCH) !== this.#returnNomatch && this.#countersHold(par);
    return found !== this.#inverted;
  }

  /** Counts the packet on the element, then compares. Models ip_set_match_extensions(). */
  #countersHold(par: XtActionParam): boolean {
    const { set } = this.#reference.slot;
    const element = set.found;
    if (element === null) return true;
    countPacket(par, set, this.#updates, this.#updatesSub);
    if (!set.options.counters) return true;
    for (const { counter, how, value, inverted } of this.#conditions) {
      const actual = element[counter];
      const wanted = Number(value);
      const holds = how === "eq" ? actual === wanted : how === "lt" ? actual < wanted : actual > wanted;
      if (holds === inverted) return false;
    }
    return true;
  }

  attach(): void {
    this.#reference.slot.references++;
  }

  detach(): void {
    this.#reference.slot.references--;
  }

  #text(before: string): string {
    let text = `${bang(this.#inverted)} ${before}match-set ${setText(this.#reference)}`;
    if (this.#returnNomatch) text += ` ${before}return-nomatch`;
    if (!this.#updates) text += ` ! ${before}update-counters`;
    if (!this.#updatesSub) text += ` ! ${before}update-subcounters`;
    for (const { counter, how, value, inverted } of this.#conditions)
      text += `${bang(inverted)} ${before}${counter}-${how} ${value}`;
    return text;
  }

  save(): string {
    return this.#text("--");
  }

  print(): string {
    return this.#text("");
  }
}

const conditionOptions = COUNTERS.flatMap((counter) =>
  COMPARISONS.map(
    (how): OptionSpec => ({
      name: `${counter}-${how}`,
      invert: how === "eq",
      parse: uint64Option,
      onlyOne: `only one of the --${counter}-[eq|lt|gt] is allowed`,
    }),
  ),
);

export const setMatch: MatchExtension = {
  kind: "match",
  name: "set",
  help: `
set match options:
 [!] --match-set name flags [--return-nomatch]
   [! --update-counters] [! --update-subcounters]
   [[!] --packets-eq value | --packets-lt value | --packets-gt value
   [[!] --bytes-eq value | --bytes-lt value | --bytes-gt value
		 'name' is the set name from to match,
		 'flags' are the comma separated list of
		 'src' and 'dst' specifications.
`,
  options: [
    {
      name: "match-set",
      invert: true,
      secondArgument: TWO_ARGUMENTS,
      onlyOne: "--match-set can be specified only once",
      parse: setOption,
    },
    {
      name: "set",
      excludes: ["match-set"],
      invert: true,
      secondArgument: TWO_ARGUMENTS,
      onlyOne: "--match-set can be specified only once",
      parse(text, call) {
        call.warn("--set option deprecated, please use --match-set\n");
        return setOption(text, call);
      },
    },
    { name: "return-nomatch" },
    { name: "update-counters", invert: true },
    { name: "update-subcounters", invert: true },
    ...conditionOptions,
  ],
  build(values) {
    const reference = values.get<SetReference>("match-set") ?? values.get<SetReference>("set");
    if (reference === undefined) throw new ParameterProblem("You must specify `--match-set' with proper arguments");
    const conditions = COUNTERS.flatMap((counter) =>
      COMPARISONS.filter((how) => values.has(`${counter}-${how}`)).map(
        (how): Condition => ({
          counter,
          how,
          value: values.get<bigint>(`${counter}-${how}`) as bigint,
          inverted: values.inverted(`${counter}-${how}`),
        }),
      ),
    );
    return new SetMatch(reference, values, conditions);
  },
};
