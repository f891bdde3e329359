/**
 * `-m devgroup`: the group of a packet's device. `ip link set ... group` does not exist here: all devices are of group
 * 0, the default. Models devgroup_mt(), net/netfilter/xt_devgroup.c.
 */
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, hex, type MarkMask } from "../options.js";
import { valueMaskOption } from "../value-mask.js";

const OPTIONS = ["src-group", "dst-group"] as const;
/** /etc/iproute2/group. */
const parse = valueMaskOption(new Map([["default", 0]]));

export const devgroupMatch: MatchExtension = {
  kind: "match",
  name: "devgroup",
  help: `
devgroup match options:
[!] --src-group value[/mask]	Match device group of incoming device
[!] --dst-group value[/mask]	Match device group of outgoing device
`,
  options: OPTIONS.map((name) => ({ name, invert: true, parse })),
  build(values) {
    const given = OPTIONS.filter((name) => values.has(name));
    if (given.length === 0)
      throw new ParameterProblem("devgroup match: You must specify either '--src-group' or '--dst-group'");
    const text = (before: string, numeric: boolean): string =>
      given
        .map((name) => {
          const { mark, mask } = values.get<MarkMask>(name) as MarkMask;
          const group =
            mask !== 0xffffffff ? `${hex(mark)}/${hex(mask)}` : mark === 0 && !numeric ? "default" : hex(mark);
          return `${bang(values.inverted(name))} ${before}${name} ${group}`;
        })
        .join("");
    let forbiddenHooks = 0;
    if (values.has("src-group")) forbiddenHooks |= (1 << NF_INET_LOCAL_OUT) | (1 << NF_INET_POST_ROUTING);
    if (values.has("dst-group")) forbiddenHooks |= (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_IN);
    const matches = given.every((name) => (values.get<MarkMask>(name)?.mark === 0) !== values.inverted(name));
    return {
      name: "devgroup",
      forbiddenHooks,
      match: () => matches,
      save: () => text("--", false),
      print: (numeric) => text("", numeric),
    };
  },
};
