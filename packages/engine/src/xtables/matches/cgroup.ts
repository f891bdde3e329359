/**
 * `-m cgroup`: the control group of a local packet's socket. There are no processes: every socket is in class 0, and no
 * group has a path but the root. Models cgroup_mt_v2(), net/netfilter/xt_cgroup.c.
 */
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING } from "../../hooks.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, stringOption, uintOption } from "../options.js";

export const cgroupMatch: MatchExtension = {
  kind: "match",
  name: "cgroup",
  hooks: (1 << NF_INET_LOCAL_OUT) | (1 << NF_INET_POST_ROUTING) | (1 << NF_INET_LOCAL_IN),
  help: `
cgroup match options:
[!] --path path                 Recursively match path relative to cgroup2 root
[!] --cgroup classid            Match cgroup classid, can't be used with --path
`,
  options: [
    { name: "path", excludes: ["cgroup"], invert: true, parse: stringOption(0, 511) },
    { name: "cgroup", excludes: ["path"], invert: true, parse: uintOption(0, 0xffffffff) },
  ],
  build(values) {
    const path = values.get<string>("path");
    const classid = values.get<number>("cgroup");
    if (path === undefined && classid === undefined)
      throw new ParameterProblem("cgroup: either --path or --cgroup must be specified");
    const option = path === undefined ? "cgroup" : "path";
    const inverted = values.inverted(option);
    return {
      name: "cgroup",
      check() {
        if (path !== undefined && path !== "/") throw new RulesetError("EINVAL", "", "no such control group");
      },
      match: ({ skb: { uid } }) => uid !== -1 && (path !== undefined || classid === 0) !== inverted,
      save: () => `${bang(inverted)} --${option} ${path ?? classid}`,
      print: () => ` cgroup${bang(inverted)} ${path ?? classid}`,
    };
  },
};
