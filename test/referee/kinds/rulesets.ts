/**
 * Random rules in every table and chain, from all matches and targets that the engine has; counters tell what matched.
 */
import type { Choice } from "../choice.js";
import { natRule } from "./nat-mix.js";
import { closing, DEVICES, FORWARDING, type Kind, putIn, ROUTE, TOOLS } from "./router.js";
import { traffic } from "./traffic.js";

const CHAINS: Readonly<Record<string, readonly string[]>> = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
};

/** An option that may be turned round. */
function turned(choice: Choice, option: string): string {
  return choice.oneIn(5) ? `! ${option}` : option;
}

function addresses(choice: Choice): string {
  const address = choice.pick([
    "192.168.1.0/24",
    "192.168.1.10",
    "198.51.100.0/24",
    "198.51.100.9",
    "0.0.0.0/0",
    "128.0.0.0/1",
  ]);
  return turned(choice, `${choice.pick(["-s", "-d"])} ${address}`);
}

function protocolMatch(choice: Choice): string {
  const port = choice.pick(["80", "53", "1000:2000", "0:1023", "40000:65535", "443"]);
  const flags = choice.pick(["SYN,ACK SYN", "ALL NONE", "FIN,SYN,RST,ACK SYN", "RST RST", "ALL SYN,FIN"]);
  return choice.pick([
    "-p tcp",
    "-p udp",
    "-p icmp",
    "! -p tcp",
    `-p tcp ${turned(choice, `--dport ${port}`)}`,
    `-p tcp ${turned(choice, `--sport ${port}`)}`,
    `-p udp ${turned(choice, `--dport ${port}`)}`,
    `-p tcp ${turned(choice, `--tcp-flags ${flags}`)}`,
    `-p tcp ${turned(choice, "--syn")}`,
    `-p tcp --tcp-option ${choice.pick([2, 8])}`,
    `-p icmp --icmp-type ${choice.pick(["echo-request", "echo-reply", "destination-unreachable", "3/3", "any", "timestamp-request"])}`,
    `-p ${choice.pick(["tcp", "udp"])} -m multiport ${turned(choice, `--${choice.pick(["dports", "sports", "ports"])} 53,80,1000:2000`)}`,
  ]);
}

function stateMatch(choice: Choice): string {
  const states = choice.pick([
    "NEW",
    "ESTABLISHED",
    "RELATED",
    "INVALID",
    "NEW,RELATED",
    "RELATED,ESTABLISHED",
    "UNTRACKED",
    "SNAT",
    "DNAT",
  ]);
  const plain = choice.pick(["NEW", "ESTABLISHED,RELATED", "INVALID", "UNTRACKED"]);
  return `-m ${choice.pick([
    `conntrack ${turned(choice, `--ctstate ${states}`)}`,
    `conntrack ${turned(choice, `--ctstate ${states}`)}`,
    `conntrack --ctdir ${choice.pick(["ORIGINAL", "REPLY"])}`,
    `conntrack --ctstatus ${choice.pick(["NONE", "SEEN_REPLY", "ASSURED", "CONFIRMED", "SEEN_REPLY,ASSURED"])}`,
    `conntrack --ctproto ${choice.pick(["tcp", "udp", "icmp"])}`,
    `conntrack ${turned(choice, `--ctorigsrc 192.168.1.${choice.pick(["10", "0/24"])}`)}`,
    `conntrack --ctreplsrc 198.51.100.9`,
    `conntrack --ctorigdst 198.51.100.0/24`,
    `conntrack --ctorigdstport 80`,
    // Of an entry not confirmed yet, Linux says otherwise in the first minutes after it was started: only of later
    // ones.
    `conntrack --ctstate ESTABLISHED ${turned(choice, `--ctexpire ${choice.pick(["0:40", "100:500000"])}`)}`,
    `state ${turned(choice, `--state ${plain}`)}`,
  ])}`;
}

