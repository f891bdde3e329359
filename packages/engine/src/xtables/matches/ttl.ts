/** `-m ttl`: the header's time to live. Models ttl_mt(), net/netfilter/xt_hl.c. */
import type { MatchExtension } from "../extension.js";
import { hopLimitMatch } from "./hop-limit.js";

export const ttlMatch: MatchExtension = hopLimitMatch({
  name: "ttl",
  family: "ipv4",
  at: 8,
  title: "TTL",
  required: "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt",
  alias: "ttl",
  help: `
ttl match options:
[!] --ttl-eq value	Match time to live value
  --ttl-lt value	Match TTL < value
  --ttl-gt value	Match TTL > value
`,
});
