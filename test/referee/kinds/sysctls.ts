/** The tunables that change the tracker's judgement and its timeouts, each set to what it may be. */
import type { Choice } from "../choice.js";
import { text, udp } from "../packets.js";
import { Conversation, interleaved } from "./conversation.js";
import {
  CLIENT,
  closing,
  DEVICES,
  FORWARDING,
  type Kind,
  lan,
  putIn,
  SERVER,
  stateCounters,
  TOOLS,
  translation,
  wan,
} from "./router.js";
import { adversarial } from "./tcp-adversarial.js";
import { traffic } from "./traffic.js";

/** The trackers' timeouts, by the ends of their names. */
export const TIMEOUTS: readonly string[] = [
  "tcp_timeout_syn_sent",
  "tcp_timeout_syn_recv",
  "tcp_timeout_established",
  "tcp_timeout_fin_wait",
  "tcp_timeout_close_wait",
  "tcp_timeout_last_ack",
  "tcp_timeout_time_wait",
  "tcp_timeout_close",
  "tcp_timeout_max_retrans",
  "tcp_timeout_unacknowledged",
  "udp_timeout",
  "udp_timeout_stream",
  "icmp_timeout",
  "generic_timeout",
];

function settings(choice: Choice): Record<string, string> {
  const all: Record<string, string> = {};
  const conntrack = (name: string, value: number | string): void => {
    all[`net.netfilter.nf_conntrack_${name}`] = String(value);
  };
  for (let left = choice.between(1, 4); left > 0; left--)
    choice.pick<() => void>([
      () => conntrack("tcp_be_liberal", 1),
      () => conntrack("tcp_loose", 0),
      () => conntrack("tcp_ignore_invalid_rst", 1),
      () => conntrack("tcp_max_retrans", choice.pick([0, 1, 2, 255])),
      () => conntrack("checksum", 0),
      () => conntrack("acct", 1),
      () => conntrack("events", choice.pick([0, 1, 2])),
      () => conntrack(choice.pick(TIMEOUTS), choice.pick([20, 77, 1000, 100_000])),
      () => {
        all["net.ipv4.ip_forward"] = "0";
      },
      () => {
        all["net.ipv4.ip_default_ttl"] = String(choice.pick([1, 32, 255]));
      },
      () => {
        all["net.ipv4.conf.all.rp_filter"] = choice.pick(["1", "2"]);
      },
      () => {
        all["net.ipv4.icmp_echo_ignore_all"] = "1";
      },
    ])();
  return all;
}

export const SYSCTLS: Kind = {
  name: "sysctls",
  about: "tunables of the tracker and of IPv4 at other values",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    const talks = choice.times(choice.between(1, 20), (index) => {
      const talk = new Conversation({ client: CLIENT, port: 40_000 + index, server: SERVER, serverPort: 80, outside });
      adversarial(talk, choice, choice.between(2, 8));
      return talk.steps;
    });
    return {
      devices: DEVICES,
      sysctl: { ...FORWARDING, ...settings(choice) },
      setup: putIn(choice, tool, [...setup, ...stateCounters(tool)]),
      steps: [
        ...(choice.oneIn(2) ? talks.flat() : interleaved(choice, talks)),
        lan(udp({ src: CLIENT, dst: SERVER }, { sport: 4000, dport: 53, payload: text(9) })),
        wan(udp({ src: SERVER, dst: outside }, { sport: 53, dport: 4000, payload: text(9) })),
        ...traffic(choice, choice.below(40)),
      ],
      finally: closing(tool),
    };
  },
};
