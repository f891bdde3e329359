/**
 * Commands that are wrong: words left out, doubled, changed, put in and moved about in commands that are right. What
 * the tools say, their status, and what they did nevertheless must be the same; packets in between tell whether they
 * did.
 */
import type { Choice } from "../choice.js";
import type { Step } from "../scenario.js";
import { CLIENT, closing, DEVICES, FORWARDING, type Kind, OUTSIDE, ROUTE, SERVER, TOOLS } from "./router.js";
import { traffic } from "./traffic.js";

/** Words that are wrong nearly everywhere. */
const JUNK: readonly string[] = [
  "",
  "-",
  "--",
  "!",
  "-1",
  "0x",
  "0",
  "65536",
  "99999999999",
  "4294967296",
  "abc",
  "NOPE",
  "1.2.3",
  "1.2.3.4.5",
  "256.1.1.1",
  "10.0.0.0/33",
  "10.0.0.1/255.0.255.0",
  "a,b",
  "1:2:3",
  "9:8",
  "::1",
  "fd00::1/64",
  "1::2::3",
  "010",
  "1 2",
  "default",
  "any",
  "-j",
  "-p",
  "--nope",
  "-Z",
  "lan0",
  "a-name-that-is-longer-than-any-chain-may-have",
  "1/0",
];

const MATCHES: readonly string[] = [
  "-p tcp --dport 80",
  "-p udp --sport 1000:2000",
  "-p tcp --syn",
  "-p tcp --tcp-flags SYN,ACK SYN",
  "-p icmp --icmp-type echo-request",
  "-p tcp -m multiport --dports 53,80",
  "-m conntrack --ctstate NEW,ESTABLISHED",
  "-m state --state NEW",
  "-m mark --mark 0x1/0x3",
  "-m limit --limit 5/minute --limit-burst 3",
  "-m comment --comment words",
  "-m addrtype --dst-type LOCAL",
  `-s ${CLIENT}`,
  "-d 198.51.100.0/24",
  "-i lan0",
  "! -s 10.0.0.0/8",
  "-f",
];

function ruleWords(choice: Choice): string {
  const matches = choice.times(choice.below(3), () => choice.pick(MATCHES)).join(" ");
  const [table, chain, target] = choice.pick([
    ["filter", "FORWARD", "ACCEPT"],
    ["filter", "INPUT", "DROP"],
    ["filter", "FORWARD", "REJECT --reject-with icmp-host-unreachable"],
    ["filter", "OUTPUT", "own"],
    ["filter", "own", "RETURN"],
    ["nat", "POSTROUTING", `SNAT --to-source ${OUTSIDE}:1000-2000`],
    ["nat", "POSTROUTING", "MASQUERADE --to-ports 3000-4000"],
    ["nat", "PREROUTING", `DNAT --to-destination ${CLIENT}:8080`],
    ["nat", "PREROUTING", "REDIRECT --to-ports 3128"],
    ["mangle", "PREROUTING", "MARK --set-mark 0x1"],
    ["mangle", "FORWARD", "CONNMARK --save-mark"],
    ["raw", "PREROUTING", "NOTRACK"],
    ["filter", "FORWARD", "LOG --log-prefix seen --log-level info"],
  ] as const);
  const command = choice.pick([
    `-A ${chain}`,
    `-A ${chain}`,
    `-I ${chain} 1`,
    `-D ${chain}`,
    `-C ${chain}`,
    `-R ${chain} 1`,
  ]);
  return `-t ${table} ${command} ${matches} -j ${target}`;
}

const six = (tool: string): string => tool.replace(/^ip/, "ip6");

