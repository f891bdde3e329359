/**
 * `-m devgroup`: the group of a packet's device, as `ip link set ... group` says. Models devgroup_mt(),
 * net/netfilter/xt_devgroup.c.
 */
import type { NetDevice } from "../../dev/device.js";
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, hex, type MarkMask, type OptionValues } from "../options.js";
import { valueMaskOption } from "../value-mask.js";

const OPTIONS = ["src-group", "dst-group"] as const;
/** /etc/iproute2/group. */
const parse = valueMaskOption(new Map([["default", 0]]));

/** A group that a device must be of, or must not. */
interface Condition extends MarkMask {
  readonly inverted: boolean;
}

function conditionOf(values: OptionValues, name: string): Condition | null {
  const group = values.get<MarkMask>(name);
  return group === undefined ? null : { ...group, inverted: values.inverted(name) };
}

/** A packet without the device is as if it were of the group 0. */
function isOf(device: NetDevice | null, { mark, mask, inverted }: Condition): boolean {
  return ((((device?.group ?? 0) ^ mark) & mask) === 0) !== inverted;
}

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
    const [source, destination] = OPTIONS.map((name) => conditionOf(values, name));
    return {
      name: "devgroup",
      forbiddenHooks,
      match: ({ state: { indev, outdev } }) =>
        (source === null || isOf(indev, source)) && (destination === null || isOf(outdev, destination)),
      save: () => text("--", false),
      print: (numeric) => text("", numeric),
    };
  },
};
