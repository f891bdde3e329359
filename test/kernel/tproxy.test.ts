/**
 * TPROXY on both backends: a router gives connections that go through it to a transparent socket of its own, in the
 * ways that the kernel's Documentation/networking/tproxy.rst and administrators know, and what becomes of them when a
 * part of it is missing.
 */
import { Lab, type LabConfig } from "netfilter-lab";
import { afterEach, describe, expect, test } from "vitest";

const labs: Lab[] = [];

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

const config: LabConfig<"client" | "router" | "server"> = {
  hosts: {
    client: { eth0: ["10.0.0.2/24", "fd00::2/64"] },
    router: { lan: ["10.0.0.1/24", "fd00::1/64"], wan: ["192.0.2.1/24", "fd01::1/64"] },
    server: { eth0: ["192.0.2.2/24", "fd01::2/64"] },
  },
  links: [
    ["client.eth0", "router.lan"],
    ["router.wan", "server.eth0"],
  ],
};

interface Family {
  readonly ip: "-4" | "-6";
  readonly tool: string;
  readonly tcp: string;
  readonly udp: string;
  readonly server: string;
  readonly any: string;
  readonly own: string;
}

const FAMILIES: readonly Family[] = [
  {
    ip: "-4",
    tool: "iptables-legacy",
    tcp: "TCP4",
    udp: "UDP4",
    server: "192.0.2.2",
    any: "0.0.0.0/0",
    own: "10.0.0.1",
  },
  { ip: "-6", tool: "ip6tables-legacy", tcp: "TCP6", udp: "UDP6", server: "[fd01::2]", any: "::/0", own: "fd00::1" },
];

const ROUTING = ["ip FAMILY rule add fwmark 1 lookup 100", "ip FAMILY route add local ANY dev lo table 100"];
const DIVERT = [
  "TOOL -t mangle -N DIVERT",
  "TOOL -t mangle -A PREROUTING -p tcp -m socket -j DIVERT",
  "TOOL -t mangle -A DIVERT -j MARK --set-mark 1",
  "TOOL -t mangle -A DIVERT -j ACCEPT",
];
const TPROXY = "TOOL -t mangle -A PREROUTING -p tcp --dport 80 -j TPROXY --on-port 3129 --tproxy-mark 0x1/0x1";
const LISTEN = "TCP-LISTEN:3129,ip-transparent,reuseaddr,fork";

interface Case {
  readonly name: string;
  readonly rules: readonly string[];
  /** The router's socket. */
  readonly listen: string;
  readonly udp?: boolean;
}

