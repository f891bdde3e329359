/**
 * IDLETIMER: tells user space (by sysfs) when no packet came for a while. Nobody would hear it: rules are kept and do
 * nothing. Models idletimer_tg(), net/netfilter/xt_IDLETIMER.c.
 */
import { RulesetError } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { stringOption, uintOption } from "../options.js";

export const idletimerTarget: TargetExtension = {
  kind: "target",
  name: "IDLETIMER",
  help: `
IDLETIMER target options:
 --timeout time	Timeout until the notification is sent (in seconds)
 --label string	Unique rule identifier
 --alarm	Use alarm instead of default timer

`,
  options: [
    { name: "timeout", mandatory: true, parse: uintOption(0, 0xffffffff) },
    { name: "label", mandatory: true, parse: stringOption(0, 27) },
    { name: "alarm" },
  ],
  build(values) {
    const timeout = values.get<number>("timeout") as number;
    const label = values.get<string>("label");
    const alarm = values.has("alarm");
    return {
      name: "IDLETIMER",
      check() {
        if (timeout === 0) throw new RulesetError("EINVAL", "", "timeout value is zero");
      },
      target: () => XT_CONTINUE,
      save: () => ` --timeout ${timeout} --label ${label}${alarm ? " --alarm" : ""}`,
      print: () => ` timeout:${timeout} label:${label}${alarm ? " alarm" : ""}`,
    };
  },
};
