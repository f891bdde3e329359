/** Random rules over the extensions of ip6tables, one a rule, so that its counter tells what it took. */
import type { Choice } from "../choice.js";
import { ACK, PSH, SYN, text } from "../packets.js";
import { type Extension, echo6, icmp6, ipv6, options6, routingHeader, tcp6, udp6 } from "../packets6.js";
import type { PacketStep } from "../scenario.js";
import { anywhereTarget } from "./extension-rules.js";
import { connectionMatch6, extensionMatch6, mangleTarget6 } from "./extension-rules6.js";
import { closing, type Kind, lan, putIn, wan } from "./router.js";
import {
  CLIENT,
  DEVICES_6,
  FAR_SERVER,
  FORWARDING_6,
  INSIDE,
  OTHER_CLIENT,
  OUTSIDE,
  ROUTES_6,
  SERVER,
} from "./router6.js";
import { setRule, setsOf } from "./sets.js";

const CHAINS: Readonly<Record<string, readonly string[]>> = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
};
const TOOLS_6: readonly string[] = ["ip6tables-legacy", "ip6tables-legacy", "ip6tables"];
const CLIENTS = [CLIENT, CLIENT, OTHER_CLIENT];
const SERVERS = [SERVER, SERVER, FAR_SERVER];
const ROUTER = [INSIDE, OUTSIDE];

/** Matches of one hook alone. */
function placedMatch6(choice: Choice, table: string, chain: string): string | null {
  if (chain === "PREROUTING" && (table === "raw" || table === "mangle"))
    return `-m rpfilter ${choice.pick(["", "--invert", "--loose", "--accept-local --invert"])}`.trim();
  if (chain === "PREROUTING" || chain === "INPUT") return "-m policy --dir in --pol none";
  return chain === "OUTPUT" ? "-m policy --dir out --pol none" : null;
}

function rule(choice: Choice, tool: string): string {
  const table = choice.pick(["raw", "mangle", "mangle", "filter", "filter"]);
  const chain = choice.pick(CHAINS[table]);
  const words = [tool, "-t", table, "-A", chain];
  if (table === "mangle" && choice.oneIn(2)) return [...words, mangleTarget6(choice, chain)].join(" ");
  if (choice.oneIn(5)) return [...words, setRule(choice, table, setsOf(true))].join(" ");
  const placed = choice.oneIn(6) ? placedMatch6(choice, table, chain) : null;
  if (placed !== null) words.push(placed);
  else if (table !== "raw" && choice.oneIn(4)) words.push(connectionMatch6(choice));
  else words.push(extensionMatch6(choice, chain));
  if (choice.oneIn(5)) words.push(choice.pick(["-j DROP", "-j ACCEPT", anywhereTarget(choice)]));
  return words.join(" ");
}

function extensions(choice: Choice): readonly Extension[] {
  const options = choice.pick([[], [5, 2, 0, 0], [0x1e, 2, 0, 0], [5, 2, 0, 0, 0x1e, 2, 0, 0], [0, 5, 2, 0, 0]]);
  const addresses = ["2001:db8:7::1", "2001:db8:7::2", "2001:db8:7::3"].slice(0, choice.below(4));
  return choice.pick<() => readonly Extension[]>([
    () => [],
    () => [],
    () => [options6(0, options)],
    () => [options6(60, options)],
    () => [options6(0), options6(60, options)],
    () => [routingHeader(0, choice.below(2), addresses)],
    () => [routingHeader(2, 1, addresses)],
    () => [
      routingHeader(4, choice.below(4), addresses.length === 0 ? ["2001:db8:7::1"] : addresses, choice.pick([0, 5])),
    ],
    () => [{ header: 51, bytes: Uint8Array.from([0, 4, 0, choice.below(2), 0, 0, 0, 5, ...Array(16).fill(0)]) }],
  ])();
}

/** Options that a SYN carries, in an order of the day. */
function synOptions(choice: Choice): Uint8Array {
  const parts = choice.times(choice.below(4), () =>
    choice.pick([
      [2, 4, 5, 0xb4],
      [1, 3, 3, 7],
      [1, 1, 4, 2],
    ]),
  );
  return Uint8Array.from(parts.flat());
}

function step(choice: Choice): PacketStep {
  const inward = choice.oneIn(4);
  const client = choice.pick(CLIENTS);
  const server = choice.oneIn(6)
    ? choice.pick([...ROUTER, "2001:db8:5::1", "2001:db8:8::1", "ff02::1"])
    : choice.pick(SERVERS);
  const dst = inward ? client : server;
  const ip = {
    src: inward ? choice.pick(SERVERS) : client,
    dst,
    trafficClass: choice.pick([0, 0, 1, 2, 3, 0x10, 0xb8]),
    hopLimit: choice.pick([64, 64, 64, 2, 3, 255]),
    extensions: extensions(choice),
  };
  const client4 = { sport: choice.pick([4000, 4001]), dport: choice.pick([53, 80]) };
  const ports = inward ? { sport: client4.dport, dport: client4.sport } : client4;
  const arrives = inward ? wan : lan;
  return choice.pick<() => PacketStep>([
    () => arrives(udp6(ip, { ...ports, payload: text(choice.pick([0, 18, 68, 69, 300])) })),
    () => arrives(udp6(ip, { ...ports, payload: text(18) })),
    () => arrives(tcp6(ip, { ...ports, flags: SYN, seq: 1000, options: synOptions(choice) })),
    () => arrives(tcp6(ip, { ...ports, flags: PSH | ACK, seq: 1001, ack: 9001, payload: text(20) })),
    () => arrives(echo6(ip, 7, 1, inward)),
    () => arrives(icmp6(ip, { type: choice.pick([130, 139, 200]), rest: 9 })),
    () => arrives(ipv6(ip, 135, Uint8Array.from([choice.pick([59, 59, 17]), 0, choice.below(8), 0, 0, 0, 0, 0]))),
    () => arrives(ipv6(ip, 50, Uint8Array.from([0, 0, 0, 5, 0, 0, 0, 1]))),
    () => arrives(ipv6(ip, 59, text(8))),
  ])();
}

export const EXTENSIONS_6: Kind = {
  name: "extensions6",
  about: "ip6tables' rules with every extension, one a rule, and its counter",
  make(choice) {
    const tool = choice.pick(TOOLS_6);
    const rules = choice.times(choice.between(1, 12), () => rule(choice, tool));
    if (choice.oneIn(2)) rules.push(`${tool} -A FORWARD -m conntrack --ctstate NEW`);
    return {
      devices: DEVICES_6,
      sysctl: FORWARDING_6,
      setup: [...ROUTES_6, ...setsOf(true).setup, ...putIn(choice, tool, rules)],
      steps: choice.times(choice.between(4, 80), () => step(choice)),
      finally: [...closing(tool), ...setsOf(true).finally],
    };
  },
};