const CASES: readonly Case[] = [
  { name: "the whole recipe", rules: [...ROUTING, ...DIVERT, TPROXY], listen: LISTEN },
  { name: "TPROXY alone", rules: [...ROUTING, TPROXY], listen: LISTEN },
  { name: "no rule for the mark", rules: [...DIVERT, TPROXY], listen: LISTEN },
  { name: "no mark", rules: [...ROUTING, TPROXY.replace(" --tproxy-mark 0x1/0x1", "")], listen: LISTEN },
  {
    name: "a mark that is there already",
    rules: [
      ...ROUTING,
      "TOOL -t mangle -A PREROUTING -p tcp -j MARK --set-mark 0xf1",
      TPROXY.replace("0x1/0x1", "0x1/0xff"),
      "TOOL -t mangle -A INPUT -m mark --mark 0xf1",
      "TOOL -t mangle -A INPUT -m mark --mark 0x1",
    ],
    listen: LISTEN,
  },
  { name: "a socket that is not transparent", rules: [...ROUTING, TPROXY], listen: "TCP-LISTEN:3129,reuseaddr,fork" },
  { name: "another port", rules: [...ROUTING, TPROXY], listen: LISTEN.replace("3129", "3130") },
  {
    name: "the packet's port",
    rules: [...ROUTING, TPROXY.replace("--on-port 3129", "--on-port 0")],
    listen: LISTEN.replace("3129", "80"),
  },
  {
    name: "an address of another device",
    rules: [...ROUTING, `${TPROXY} --on-ip WAN`],
    listen: `${LISTEN},bind=WAN`,
  },
  { name: "bound to the device's address", rules: [...ROUTING, TPROXY], listen: `${LISTEN},bind=OWN` },
  {
    name: "bound to another address",
    rules: [...ROUTING, TPROXY],
    listen: `${LISTEN},bind=WAN`,
  },
  {
    name: "by the address of another host, without TPROXY",
    rules: [...ROUTING, "TOOL -t mangle -A PREROUTING -p tcp -m socket -j MARK --set-mark 1"],
    listen: "TCP-LISTEN:80,ip-transparent,reuseaddr,fork,bind=SERVER",
  },
  {
    name: "sockets told apart",
    rules: [
      ...ROUTING,
      "TOOL -t mangle -A PREROUTING -p tcp -m socket",
      "TOOL -t mangle -A PREROUTING -p tcp -m socket --transparent",
      "TOOL -t mangle -A PREROUTING -p tcp -m socket --transparent --nowildcard",
      TPROXY,
      "TOOL -t mangle -A INPUT -p tcp -m socket",
      "TOOL -t mangle -A INPUT -p tcp -m socket --transparent",
      "TOOL -t mangle -A INPUT -p tcp -m socket --transparent --nowildcard",
    ],
    listen: LISTEN,
  },
  {
    name: "the socket's mark",
    rules: [
      ...ROUTING,
      "sysctl -qw net.ipv4.tcp_fwmark_accept=1",
      "TOOL -t mangle -A PREROUTING -p tcp -m socket --transparent --restore-skmark -m mark --mark 1",
      "TOOL -t mangle -A PREROUTING -p tcp -m mark --mark 1 -j ACCEPT",
      TPROXY,
      "TOOL -t mangle -A OUTPUT -p tcp -m mark --mark 1",
    ],
    listen: LISTEN,
  },
  {
    name: "a datagram",
    rules: [...ROUTING, TPROXY.replace("-p tcp", "-p udp")],
    listen: "UDP-RECV:3129,ip-transparent",
    udp: true,
  },
  {
    name: "a datagram for nobody",
    rules: [...ROUTING, TPROXY.replace("-p tcp", "-p udp")],
    listen: "UDP-RECV:3129",
    udp: true,
  },
];

/** What a case showed: what the client and the router heard, and what rules counted. */
async function outcome(backend: "engine" | "linux", family: Family, given: Case): Promise<unknown> {
  const lab = await Lab.create({ ...config, backend });
  labs.push(lab);
  const { client, router } = lab.hosts;
  const wan = family.ip === "-4" ? "192.0.2.1" : "fd01::1";
  const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);
  const fill = (text: string, inSocket = false): string =>
    text
      .replaceAll("TOOL", family.tool)
      .replaceAll("FAMILY", family.ip)
      .replaceAll("ANY", family.any)
      .replaceAll("WAN", inSocket ? bracketed(wan) : wan)
      .replaceAll("OWN", bracketed(family.own))
      .replaceAll("SERVER", family.server)
      .replace("TCP-", `${family.tcp}-`)
      .replace("UDP-", `${family.udp}-`);
  await client.sh`ip route add default via 10.0.0.1; ip -6 route add default via fd00::1`;
  await lab.hosts.server.sh`ip route add default via 192.0.2.1; ip -6 route add default via fd01::1`;
  await router.sh`sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1`;
  for (const rule of given.rules) {
    const { status, stderr } = await router.sh(fill(rule));
    expect([status, stderr], rule).toEqual([0, ""]);
  }
  const end = given.udp === true ? "STDOUT" : "PIPE";
  const listening = router.start(`socat ${given.udp === true ? "-u " : ""}${fill(given.listen, true)} ${end}`);
  await lab.sleep("300ms");
  const to = `${given.udp === true ? family.udp : family.tcp}${given.udp === true ? "-SENDTO" : ""}:${family.server}:80`;
  const said = await client.sh(`echo hello | timeout 2 socat -t 0.5 - ${to}`);
  const entries =
    await router.sh`conntrack -L ${family.ip === "-4" ? [] : ["-f", "ipv6"]} -p ${given.udp === true ? "udp" : "tcp"} | sed ${"s/.*src=\\(.*\\) src=.*/\\1/; s/port=[0-9]*//g"} | sort`;
  await lab.sleep("200ms");
  await listening.kill();
  const told = listening.stdout;
  const saved = await router.sh(`${family.tool}-save -c -t mangle | grep -e -A`);
  return { heard: said.text, told, entries: entries.text, counted: saved.text };
}

describe.each(FAMILIES)("TPROXY with $tool", (family) => {
  test.each(CASES)("$name", async (given) => {
    expect(await outcome("engine", family, given)).toEqual(await outcome("linux", family, given));
  });
});
