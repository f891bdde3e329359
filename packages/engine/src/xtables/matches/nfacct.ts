/**
 * `-m nfacct`: an accounting object of nfacct(8). There is no such program here, and so no object of any name. Models
 * nfacct_mt_checkentry(), net/netfilter/xt_nfacct.c.
 */
import { RulesetError } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { stringOption } from "../options.js";

export const nfacctMatch: MatchExtension = {
  kind: "match",
  name: "nfacct",
  help: `
nfacct match options:
 --nfacct-name STRING		Name of accouting area
`,
  options: [{ name: "nfacct-name", mandatory: true, parse: stringOption(1, 31) }],
  build(values) {
    const name = values.get<string>("nfacct-name") as string;
    return {
      name: "nfacct",
      check() {
        throw new RulesetError("ENOENT", "", `no accounting object ${name}`);
      },
      match: () => false,
      save: () => ` --nfacct-name ${name}`,
      print: () => ` nfacct-name  ${name}`,
    };
  },
};
