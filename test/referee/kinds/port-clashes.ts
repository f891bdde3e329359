/** Many clients for one address: ports that are taken, small ranges, ranges that run out, `--random`. */
import type { Choice } from "../choice.js";
import { echo, SYN, tcp, text, udp } from "../packets.js";
import type { PacketStep } from "../scenario.js";
import { closing, DEVICES, FORWARDING, type Kind, lan, OUTSIDE, putIn, ROUTE, SERVER, TOOLS, wan } from "./router.js";

/** A rule's range of ports. */
function ports(choice: Choice): string {
  const first = choice.pick([1, 500, 1000, 4000, 40_000, 65_500]);
  return `${first}-${first + choice.pick([0, 1, 2, 3, 7, 15, 16, 35])}`;
}

function rule(choice: Choice, tool: string): string {
  const flags = choice.pick(["", "", "", " --random", " --random-fully", " --persistent"]);
  const pre = `${tool} -t nat -A PREROUTING -i lan0 -p udp --dport 53 -j`;
  const masqueradeFlags = flags.includes("persistent") ? "" : flags;
  return choice.pick([
    `${tool} -t nat -A POSTROUTING -o wan0 -j SNAT --to-source ${OUTSIDE}${flags}`,
    `${tool} -t nat -A POSTROUTING -o wan0 -j MASQUERADE${masqueradeFlags}`,
    `${tool} -t nat -A POSTROUTING -o wan0 -p udp -j SNAT --to-source ${OUTSIDE}:${ports(choice)}${flags}`,
    `${tool} -t nat -A POSTROUTING -o wan0 -p tcp -j SNAT --to-source ${OUTSIDE}:${ports(choice)}`,
    `${tool} -t nat -A POSTROUTING -o wan0 -p udp -j MASQUERADE --to-ports ${ports(choice)}${masqueradeFlags}`,
    `${tool} -t nat -A POSTROUTING -o wan0 -p icmp -j MASQUERADE`,
    `${tool} -t nat -A POSTROUTING -o wan0 -p udp -j SNAT --to-source 198.51.100.20-198.51.100.23:${ports(choice)}`,
    `${tool} -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.20-198.51.100.23${flags}`,
    `${pre} DNAT --to-destination ${SERVER}:${ports(choice)}${flags.replace(" --random-fully", "")}`,
    `${pre} DNAT --to-destination 198.51.100.9-198.51.100.12${flags.replace(" --random-fully", "")}`,
    `${pre} REDIRECT --to-ports ${ports(choice)}${flags.includes("random-fully") || flags.includes("persistent") ? "" : flags}`,
  ]);
}

/** Whether a rule draws the destination's port, or the source's. */
function draws(rule: string, chain: "PREROUTING" | "POSTROUTING"): boolean {
  return rule.includes(` ${chain} `) && (chain === "POSTROUTING" || /:\d|--to-ports|--random/.test(rule));
}

/**
 * One rule, or two; not two that both draw a port for one packet: the comparison cannot tell one draw from the other.
 */
function rules(choice: Choice, tool: string): string[] {
  const first = rule(choice, tool);
  if (!choice.oneIn(3)) return [first];
  const second = rule(choice, tool);
  const both = [first, second];
  return both.some((each) => draws(each, "PREROUTING")) && both.some((each) => draws(each, "POSTROUTING"))
    ? [first]
    : both;
}

export const PORT_CLASHES: Kind = {
  name: "port-clashes",
  about: "ports that are taken, small ranges and ranges that run out",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const port = choice.pick([40_000, 700, 300, 4000, 1]);
    const protocol = choice.pick(["udp", "udp", "tcp", "icmp"] as const);
    const steps = choice.times(choice.between(2, 80), (): PacketStep => {
      const src = `192.168.1.${choice.between(10, 40)}`;
      const sport = choice.oneIn(5) ? choice.between(1, 65_535) : port;
      const dst = choice.oneIn(4) ? "203.0.113.7" : SERVER;
      if (choice.oneIn(8))
        return wan(udp({ src: SERVER, dst: OUTSIDE }, { sport: 53, dport: sport, payload: text(4) }));
      if (protocol === "udp") return lan(udp({ src, dst }, { sport, dport: 53, payload: text(4) }));
      if (protocol === "tcp") return lan(tcp({ src, dst }, { sport, dport: 80, flags: SYN, seq: 1000 }));
      return lan(echo({ src, dst }, sport, 1));
    });
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: [ROUTE, ...putIn(choice, tool, rules(choice, tool))],
      steps,
      finally: closing(tool),
    };
  },
};
