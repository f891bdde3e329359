/** `-m quota`: so many bytes, then no more. Models quota_mt(), net/netfilter/xt_quota.c. */
import type { MatchExtension } from "../extension.js";
import { bang, uint64Option } from "../options.js";

export const quotaMatch: MatchExtension = {
  kind: "match",
  name: "quota",
  help: `
quota match options:
[!] --quota quota		quota (bytes)
`,
  options: [{ name: "quota", mandatory: true, invert: true, parse: uint64Option }],
  build(values) {
    const quota = values.get<bigint>("quota") as bigint;
    const inverted = values.inverted("quota");
    // Beyond 2^53 bytes nothing is ever counted down.
    let left = Number(quota);
    return {
      name: "quota",
      match({ skb: { len } }) {
        if (left >= len) {
          left -= len;
          return !inverted;
        }
        // Too little is nothing: a smaller packet does not get it either.
        left = 0;
        return inverted;
      },
      renew() {
        left = Number(quota);
      },
      save: () => `${bang(inverted)} --quota ${quota}`,
      print: () => ` quota: ${quota} bytes`,
    };
  },
};
