/**
 * Options of the tools that no other recording asks for, so that the page `/tracking/` claims of each only what Linux
 * said: iptables', its two companions', and the events that conntrack(8) tells, of packets and of other programs.
 */
import { HELPERS } from "../kinds/helpers.js";
import { makeScenario } from "../referee.js";
import type { Scenario } from "../scenario.js";
import { fromLan, fromWan, type Group, MASQUERADE, onRouter } from "./group.js";

const TOOLS: readonly string[] = ["iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy"];

const commands = (name: string, lines: readonly string[]): Scenario =>
  onRouter({ name, steps: lines.map((run) => ({ run })), finally: [] });

/** What may be fed to the restoring tool of either flavour. */
const FILE = "*filter\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n*mangle\n-A INPUT -p udp -j ACCEPT\nCOMMIT";

const restores = (tool: string, options: string): string => `${tool}-restore ${options} << 'END'\n${FILE}\nEND`;

/** Leaves out what is drawn: ports of programs, which Linux names where they still run, ids and moments. */
const PLAIN =
  "s/portid=[0-9]*\\( progname=conntrack\\)*/portid=N/; s/ id=[0-9]*//; s/<id>[0-9]*/<id>/; s/<when>.*<.when>//";

/** The tool runs beside the steps, and is read when they are over. */
const told = (name: string, options: string, steps: Scenario["steps"] = []): Scenario =>
  onRouter({
    name,
    setup: [MASQUERADE],
    steps: [
      { run: `conntrack ${options} > told 2> said & sleep 0.5` },
      ...steps,
      { run: `sleep 0.5; sed '${PLAIN}' told; cat said` },
    ],
    finally: [],
  });

/**
 * A timeout policy with a long name, of which Linux gives back four letters: what the tool reads back and puts in anew
 * is another policy's, or nobody's.
 */
function longName(tool: string, name: string): Scenario {
  const short = name.slice(0, 4);
  const raw = `${tool} -t raw`;
  const add = (policy: string, seconds: number): string => `nfct add timeout ${policy} inet udp unreplied ${seconds}`;
  const send = (port: number): string => `echo x | timeout 0.2 nc -n -u -p ${port} 198.51.100.9 53 || true`;
  return commands(`${tool}: a timeout policy of the name ${name}`, [
    add(name, 10),
    `${raw} -A OUTPUT -p udp -j CT --timeout ${name}`,
    ...["-S OUTPUT", "-L OUTPUT -n", "-Z"].map((what) => `${raw} ${what}`),
    send(4000),
    ...["-Z", "-Z OUTPUT 1", "-R OUTPUT 1 -p udp -j CT --timeout"].map((what) => `${raw} ${what}`),
    `${tool}-save -t raw -c | grep CT`,
    ...[name, short].map((policy) => `${raw} -C OUTPUT -p udp -j CT --timeout ${policy}`),
    ...["-N foo", "-P PREROUTING ACCEPT", "-F PREROUTING", "-A PREROUTING -p tcp -j ACCEPT"].map(
      (what) => `${raw} ${what}`,
    ),
    `nfct delete timeout ${name}`,
    add(short, 33),
    `${raw} -A OUTPUT -p udp -m udp --dport 77 -j CT --timeout ${name}`,
    "conntrack -F",
    send(4001),
    "conntrack -L -p udp",
    ...[name, short].map((policy) => `nfct delete timeout ${policy}`),
    `${tool}-save -t raw | ${tool}-restore`,
    ...[name, short].map((policy) => `${raw} -D OUTPUT -p udp -j CT --timeout ${policy}`),
    `${raw} -S`,
    `${raw} -F`,
    ...[name, short].map((policy) => `nfct delete timeout ${policy}`),
    "nfct list timeout",
  ]);
}

