/**
 * `-m nfacct`: counts on an accounting object, and matches once its quota is exceeded, or always where it has none.
 * Models nfacct_mt() and nfacct_mt_checkentry(), net/netfilter/xt_nfacct.c.
 */
import type { NetNamespace } from "../../netns.js";
import { type AccountingObject, findAccounting } from "../accounting.js";
import { RulesetError } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { stringOption } from "../options.js";

class NfacctMatch implements Match {
  readonly name = "nfacct";
  readonly #object: string;
  #counter: AccountingObject | null = null;

  constructor(object: string) {
    this.#object = object;
  }

  check(_flavour: "nft" | "legacy", net: NetNamespace): void {
    if (findAccounting(net, this.#object) === undefined)
      throw new RulesetError("ENOENT", "", `no accounting object ${this.#object}`);
  }

  attach(net: NetNamespace): void {
    this.#counter = findAccounting(net, this.#object) ?? null;
    if (this.#counter !== null) this.#counter.users++;
  }

  detach(): void {
    if (this.#counter !== null) this.#counter.users--;
    this.#counter = null;
  }

  match({ skb }: XtActionParam): boolean {
    return this.#counter?.count(skb.len) === true;
  }

  save(): string {
    return ` --nfacct-name  ${this.#object}`;
  }

  print(): string {
    return ` nfacct-name  ${this.#object}`;
  }
}

export const nfacctMatch: MatchExtension = {
  kind: "match",
  name: "nfacct",
  help: `
nfacct match options:
 --nfacct-name STRING		Name of accouting area
`,
  options: [{ name: "nfacct-name", mandatory: true, parse: stringOption(1, 31) }],
  build: (values) => new NfacctMatch(values.get<string>("nfacct-name") as string),
};
