/**
 * `-m connlimit`: connections that come, are answered, end and come again, counted by networks of either side. Packets
 * are some time apart: what Linux counts of those that share a jiffy is a matter of its clock.
 */
import type { Choice } from "../choice.js";
import type { PacketStep, Step } from "../scenario.js";
import { closing, DEVICES, FORWARDING, type Kind, putIn, ROUTE, TOOLS } from "./router.js";
import { anyPacket } from "./traffic.js";

function rule(choice: Choice): string {
  const what = choice.pick(["", "-p tcp ", "-p tcp --syn ", "-p udp ", "-p icmp "]);
  const how = choice.pick(["--connlimit-above", "--connlimit-above", "--connlimit-upto"]);
  const mask = choice.pick(["", " --connlimit-mask 24", " --connlimit-mask 0", " --connlimit-mask 30"]);
  const side = choice.pick(["", " --connlimit-saddr", " --connlimit-daddr"]);
  const target = choice.pick(["", " -j DROP", " -j REJECT", " -j ACCEPT"]);
  return `${what}-m connlimit ${how} ${choice.pick([0, 1, 1, 2, 3, 5])}${mask}${side}${target}`;
}

export const CONNLIMIT: Kind = {
  name: "connlimit",
  about: "connections counted by network, with packets in jiffies of their own",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const places = ["-A FORWARD", "-A FORWARD", "-A INPUT", "-t mangle -A PREROUTING", "-t mangle -A POSTROUTING"];
    const rules = choice.times(choice.between(1, 4), () => `${tool} ${choice.pick(places)} ${rule(choice)}`);
    if (choice.oneIn(3)) rules.push(`${tool} -t nat -A POSTROUTING -o wan0 -j MASQUERADE`);
    if (choice.oneIn(4)) rules.push(`${tool} -t raw -A PREROUTING -p udp -j CT --notrack`);
    const packets: PacketStep[] = [];
    const steps: Step[] = [];
    for (let i = choice.between(5, 60); i > 0; i--) {
      const packet = anyPacket(choice, packets);
      packets.push(packet);
      steps.push(packet, { sleep: "20ms" });
    }
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: [ROUTE, ...putIn(choice, tool, rules)],
      steps,
      finally: closing(tool),
    };
  },
};
