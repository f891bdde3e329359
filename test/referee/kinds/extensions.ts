/** Random rules over the extensions of `extension-rules.ts`, one a rule, so that its counter tells what it took. */
import type { Choice } from "../choice.js";
import { ACK, ipv4, PSH, SYN, tcp, text } from "../packets.js";
import type { PacketStep } from "../scenario.js";
import { anywhereTarget, connectionMatch, extensionMatch, mangleTarget, placedMatch } from "./extension-rules.js";
import {
  CLIENT,
  closing,
  DEVICES,
  FORWARDING,
  type Kind,
  lan,
  putIn,
  ROUTE,
  SERVER,
  TOOLS,
  translation,
} from "./router.js";
import { setRule, setsOf } from "./sets.js";
import { anyPacket } from "./traffic.js";

const CHAINS: Readonly<Record<string, readonly string[]>> = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
};

function rule(choice: Choice, tool: string): string {
  const table = choice.pick(["raw", "mangle", "mangle", "filter", "filter"]);
  const chain = choice.pick(CHAINS[table]);
  const words = [tool, "-t", table, "-A", chain];
  if (table === "mangle" && choice.oneIn(2)) return [...words, mangleTarget(choice, chain)].join(" ");
  if (choice.oneIn(5)) return [...words, setRule(choice, table, setsOf(false))].join(" ");
  const placed = choice.oneIn(6) ? placedMatch(choice, table, chain) : null;
  if (placed !== null) words.push(placed);
  else if (table !== "raw" && choice.oneIn(4)) words.push(connectionMatch(choice));
  else words.push(extensionMatch(choice));
  if (choice.oneIn(5)) words.push(choice.pick(["-j DROP", "-j ACCEPT", anywhereTarget(choice)]));
  return words.join(" ");
}

/** Options that a SYN carries, in an order of the day. */
function synOptions(choice: Choice): Uint8Array {
  const parts = choice
    .times(choice.below(4), () =>
      choice.pick([
        [2, 4, 5, 0xb4],
        [1, 3, 3, 7],
        [1, 1, 4, 2],
        [1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0],
      ]),
    )
    .flat();
  return Uint8Array.from(parts.slice(0, 40));
}

function step(choice: Choice, earlier: readonly PacketStep[]): PacketStep {
  const ip = { src: CLIENT, dst: SERVER, tos: choice.pick([0, 1, 2, 3, 0x10]), ttl: choice.pick([64, 2]) };
  const ports = { sport: choice.pick([1000, 40_000]), dport: choice.pick([80, 443]) };
  return choice.pick<() => PacketStep>([
    () => anyPacket(choice, earlier),
    () => anyPacket(choice, earlier),
    () =>
      lan(
        tcp(ip, { ...ports, flags: SYN | choice.pick([0, 0x40, 0x80, 0xc0]), seq: 1000, options: synOptions(choice) }),
      ),
    () =>
      lan(
        tcp(ip, { ...ports, flags: PSH | ACK, seq: 1001, ack: 9001, options: synOptions(choice), payload: text(20) }),
      ),
    () => lan(ipv4({ ...ip, protocol: choice.pick([50, 51]) }, Uint8Array.from([0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 1]))),
  ])();
}

export const EXTENSIONS: Kind = {
  name: "extensions",
  about: "rules with every extension of the tables, one a rule, and its counter",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const steps: PacketStep[] = [];
    for (let left = choice.between(4, 80); left > 0; left--) steps.push(step(choice, steps));
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: [
        ROUTE,
        ...setsOf(false).setup,
        ...putIn(choice, tool, [
          ...choice.times(choice.between(1, 12), () => rule(choice, tool)),
          ...translation(choice, tool).setup,
        ]),
      ],
      steps,
      finally: [...closing(tool), ...setsOf(false).finally],
    };
  },
};
