/** `-m hl`: the hop limit of IPv6. Models hl_mt6(), net/netfilter/xt_hl.c. */
import { IPV6_HOP_LIMIT } from "../../wire/ipv6.js";
import type { MatchExtension } from "../extension.js";
import { hopLimitMatch } from "./hop-limit.js";

export const hlMatch: MatchExtension = hopLimitMatch({
  name: "hl",
  family: "ipv6",
  at: IPV6_HOP_LIMIT,
  title: "HL",
  required: "HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'",
  alias: null,
  help: `
hl match options:
[!] --hl-eq value	Match hop limit value
  --hl-lt value	Match HL < value
  --hl-gt value	Match HL > value
`,
});
