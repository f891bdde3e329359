/** SNAT, DNAT, MASQUERADE and REDIRECT together, pools of addresses, maps of ports, servers inside, hairpins. */
import type { Choice } from "../choice.js";
import { ACK, SYN, tcp, text, udp } from "../packets.js";
import type { PacketStep } from "../scenario.js";
import {
  CLIENT,
  closing,
  DEVICES,
  FORWARDING,
  INSIDE,
  type Kind,
  lan,
  OTHER_CLIENT,
  OUTSIDE,
  putIn,
  ROUTE,
  SERVER,
  stateCounters,
  TOOLS,
  wan,
} from "./router.js";
import { traffic } from "./traffic.js";

/** A NAT rule at its place. */
export function natRule(choice: Choice, tool: string): string {
  const post = (what: string): string => `${tool} -t nat -A POSTROUTING ${what}`;
  const pre = (what: string): string => `${tool} -t nat -A PREROUTING ${what}`;
  const out = choice.pick(["-o wan0", "-o wan0", "-s 192.168.1.0/24", "-o lan0 -s 192.168.1.0/24", "-o wan0 -p udp"]);
  const into = choice.pick([`-d ${OUTSIDE}`, "-i wan0", "-i lan0 -d 198.51.100.0/24", "-d 198.51.100.20"]);
  const proto = choice.pick(["-p tcp --dport 80", "-p udp --dport 53", "-p tcp", "-p udp", "-p icmp"]);
  const portProto = choice.pick(["-p tcp --dport 80", "-p tcp --dport 8080", "-p udp --dport 53", "-p tcp"]);
  // Where DNAT and SNAT both draw a port for one packet, the comparison cannot feed both draws back: not from the
  // inside.
  const drawn = `-i wan0 -d ${OUTSIDE}`;
  return choice.pick([
    () => post(`${out} -j SNAT --to-source ${OUTSIDE}`),
    () => post(`${out} -j MASQUERADE`),
    () => post(`${out} -j SNAT --to-source 198.51.100.20-198.51.100.${choice.between(21, 40)}`),
    () => post(`${out} -j SNAT --to-source 198.51.100.20-198.51.100.27 --persistent`),
    () => post(`-o wan0 -p tcp -j SNAT --to-source ${OUTSIDE}:2000-2100`),
    () => post(`-o wan0 -p udp -j MASQUERADE --to-ports 5000-5100`),
    () => pre(`${into} ${proto} -j DNAT --to-destination ${CLIENT}`),
    () => pre(`${into} ${portProto} -j DNAT --to-destination ${CLIENT}:8080`),
    () => pre(`${into} ${portProto} -j DNAT --to-destination ${CLIENT}-${OTHER_CLIENT}`),
    () => pre(`${drawn} ${portProto} -j DNAT --to-destination ${CLIENT}:8000-8010`),
    () => pre(`${into} ${portProto} -j DNAT --to-destination ${SERVER}`),
    () => pre(`-i ${choice.pick(["lan0", "wan0"])} ${portProto} -j REDIRECT`),
    () => pre(`-i ${choice.pick(["lan0", "wan0"])} ${portProto} -j REDIRECT --to-ports 3128`),
    () => pre(`-i lan0 ${portProto} -j REDIRECT --to-ports 3128-3130`),
    () => post(`${out} -j MASQUERADE --random`),
    () => post(`-o wan0 -p tcp -j MASQUERADE --to-ports 3000-3003 --random-fully`),
    () => post(`${out} -j SNAT --to-source 198.51.100.20-198.51.100.23 --random`),
    () => post(`-o lan0 -j SNAT --to-source ${INSIDE}`),
    () => pre(`${drawn} ${portProto} -j DNAT --to-destination ${CLIENT}:8000-8001 --random`),
    () => pre(`${into} ${proto} -j DNAT --to-destination ${CLIENT}-${OTHER_CLIENT} --persistent`),
    () => `${tool} -t nat -A OUTPUT -p icmp -j DNAT --to-destination ${CLIENT}`,
    () => pre(`${into} ${proto} -j ACCEPT`),
    () => `${tool} -t nat -A INPUT -p tcp --dport 80 -j SNAT --to-source 192.168.1.99`,
    () => `${tool} -t nat -A OUTPUT -p icmp -j ACCEPT`,
  ])();
}

/** A client inside meets a server inside by its outside name, and everybody answers. */
function hairpin(choice: Choice, tool: string): { setup: string[]; steps: PacketStep[] } {
  const port = 40_000 + choice.below(3);
  const steps: PacketStep[] = [
    lan(tcp({ src: CLIENT, dst: OUTSIDE }, { sport: port, dport: 80, flags: SYN, seq: 1000 })),
    lan(tcp({ src: OTHER_CLIENT, dst: INSIDE }, { sport: 80, dport: port, flags: SYN | ACK, seq: 9000, ack: 1001 })),
    lan(tcp({ src: CLIENT, dst: OUTSIDE }, { sport: port, dport: 80, flags: ACK, seq: 1001, ack: 9001 })),
    lan(tcp({ src: OTHER_CLIENT, dst: CLIENT }, { sport: 80, dport: port, flags: ACK, seq: 9001, ack: 1001 })),
    lan(udp({ src: CLIENT, dst: OUTSIDE }, { sport: port, dport: 80, payload: text(8) })),
    wan(tcp({ src: SERVER, dst: OUTSIDE }, { sport: port, dport: 80, flags: SYN, seq: 1000 })),
  ];
  return {
    setup: [
      `${tool} -t nat -A PREROUTING -d ${OUTSIDE} -p tcp --dport 80 -j DNAT --to-destination ${OTHER_CLIENT}`,
      `${tool} -t nat -A POSTROUTING -s 192.168.1.0/24 -o lan0 -j ${choice.pick(["MASQUERADE", `SNAT --to-source ${INSIDE}`])}`,
    ],
    steps: steps.filter(() => !choice.oneIn(6)),
  };
}

export const NAT_MIX: Kind = {
  name: "nat-mix",
  about: "SNAT, DNAT, MASQUERADE and REDIRECT together, hairpins among them",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const bent = choice.oneIn(4) ? hairpin(choice, tool) : { setup: [], steps: [] };
    const rules = choice.times(choice.between(1, 5), () => natRule(choice, tool));
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: [ROUTE, ...putIn(choice, tool, [...bent.setup, ...rules, ...stateCounters(tool)])],
      steps: [...bent.steps, ...traffic(choice, choice.between(3, 120))],
      finally: closing(tool),
    };
  },
};