/** nfct's words: cut short, in either order, too many and too few. */
const NFCT = `
add timeout a inet udp unreplied 3
ad t b inet udp unreplied 3
t a c inet udp unreplied 3
add timeout abcdefghijklmnopqrstuvwxyz0123456789 inet udp unreplied 3
get timeout abcdefghijklmnopqrstuvwxyz0123456789
l timeout
list ""
"" ""
t l
li time x
lis timeouts
list timeoutx
listx timeout
list version
flush v
version
version timeout
h timeout
hel version
help list
list help
t t
x y
timeout x
g timeout a
get timeout a b
get timeout
d timeout a
de timeout b c
def timeout
default-g timeout inet udp x
default-sett timeout
di timeout
fl timeout x
f timeout
list helper x
h l
ad helper
add helper a inet udp
add helper a ine udp
add helper ftp inet icmp
add helper ftp inet tcp x
add helper tns inet udp
disable helper a b
disable helper ftp inet tcp
disable helper ftp inet udp
get helper
get helper x ine udp
get helper x inet sctp
get helper x inet udp 4
delete helper x y
delete helper x inet tcp
flush helper
enable helper
`;

const from = "192.168.1.10:4000";
const to = "198.51.100.9:53";
const ADD = "-p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2 -t 100";

/** Packets and commands that make, change and end connections. */
const LIFE: Scenario["steps"] = [
  fromLan.udp(from, to),
  fromWan.udp(to, "198.51.100.1:4000"),
  { run: `conntrack -I ${ADD}` },
  { run: "conntrack -U -p udp -s 10.0.0.1 -m 7" },
  { run: "conntrack -D -p udp -s 10.0.0.1" },
  { run: "conntrack -F" },
];

export const TOOL_OPTIONS: Group = {
  name: "options",
  about: "options of the tools that no other recording asks for, and the events that conntrack tells",
  scenarios: () => [
    ...TOOLS.flatMap((tool) => [
      commands(`${tool}: version, family, waiting`, [
        `${tool} -V`,
        `${tool} -h`,
        `${tool} -p tcp --help | tail -20`,
        `${tool} --version`,
        `${tool} -4 -S`,
        `${tool} --ipv6 -S`,
        `${tool} -w 1 -W 1000 -S`,
        `${tool} --wait=1 --wait-interval=5 -A INPUT -j ACCEPT`,
        `${tool} -M /bin/true -A INPUT -j ACCEPT`,
        `${tool} -S`,
      ]),
      commands(`${tool}-save: every option`, [
        `${tool} -A INPUT -j ACCEPT`,
        `${tool}-save -V`,
        ...["-d", "-M /bin/true", "-t filter", "-c", "--counters --table filter"].map(
          (option) => `${tool}-save ${option} | grep -v '^#'`,
        ),
        `${tool}-save -f saved; grep -v '^#' saved`,
        `${tool}-save --file; echo $?`,
      ]),
      commands(`${tool}-restore: every option`, [
        `${tool}-restore -V`,
        `${tool}-restore -h`,
        ...["-v", "-T filter", "-n -T mangle", "-M /bin/true", "-w 1 -W 1000", "-t -v", "-c"].flatMap((options) => [
          restores(tool, options),
          `${tool} -S; ${tool} -t mangle -S INPUT`,
        ]),
      ]),
    ]),
    ...[
      "",
      "-e ALL",
      "-e NEW",
      "-e UPDATES",
      "-e DESTROY",
      "-e NEW,DESTROY",
      "-o id",
      "-p udp --orig-src 192.168.1.10",
    ].map((options) => told(`conntrack -E ${options}`.trim(), `-E ${options}`, LIFE)),
    told("conntrack -E -o userspace tells of other programs by their port", "-E -o userspace,extended", LIFE),
    told("conntrack -E -o xml", "-E -o xml", LIFE),
    told("conntrack -E -o save", "-E -o save", LIFE),
    ...TOOLS.slice(0, 2).flatMap((tool) => ["slow", "slowest"].map((name) => longName(tool, name))),
    commands(
      "nfct: words cut short, in either order, too many and too few",
      NFCT.trim()
        .split("\n")
        .map((words) => `nfct ${words}`),
    ),
    // Some of the helper that the others' draws leave out.
    ...Array.from({ length: 80 }, (_, index) => makeScenario(HELPERS, 618, index))
      .filter(({ setup = [] }) => setup.some((line) => line.includes("--helper pptp")))
      .slice(0, 3),
  ],
};