function otherMatch(choice: Choice): string {
  return choice.pick([
    turned(choice, `-i ${choice.pick(["lan0", "wan0", "lan+"])}`),
    "-f",
    "! -f",
    `-m mark ${turned(choice, `--mark ${choice.pick(["0x1", "0x2/0x2", "0"])}`)}`,
    `-m connmark ${turned(choice, `--mark ${choice.pick(["0x1", "0x4/0x4"])}`)}`,
    `-m addrtype ${turned(choice, `--${choice.pick(["dst-type", "src-type"])} ${choice.pick(["LOCAL", "UNICAST", "BROADCAST", "MULTICAST"])}`)}`,
    `-m comment --comment "rule ${choice.below(100)}"`,
    // A refill takes an hour: only the burst counts here.
    `-m limit --limit 1/hour --limit-burst ${choice.between(1, 4)}`,
  ]);
}

function target(choice: Choice, table: string, chain: string, own: string): string {
  const all = ["ACCEPT", "DROP", "RETURN", own, own, `MARK --set-mark 0x${choice.between(1, 3)}`];
  if (table === "filter")
    return choice.pick([
      ...all.slice(0, 5),
      "REJECT",
      `REJECT --reject-with ${choice.pick(["icmp-port-unreachable", "icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-net-prohibited", "icmp-host-prohibited", "icmp-admin-prohibited"])}`,
      "CONNMARK --save-mark",
      "",
    ]);
  if (table === "raw")
    return choice.pick([
      "ACCEPT",
      "CT --notrack",
      "NOTRACK",
      "DROP",
      own,
      `MARK --set-mark 0x${choice.between(1, 3)}`,
      "",
    ]);
  return choice.pick([
    ...all,
    "CONNMARK --save-mark",
    "CONNMARK --restore-mark",
    `CONNMARK --set-mark 0x${choice.between(1, 7)}`,
    `MARK --or-mark 0x${choice.between(1, 7)}`,
    `MARK --set-xmark 0x${choice.between(1, 7)}/0x${choice.between(1, 7)}`,
    `MARK --and-mark 0x${choice.between(1, 7)}`,
    ...(chain === "PREROUTING" ? ["CONNMARK --restore-mark --nfmask 0x3 --ctmask 0x1"] : []),
    "",
  ]);
}

/** Rules of one table with a chain of their own, each in the form of a command line. */
function rules(choice: Choice, tool: string, table: string): string[] {
  const own = `own-${table}`;
  const make = (chain: string): string => {
    const matches = choice
      .times(choice.below(3), () =>
        choice.pick([
          () => addresses(choice),
          () => protocolMatch(choice),
          () => (table === "raw" ? addresses(choice) : stateMatch(choice)),
          () => otherMatch(choice),
        ])(),
      )
      // An option twice is refused, and -i where no device brought the packet.
      .filter((match, index, list) => list.findIndex((other) => kindOf(other) === kindOf(match)) === index)
      .filter((match) => !(/-i /.test(match) && (chain === "OUTPUT" || chain === "POSTROUTING" || chain === own)));
    const jump = target(choice, table, chain, chain === own ? "RETURN" : own);
    const reset = table === "filter" && matches.some((match) => match.startsWith("-p tcp")) && choice.oneIn(6);
    const words = [tool, "-t", table, "-A", chain, ...matches];
    if (reset) words.push("-j REJECT --reject-with tcp-reset");
    else if (jump !== "") words.push(`-j ${jump}`);
    return words.join(" ");
  };
  return [
    `${tool} -t ${table} -N ${own}`,
    ...choice.times(choice.below(4), () => make(own)),
    ...choice.times(choice.between(1, 5), () => make(choice.pick(CHAINS[table]))),
    ...(table === "filter" && choice.oneIn(6) ? [`${tool} -P FORWARD DROP`] : []),
  ];
}

function kindOf(match: string): string {
  return /(-m \w+|-p|-s|-d|-i|-f)/.exec(match)?.[1] ?? match;
}

export const RULESETS: Kind = {
  name: "rulesets",
  about: "random rules over every match and target, with their counters",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const tables = Object.keys(CHAINS).filter(() => choice.oneIn(2));
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: [
        ROUTE,
        ...putIn(choice, tool, [
          ...(tables.length === 0 ? ["filter"] : tables).flatMap((table) => rules(choice, tool, table)),
          ...(choice.oneIn(2) ? [natRule(choice, tool)] : []),
        ]),
      ],
      steps: traffic(choice, choice.between(4, 120)),
      finally: closing(tool),
    };
  },
};