/** A command that is right, or would be if what it names were there. */
function right(choice: Choice, tool: string): string {
  return choice.pick([
    () => `${tool} ${ruleWords(choice)}`,
    () => `${tool} ${ruleWords(choice)}`,
    () => `${tool} ${ruleWords(choice)}`,
    () =>
      `${tool} -t ${choice.pick(["filter", "nat"])} ${choice.pick(["-L", "-S", "-F", "-Z", "-X"])} ${choice.pick(["own", "FORWARD", "POSTROUTING"])}`,
    () => `${tool} -L FORWARD -v -n -x --line-numbers`,
    () => `${tool} -D FORWARD ${choice.between(1, 3)}`,
    () => `${tool} -N ${choice.pick(["own", "other"])}`,
    () => `${tool} -E other another`,
    () => `${tool} -P FORWARD ${choice.pick(["DROP", "ACCEPT"])}`,
    () => `conntrack -L -p ${choice.pick(["tcp", "udp"])} -s ${CLIENT}`,
    () => `conntrack -D -p udp --dport 53 -d ${SERVER}`,
    () => `conntrack -D -s ${CLIENT} --mark 1`,
    () => `conntrack -G -p udp -s ${CLIENT} -d ${SERVER} --sport 1000 --dport 53`,
    () => "conntrack -L -o extended --src-nat",
    () => "conntrack -C",
    () => "conntrack -F",
    () => "conntrack -L expect",
    () => "ip addr add 198.51.100.20/24 dev wan0",
    () => "ip addr del 198.51.100.20/24 dev wan0",
    () => "ip route add 203.0.113.0/24 via 198.51.100.9 dev wan0 metric 5",
    () => "ip route del 203.0.113.0/24 dev wan0",
    () => "ip link set wan0 mtu 1400",
    () => "ip link set dev wan0 up",
    () => `ip route get ${SERVER}`,
    () => "ip -4 addr show dev wan0",
    () => "ip route show",
    () => "ip -br link show up",
    () => "ip neigh show dev lan0",
    () => "ip rule add from 192.168.1.0/24 table 7 pref 100",
    () => "ip rule del pref 100",
    () => "ip rule show",
    () => "ip route add default via 198.51.100.7 table 7",
    () => "ip route show table 7",
    () => "ip route flush table 7",
    () =>
      `ipset create -exist ${choice.pick(["some bitmap:ip range 198.51.100.0/24", "ports bitmap:port range 1-100", "all list:set size 8"])}`,
    () => `ipset add some ${SERVER} timeout 5`,
    () => "ipset test some 198.51.100.9 nomatch",
    () => "ipset list some -name -output save",
    () => "ipset del ports 80",
    () => "nfacct add http packets 3",
    () => "nfacct get http reset",
    () => "nfct timeout add policy inet udp unreplied 10 replied 20",
    () => "nfct timeout get policy",
    () => "nfct timeout delete policy",
    () =>
      `${six(tool)} -A FORWARD -p ipv6-icmp --icmpv6-type echo-request -s fd00::/8 -j REJECT --reject-with icmp6-port-unreachable`,
    () => `${six(tool)} -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination [fd00::1]:8080`,
    () => `${six(tool)} -D FORWARD 1`,
    () => `${six(tool)} -S`,
    () => "sysctl -w net.ipv4.ip_forward=1",
    () => "sysctl net.netfilter.nf_conntrack_max -n",
    () => "sysctl -q -w net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_events=2",
    () => "sysctl -n net.netfilter.nf_conntrack_udp_timeout",
    () => "sysctl -w net.netfilter.nf_conntrack_tcp_loose=1",
  ])();
}

/** Another list of words, wrong in one place (mostly). */
function broken(choice: Choice, words: readonly string[]): string[] {
  const at = choice.between(1, words.length - 1);
  const [before, word, after] = [words.slice(0, at), words[at], words.slice(at + 1)];
  return choice.pick<() => string[]>([
    () => [...before, ...after],
    () => [...before, word, word, ...after],
    () => [...before, choice.pick(JUNK), ...after],
    () => [...before, choice.pick(JUNK), ...after],
    () => [...before, choice.pick(JUNK), word, ...after],
    () => [...before, `${word}${choice.pick(["x", "0", ",", ":", "/", "-"])}`, ...after],
    () => [...before, word.slice(0, -1), ...after],
    () => [...before, word.toUpperCase(), ...after],
    () => words.slice(0, at),
    () => [...before, ...after.slice(0, 1), word, ...after.slice(1)],
  ])();
}

function quoted(word: string): string {
  return /^[\w.:/,=+-]+$/.test(word) ? word : `'${word}'`;
}

/** Input of iptables-restore of which a line is wrong, or missing. */
function restore(choice: Choice, tool: string): string {
  const rule = (): string => {
    const words = ruleWords(choice)
      .replace(/^-t \w+ /, "")
      .split(/ +/);
    return choice.oneIn(2)
      ? words.join(" ")
      : broken(choice, ["", ...words])
          .slice(1)
          .map(quoted)
          .join(" ");
  };
  const lines = [
    `*${choice.pick(["filter", "filter", "filter", "nat", "mangle", "raw", "nope"])}`,
    ":FORWARD ACCEPT [0:0]",
    ...(choice.oneIn(2) ? [":own - [0:0]"] : []),
    rule(),
    ...(choice.oneIn(2) ? [rule()] : []),
    "COMMIT",
  ];
  const wrong = choice.pick<readonly string[]>([
    lines,
    lines,
    lines.filter((_, index) => index !== choice.below(lines.length)),
    lines.map((line, index) =>
      index === 1 ? choice.pick([":FORWARD", ":FORWARD NOPE", ":NOPE ACCEPT", ":FORWARD ACCEPT [x]"]) : line,
    ),
    [...lines, "# done", ""],
    [choice.pick(["nonsense", "COMMIT", "-A FORWARD", ":own - [0:0]"]), ...lines],
  ]);
  const flags = choice.pick(["", "", "", " -n", " --test", " -c", " --nope"]);
  return [`${tool}-restore${flags} << 'END'`, ...wrong, "END"].join("\n");
}

export const WRONG_COMMANDS: Kind = {
  name: "wrong-commands",
  about: "commands with words missing, doubled, changed, put in and moved about",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const steps: Step[] = [];
    for (const packet of traffic(choice, choice.between(4, 24))) {
      const words = right(choice, tool).split(/ +/);
      steps.push(
        { run: choice.oneIn(6) ? restore(choice, tool) : broken(choice, words).map(quoted).join(" ") },
        packet,
      );
    }
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: [ROUTE, `${tool} -N own`, `${tool} -A FORWARD -m conntrack --ctstate INVALID -j own`],
      steps,
      finally: [...closing(tool), "ip -br addr", "ip route"],
    };
  },
};
