/** Runs the scenarios of commands on real Linux and in the lab, and compares what both print, by named rules only. */
import { execFileSync, spawnSync } from "node:child_process";
import { deterministicMac } from "@netfilter-lab/engine";
import { Lab, type LabConfig, theQuestion } from "netfilter-lab";
import { hostSysctls } from "../../packages/lab/src/host-sysctls.ts";
import type { Scenario, Step } from "./commands-scenarios.ts";

/** What one step printed. */
export interface StepOutput {
  readonly host: Step[0];
  readonly command: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** Runs at the same time do not meet. */
const PREFIX = `labk${process.pid}-`;

interface Rule {
  readonly why: string;
  readonly apply: (text: string) => string;
}

/** Rules for scenarios without IPv6: the lab's hosts have it only with an address of it. */
const IPV4_RULES: readonly Rule[] = [
  {
    why: "Linux has link-local addresses, here in brief listings",
    apply: (text) => text.replace(/ [0-9a-f]*:[0-9a-f:]+\/\d+(?= )/g, ""),
  },
  { why: "and here in long ones", apply: (text) => text.replace(/^.*inet6 .*\n(.*valid_lft.*\n)?/gm, "") },
];

/** Rules for scenarios with IPv6. */
const IPV6_RULES: readonly Rule[] = [
  {
    why: "an entry that lately answered is on its way from one state to the next",
    apply: (text) => text.replace(/(REACHABLE|STALE|DELAY|PROBE) $/gm, "KNOWN "),
  },
];

/** What is free to differ, and how it is made the same. Each rule has its reason. */
const RULES: readonly Rule[] = [
  {
    why: "MAC addresses are random on Linux",
    apply: (text) => text.replace(/(ether|lladdr) [0-9a-f:]{17}/g, "$1 MAC"),
  },
  { why: "the same, in brief listings", apply: (text) => text.replace(/(UP|DOWN)( +)[0-9a-f:]{17} </g, "$1$2MAC <") },
  {
    why: "namespaces of the test have a prefix",
    apply: (text) => text.replaceAll(`link-netns ${PREFIX}`, "link-netns "),
  },
  {
    why: "a bash -c counts lines, an interactive one does not",
    apply: (text) => text.replace(/^bash: (-c: )?line \d+: /gm, "bash: "),
  },
  {
    why: "bash -c shows the line of a syntax error as well",
    apply: (text) => text.replace(/^bash: `.*'\n/gm, "").replace(/^bash: -c: /gm, "bash: "),
  },
  {
    why: "bash reports an unclosed quote and then the end of the file",
    apply: (text) => text.replace(/(bash: unexpected EOF.*\n)bash: syntax error: unexpected end of file\n/g, "$1"),
  },
  { why: "round trips take their own time", apply: (text) => text.replace(/time=[\d.]+ ms/g, "time=T ms") },
  {
    why: "and so does their summary",
    apply: (text) => text.replace(/= [\d.]+\/[\d.]+\/[\d.]+\/[\d.]+ ms/g, "= RTT ms"),
  },
  { why: "and the run as a whole", apply: (text) => text.replace(/, time \d+ms/g, ", time Tms") },
  { why: "initial sequence numbers are random", apply: (text) => text.replace(/(\b(?:seq|ack) )\d{5,}/g, "$1N") },
  {
    why: "and so are timestamps' offsets",
    apply: (text) => text.replace(/TS val \d+ ecr [1-9]\d*/g, "TS val T ecr T"),
  },
  { why: "the same, of a first segment", apply: (text) => text.replace(/TS val \d+ ecr 0/g, "TS val T ecr 0") },
  {
    why: "ICMP echo and IP ids are random",
    apply: (text) => text.replace(/(re(?:quest|ply), id |, id )[1-9]\d*(?=, (?:seq|offset))/g, "$1N"),
  },
  {
    why: "MAC addresses, as tcpdump -e has them",
    apply: (text) =>
      text
        .replace(/(ifindex \d+ |^)(?!00:00)[0-9a-f:]{17}( > [0-9a-f:]{17},)?/gm, "$1MAC$2")
        .replace(/MAC > [0-9a-f:]{17}/g, "MAC > MAC"),
  },
  { why: "ICMP and conntrack ids are random", apply: (text) => text.replace(/(\bid=|<id>|--icmp-id )\d+/g, "$1N") },
  {
    why: "real commands take real time, of which short-lived entries tell",
    apply: (text) => text.replace(/(icmp +1 |udp +17 |-t |<timeout>)(30|[12]?\d)(?= |<)/g, "$1T"),
  },
];

export function normalise(text: string, ipv6 = false): string {
  return [...(ipv6 ? IPV6_RULES : IPV4_RULES), ...RULES].reduce((result, rule) => rule.apply(result), text);
}

const HOSTS = ["client", "gateway", "server"] as const;

/** Why the real kernel cannot be asked here; null when it can. */
export function whyNoKernel(): string | null {
  if (process.getuid?.() !== 0) return "needs root";
  for (const [tool, pkg] of [
    ["ip", "iproute2"],
    ["iptables", "iptables"],
    ["conntrack", "conntrack"],
    ["nc", "netcat-openbsd"],
    ["ping", "iputils-ping"],
    ["sysctl", "procps"],
  ])
    if (spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0) return `needs the Debian package ${pkg}`;
  if (spawnSync("ip", ["netns", "add", `${PREFIX}probe`]).status !== 0) return "may not make network namespaces";
  execFileSync("ip", ["netns", "del", `${PREFIX}probe`]);
  return null;
}

function removeNamespaces(): void {
  for (const host of HOSTS) spawnSync("ip", ["netns", "del", PREFIX + host]);
}

function makeNamespaces(ipv6: boolean): void {
  removeNamespaces();
  const [c, g, s] = HOSTS.map((host) => PREFIX + host);
  const added = [c, g, s].map((name) => `ip netns add ${name}`);
  const write = (name: string, key: string, value: string): string =>
    `ip netns exec ${name} sysctl -qw ${key}=${value}`;
  // As the lab's own backend begins: nothing of IPv6 is said unasked. (A router's solicitation, sixteen seconds after
  // the link came up, was counted by a tcpdump that should have seen nothing.)
  const quiet = [c, g, s].flatMap((name) => hostSysctls(ipv6).map(([key, value]) => write(name, key, value)));
  const devices = [
    [c, "client", "eth0", 2],
    [g, "gateway", "eth0", 2],
    [g, "gateway", "eth1", 3],
    [s, "server", "eth0", 2],
  ] as const;
  // MAC addresses are the engine's.
  const macs = devices.map(
    ([name, host, device, index]) =>
      `ip -n ${name} link set ${device} address ${Buffer.from(deterministicMac({ name: host }, index))
        .toString("hex")
        .replace(/(..)(?=.)/g, "$1:")}`,
  );
  const addresses6 = [
    ...theQuestion6.flatMap(([host, device, address]) => `ip -n ${PREFIX}${host} addr add ${address} dev ${device}`),
    ...Object.entries(routes6).map(([host, route]) => `ip -n ${PREFIX}${host} -6 route add ${route}`),
    write(g, "net.ipv6.conf.all.forwarding", "1"),
    ...[c, g, s].map((name) => write(name, "net.ipv6.icmp.ratelimit", "0")),
    // A link is up a moment after it was set up; its routes say so.
    "sleep 0.3",
  ];
  const lines = [
    ...[c, g, s].map((name) => `ip -n ${name} link set lo up`),
    `ip link add eth0 netns ${c} type veth peer name eth0 netns ${g}`,
    `ip link add eth1 netns ${g} type veth peer name eth0 netns ${s}`,
    ...(ipv6 ? macs : []),
    `ip -n ${c} addr add 192.168.2.55/24 dev eth0; ip -n ${c} link set eth0 up`,
    `ip -n ${g} addr add 192.168.2.1/24 dev eth0; ip -n ${g} link set eth0 up`,
    `ip -n ${g} addr add 193.157.56.3/24 dev eth1; ip -n ${g} link set eth1 up`,
    `ip -n ${s} addr add 193.157.56.1/24 dev eth0; ip -n ${s} addr add 217.254.1.76/32 dev eth0`,
    `ip -n ${s} link set eth0 up`,
    `ip -n ${c} route add default via 192.168.2.1`,
    `ip -n ${g} route add default via 193.157.56.1`,
    `ip netns exec ${g} sysctl -qw net.ipv4.ip_forward=1`,
    // Nor does a neighbour ask whether the other is still there, as it would after five seconds of real time.
    ...devices.flatMap(([name, , device]) =>
      (ipv6 ? ["ipv4", "ipv6"] : ["ipv4"]).flatMap((family) => [
        write(name as string, `net.${family}.neigh.${device}.base_reachable_time_ms`, "86400000"),
        write(name as string, `net.${family}.neigh.${device}.delay_first_probe_time`, "86400"),
      ]),
    ),
    // How many ICMP errors Linux holds back depends on the real time that passes between commands.
    ...[c, g, s].map((name) => `ip netns exec ${name} sysctl -qw net.ipv4.icmp_ratelimit=0`),
  ];
  execFileSync("sh", ["-ec", [...added, ...quiet, ...lines, ...(ipv6 ? addresses6 : [])].join("\n")]);
}

/** The scenario on the machine's own Linux, in namespaces that are removed afterwards. */
export function runOnLinux(scenario: Scenario): StepOutput[] {
  makeNamespaces(scenario.ipv6 ?? false);
  try {
    return scenario.steps.map(([host, command]) => {
      const result = spawnSync("ip", ["netns", "exec", PREFIX + host, "bash", "-c", command], {
        encoding: "utf8",
        input: "",
        timeout: 20_000,
        cwd: "/tmp",
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LC_ALL: "C.UTF-8", TZ: "UTC" },
      });
      return { host, command, stdout: result.stdout, stderr: result.stderr, status: result.status ?? -1 };
    });
  } finally {
    removeNamespaces();
  }
}

/** What the question's hosts have of IPv6 besides. */
const theQuestion6 = [
  ["client", "eth0", "fd00:2::55/64"],
  ["gateway", "eth0", "fd00:2::1/64"],
  ["gateway", "eth1", "2001:db8:56::3/64"],
  ["server", "eth0", "2001:db8:56::1/64"],
] as const;
const routes6 = { client: "default via fd00:2::1", gateway: "default via 2001:db8:56::1" } as const;

/** The question's lab with both families. */
function dualStack(): LabConfig<(typeof HOSTS)[number]> {
  const hosts = structuredClone(theQuestion.hosts) as Record<(typeof HOSTS)[number], Record<string, unknown>>;
  for (const [host, device, address] of theQuestion6)
    hosts[host][device] = [hosts[host][device] as string, address].flat();
  for (const [host, route] of Object.entries(routes6) as [(typeof HOSTS)[number], string][])
    hosts[host].routes = [...((hosts[host].routes as string[] | undefined) ?? []), route];
  return { ...theQuestion, hosts: hosts as LabConfig<(typeof HOSTS)[number]>["hosts"] };
}

/** The scenario in the lab. */
export async function runInLab(scenario: Scenario): Promise<StepOutput[]> {
  const ipv6 = scenario.ipv6 ?? false;
  const lab = await Lab.create(ipv6 ? dualStack() : theQuestion);
  for (const host of HOSTS) await lab.hosts[host].sh`sysctl -qw net.ipv4.icmp_ratelimit=0`;
  if (ipv6) for (const host of HOSTS) await lab.hosts[host].sh`sysctl -qw net.ipv6.icmp.ratelimit=0`;
  const outputs: StepOutput[] = [];
  for (const [host, command] of scenario.steps) {
    const { stdout, stderr, status } = await lab.hosts[host].sh(command);
    outputs.push({ host, command, stdout, stderr, status });
  }
  return outputs;
}

/** One readable block a step, for a comparison that shows where two runs part. */
export function transcript(outputs: readonly StepOutput[], { ipv6 = false }: Scenario): string {
  return outputs
    .map(({ host, command, stdout, stderr, status }) => {
      const lines = [`${host}$ ${command.replaceAll("\n", "\\n")}`, normalise(stdout, ipv6).trimEnd()];
      const errors = normalise(stderr, ipv6).trimEnd();
      if (errors !== "") lines.push(...errors.split("\n").map((line) => `2> ${line}`));
      if (status !== 0) lines.push(`[${status}]`);
      return lines.filter((line) => line !== "").join("\n");
    })
    .join("\n");
}
