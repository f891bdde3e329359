/** Commands between packets: entries deleted and listed, rules and addresses changed while flows go on. */
import type { Choice } from "../choice.js";
import type { Step } from "../scenario.js";
import { natRule } from "./nat-mix.js";
import {
  CLIENT,
  closing,
  DEVICES,
  FORWARDING,
  type Kind,
  OUTSIDE,
  putIn,
  ROUTE,
  SERVER,
  stateCounters,
  TOOLS,
} from "./router.js";
import { traffic } from "./traffic.js";

function command(choice: Choice, tool: string): string {
  const protocol = choice.pick(["tcp", "udp", "icmp"]);
  return choice.pick([
    () => "conntrack -L",
    () => `conntrack -L -p ${protocol}`,
    () => `conntrack -L -s ${CLIENT}`,
    () => `conntrack -L --src-nat`,
    () => `conntrack -L -o extended`,
    () => "conntrack -C",
    () => `conntrack -D -p ${protocol}`,
    () => `conntrack -D -s ${CLIENT}`,
    () => `conntrack -D -d ${SERVER}`,
    () => `conntrack -D -p tcp --state SYN_SENT`,
    () => `conntrack -D -p udp --dport 53`,
    () => "conntrack -F",
    () => `conntrack -D --mark ${choice.below(3)}`,
    () => `conntrack -D -q ${OUTSIDE}`,
    () => `conntrack -D --src-nat`,
    () => `conntrack -L -g`,
    () => `conntrack -G -p udp -s ${CLIENT} -d ${SERVER} --sport 1000 --dport 53`,
    () => `conntrack -D -p tcp -s ${CLIENT} -d ${SERVER} --sport 1000 --dport 80 -r ${SERVER}`,
    () => `${tool} -t nat -F POSTROUTING`,
    () => `${tool} -t nat -F`,
    () => natRule(choice, tool),
    () => natRule(choice, tool).replace(" -A ", " -I "),
    () => `${tool} -t nat -R POSTROUTING 1 -o wan0 -j ${choice.pick(["MASQUERADE", "ACCEPT"])}`,
    () => `${tool} -t mangle -A PREROUTING -p ${protocol} -j CONNMARK --set-mark ${choice.below(4)}`,
    () => `${tool} -t raw -A PREROUTING -p ${protocol} -j ${choice.pick(["NOTRACK", "DROP"])}`,
    () => `${tool} -t raw -F`,
    () => `${tool} -A FORWARD -p ${protocol} -j ${choice.pick(["DROP", "REJECT", "ACCEPT"])}`,
    () => `${tool} -D FORWARD 1`,
    () => `${tool} -Z`,
    () => `${tool} -L FORWARD -v -n -x`,
    () => `${tool} -t nat -S`,
    () => `${tool} -P FORWARD ${choice.pick(["DROP", "ACCEPT"])}`,
    () => "ip addr add 198.51.100.20/24 dev wan0",
    () => `ip addr del ${OUTSIDE}/24 dev wan0`,
    () => `ip addr add 198.51.100.77/24 dev wan0`,
    () => `ip addr flush dev ${choice.pick(["wan0", "lan0"])}`,
    () => "ip link set wan0 down",
    () => "ip link set wan0 up",
    () => "ip route add 203.0.113.0/24 dev wan0",
    () => "ip route replace 203.0.113.0/24 dev lan0",
    () => "ip route add blackhole 192.0.2.0/24",
    () => "ip route add 192.0.2.0/24 dev wan0",
    () => "ip route del 203.0.113.0/24 dev wan0",
    () => "ip link set wan0 mtu 600",
    () => "sysctl -w net.ipv4.ip_forward=0",
    () => "sysctl -w net.ipv4.ip_forward=1",
    () => "sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1",
  ])();
}

export const COMMANDS: Kind = {
  name: "commands",
  about: "conntrack -D, rules, addresses and settings changed while flows go on",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const steps: Step[] = [];
    for (const packet of traffic(choice, choice.between(5, 160))) {
      if (choice.oneIn(8)) steps.push({ run: command(choice, tool) });
      steps.push(packet);
    }
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: [
        ROUTE,
        ...putIn(choice, tool, [
          ...choice.times(choice.between(1, 3), () => natRule(choice, tool)),
          ...stateCounters(tool),
        ]),
      ],
      steps,
      finally: closing(tool),
    };
  },
};
