/** Time passing: timeouts of a second or two run out between packets, or do not. Linux really waits here. */
import { ACK, FIN, PSH, RST, SYN, text, udp } from "../packets.js";
import type { Step } from "../scenario.js";
import { Conversation } from "./conversation.js";
import { CLIENT, closing, DEVICES, FORWARDING, type Kind, lan, SERVER, TOOLS, translation, wan } from "./router.js";

/** Half a second off any whole number of them: neither backend is near the moment at which an entry expires. */
const WAITS = ["500ms", "1500ms", "2500ms"];

export const TIME: Kind = {
  name: "time",
  about: "entries that expire between packets",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    const timeout = (): string => String(choice.pick([1, 2, 2, 30]));
    const steps: Step[] = [];
    const talk = new Conversation({ client: CLIENT, port: 40_000, server: SERVER, serverPort: 80, outside });
    const stages: (() => void)[] = [
      () => talk.segment("lan", SYN),
      () => talk.segment("wan", SYN | ACK),
      () => talk.segment("lan", ACK),
      () => talk.segment("lan", PSH | ACK, { length: 10 }),
      () => talk.segment("wan", choice.oneIn(4) ? RST : FIN | ACK),
      () => talk.segment("lan", FIN | ACK),
      () => talk.segment("wan", ACK),
    ];
    let waits = choice.between(1, 2);
    for (const stage of stages.slice(0, choice.between(1, stages.length))) {
      stage();
      steps.push(talk.steps[talk.steps.length - 1]);
      if (choice.oneIn(3))
        steps.push(lan(udp({ src: CLIENT, dst: SERVER }, { sport: 4000, dport: 53, payload: text(9) })));
      if (choice.oneIn(4))
        steps.push(wan(udp({ src: SERVER, dst: outside }, { sport: 53, dport: 4000, payload: text(9) })));
      if (waits > 0 && choice.oneIn(2)) {
        steps.push({ sleep: choice.pick(WAITS) }, { run: "conntrack -L" });
        waits--;
      }
    }
    if (waits > 0) steps.push({ sleep: choice.pick(WAITS) }, ...talk.steps.slice(-1));
    const conntrack = "net.netfilter.nf_conntrack";
    return {
      devices: DEVICES,
      sysctl: {
        ...FORWARDING,
        [`${conntrack}_tcp_timeout_syn_sent`]: timeout(),
        [`${conntrack}_tcp_timeout_syn_recv`]: timeout(),
        [`${conntrack}_tcp_timeout_established`]: timeout(),
        [`${conntrack}_tcp_timeout_unacknowledged`]: timeout(),
        [`${conntrack}_tcp_timeout_time_wait`]: timeout(),
        [`${conntrack}_udp_timeout`]: timeout(),
        [`${conntrack}_udp_timeout_stream`]: timeout(),
      },
      setup,
      steps,
      finally: closing(tool),
    };
  },
};
