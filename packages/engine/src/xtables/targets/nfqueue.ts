/**
 * NFQUEUE: asks a program. None listens here: the packet is dropped, or with `--queue-bypass` goes on to the next
 * table. Models nfqueue_tg_v3(), net/netfilter/xt_NFQUEUE.c, and nf_queue().
 */
import { NF_ACCEPT, NF_DROP } from "../../hooks.js";
import { ParameterProblem } from "../error.js";
import type { TargetExtension } from "../extension.js";
import { type Range, rangeText, uintOption } from "../options.js";

const number = uintOption(0, 65_535);

export const nfqueueTarget: TargetExtension = {
  kind: "target",
  name: "NFQUEUE",
  help: `
NFQUEUE target options
  --queue-num value            Send packet to QUEUE number <value>.
                               Valid queue numbers are 0-65535
  --queue-balance first:last   Balance flows between queues <value> to <value>.
  --queue-bypass               Bypass Queueing if no queue instance exists.
  --queue-cpu-fanout	Use current CPU (no hashing)
`,
  options: [
    { name: "queue-num", excludes: ["queue-balance"], parse: number },
    {
      name: "queue-balance",
      excludes: ["queue-num"],
      parse(text, call): Range {
        const [first, last, ...more] = text.split(":");
        if (last === undefined || more.length > 0) throw new ParameterProblem(`Bad range "${text}"`);
        const min = number(first, call);
        const max = number(last, call);
        if (min >= max) throw new ParameterProblem(`${min} should be less than ${max}`);
        return { min, max };
      },
    },
    { name: "queue-bypass" },
    { name: "queue-cpu-fanout", requires: ["queue-balance"] },
  ],
  build(values) {
    const balance = values.get<Range>("queue-balance");
    const queue = values.get<number>("queue-num") ?? 0;
    const bypass = values.has("queue-bypass");
    const fanout = values.has("queue-cpu-fanout");
    return {
      name: "NFQUEUE",
      target: () => (bypass ? NF_ACCEPT : NF_DROP),
      save() {
        let text = balance === undefined ? ` --queue-num ${queue}` : ` --queue-balance ${rangeText(balance)}`;
        if (bypass) text += " --queue-bypass";
        return fanout ? `${text} --queue-cpu-fanout` : text;
      },
      print() {
        let text = ` NFQUEUE ${balance === undefined ? `num ${queue}` : `balance ${rangeText(balance)}`}`;
        if (bypass) text += " bypass";
        return fanout ? `${text} cpu-fanout` : text;
      },
    };
  },
};
