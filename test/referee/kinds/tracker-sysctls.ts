/** All of the tracker's tunables that a namespace has, many at once, and changed again while flows go on. */
import type { Choice } from "../choice.js";
import type { Step } from "../scenario.js";
import { Conversation, interleaved } from "./conversation.js";
import { CLIENT, type Kind, ROUTE, routed, SERVER, TOOLS, translation } from "./router.js";
import { TIMEOUTS } from "./sysctls.js";
import { adversarial } from "./tcp-adversarial.js";
import { traffic } from "./traffic.js";

/** What each may be set to; a name stands for `net.netfilter.nf_conntrack_` and itself. */
const VALUES: Readonly<Record<string, readonly number[]>> = {
  acct: [0, 1],
  checksum: [0, 1],
  events: [0, 1, 2],
  log_invalid: [0, 6, 255],
  timestamp: [0, 1],
  tcp_be_liberal: [0, 1],
  tcp_ignore_invalid_rst: [0, 1],
  tcp_loose: [0, 1],
  tcp_max_retrans: [0, 1, 2, 3, 255],
  ...Object.fromEntries(TIMEOUTS.map((name) => [name, [20, 77, 1000, 100_000, 2_000_000]])),
};

function setting(choice: Choice): readonly [string, string] {
  const name = choice.pick(Object.keys(VALUES));
  return [`net.netfilter.nf_conntrack_${name}`, String(choice.pick(VALUES[name]))];
}

export const TRACKER_SYSCTLS: Kind = {
  name: "tracker-sysctls",
  about: "every tunable of the tracker, many at once, and changed while flows go on",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    const talks = choice.times(choice.between(1, 40), (index): Step[] => {
      const talk = new Conversation({ client: CLIENT, port: 40_000 + index, server: SERVER, serverPort: 80, outside });
      adversarial(talk, choice, choice.between(2, 12));
      return talk.steps;
    });
    const flows = [...talks, traffic(choice, choice.below(80))];
    const steps = (choice.oneIn(2) ? flows.flat() : interleaved(choice, flows)).flatMap((step): Step[] => {
      if (!choice.oneIn(60)) return [step];
      const [name, value] = setting(choice);
      return [{ run: choice.oneIn(3) ? "conntrack -L" : `sysctl -w ${name}=${value}` }, step];
    });
    return routed(tool, setup, steps, {
      sysctl: Object.fromEntries(choice.times(choice.between(1, 10), () => setting(choice))),
      setup: [ROUTE],
    });
  },
};
