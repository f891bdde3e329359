/**
 * Time passing: timeouts of a second or two run out between packets, or do not. Linux really waits here, so that very
 * many connections share each wait.
 */
import type { Choice } from "../choice.js";
import { ACK, echo, FIN, PSH, RST, SYN, text, udp } from "../packets.js";
import type { PacketStep, Step } from "../scenario.js";
import { Conversation } from "./conversation.js";
import { CLIENT, closing, DEVICES, FORWARDING, type Kind, lan, SERVER, TOOLS, translation, wan } from "./router.js";

/** Never back on a whole second by any number of them: Linux, a little late, is on the same side of each timeout. */
const WAITS = ["510ms", "1510ms", "2510ms"];

/** A connection from its first packet to some later one. */
function connection(choice: Choice, port: number, outside: string): readonly PacketStep[] {
  const talk = new Conversation({ client: CLIENT, port, server: SERVER, serverPort: 80, outside });
  const stages: (() => void)[] = [
    () => talk.segment("lan", SYN),
    () => talk.segment("wan", SYN | ACK),
    () => talk.segment("lan", ACK),
    () => talk.segment("lan", PSH | ACK, { length: 10 }),
    () => talk.segment("wan", choice.oneIn(4) ? RST : FIN | ACK),
    () => talk.segment("lan", FIN | ACK),
    () => talk.segment("wan", ACK),
    () => talk.segment("lan", SYN),
  ];
  for (const stage of stages.slice(0, choice.between(1, stages.length))) stage();
  return talk.steps;
}

function datagrams(choice: Choice, port: number, outside: string): readonly PacketStep[] {
  return choice.times(choice.between(1, 5), () =>
    choice.oneIn(2)
      ? lan(udp({ src: CLIENT, dst: SERVER }, { sport: port, dport: 53, payload: text(9) }))
      : wan(udp({ src: SERVER, dst: outside }, { sport: 53, dport: port, payload: text(9) })),
  );
}

function echoes(choice: Choice, id: number, outside: string): readonly PacketStep[] {
  return choice.times(choice.between(1, 4), (index) =>
    choice.oneIn(2)
      ? lan(echo({ src: CLIENT, dst: SERVER }, id, index))
      : wan(echo({ src: SERVER, dst: outside }, id, index, true)),
  );
}

export const TIME: Kind = {
  name: "time",
  about: "entries that expire between packets",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    const timeout = (): string => String(choice.pick([1, 2, 2, 30]));
    const flows = choice.times(choice.between(2, 250), (index) =>
      choice.pick([connection, connection, datagrams, echoes])(choice, 40_000 + index, outside),
    );
    const waits = choice.between(1, 2);
    const steps: Step[] = [];
    // Between two waits each flow goes on by some packets, in its own order.
    const at = flows.map(() => 0);
    for (let round = 0; round <= waits; round++) {
      if (round > 0) steps.push({ sleep: choice.pick(WAITS) }, { run: "conntrack -L" });
      for (const [index, flow] of flows.entries()) {
        const until = round === waits ? flow.length : choice.between(at[index], flow.length);
        steps.push(...flow.slice(at[index], until));
        at[index] = until;
      }
    }
    const conntrack = "net.netfilter.nf_conntrack";
    return {
      devices: DEVICES,
      sysctl: {
        ...FORWARDING,
        [`${conntrack}_tcp_timeout_syn_sent`]: timeout(),
        [`${conntrack}_tcp_timeout_syn_recv`]: timeout(),
        [`${conntrack}_tcp_timeout_established`]: timeout(),
        [`${conntrack}_tcp_timeout_unacknowledged`]: timeout(),
        [`${conntrack}_tcp_timeout_fin_wait`]: timeout(),
        [`${conntrack}_tcp_timeout_close_wait`]: timeout(),
        [`${conntrack}_tcp_timeout_last_ack`]: timeout(),
        [`${conntrack}_tcp_timeout_time_wait`]: timeout(),
        [`${conntrack}_tcp_timeout_close`]: timeout(),
        [`${conntrack}_udp_timeout`]: timeout(),
        [`${conntrack}_udp_timeout_stream`]: timeout(),
        [`${conntrack}_icmp_timeout`]: timeout(),
      },
      setup,
      steps,
      finally: closing(tool),
    };
  },
};
