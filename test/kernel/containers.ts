/**
 * A host with two containers on a bridge, as Docker makes them: MASQUERADE for what leaves, a published port, and the
 * way back of a container to its neighbour's published port. What both backends are asked, and what of the answers is
 * theirs to choose.
 */
import { Lab } from "netfilter-lab";

const SETUP: readonly string[] = [
  "ip link add docker0 type bridge",
  "ip link set veth1 master docker0",
  "ip link set veth2 master docker0",
  "ip addr add 172.17.0.1/16 dev docker0",
  "ip link set docker0 up",
  "sysctl -w net.bridge.bridge-nf-call-iptables=1",
  "iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
  "iptables -t nat -A PREROUTING -p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.2:80",
  "iptables -t nat -A POSTROUTING -s 172.17.0.0/16 -d 172.17.0.2 -p tcp --dport 80 -j MASQUERADE",
  "iptables -A FORWARD -p icmp -m physdev --physdev-is-bridged",
  "iptables -A FORWARD -p icmp -m physdev ! --physdev-is-bridged",
  "iptables -A FORWARD -p icmp -m physdev --physdev-in veth2 --physdev-out veth1",
  "iptables -A FORWARD -p icmp -m physdev ! --physdev-in veth2",
  "iptables -A FORWARD -p icmp -m physdev --physdev-is-in",
  "iptables -A FORWARD -p icmp -m physdev ! --physdev-is-out",
  "iptables -A FORWARD -p icmp -i docker0 ! -o docker0",
  "iptables -A FORWARD -p icmp -i docker0 -o docker0",
  "iptables -A INPUT -p icmp -m physdev --physdev-in veth2",
  "iptables -t raw -A PREROUTING -p icmp -m physdev --physdev-in veth+",
];

const PING = "sed 's/time=.*//' | head -2";

const TABLES = "for table in raw filter nat; do iptables -t $table -L -v -n -x; done";

const STEPS: readonly (readonly [host: "web" | "db" | "host" | "out", command: string])[] = [
  ["db", `ping -c 1 172.17.0.2 | ${PING}`],
  ["db", `ping -c 1 172.17.0.1 | ${PING}`],
  ["db", `ping -c 1 192.0.2.9 | ${PING}`],
  ["db", "nc -N -w 1 172.17.0.2 80 < /dev/null; echo $?"],
  ["out", "nc -N -w 1 192.0.2.2 8080 < /dev/null; echo $?"],
  // By the bridge's own address and by the outer one: NAT leads the frame back by the bridge that it came by.
  ["db", "nc -N -w 1 172.17.0.1 8080 < /dev/null; echo $?"],
  ["db", "nc -N -w 1 192.0.2.2 8080 < /dev/null; echo $?"],
  ["host", "for p in icmp tcp; do conntrack -L -p $p 2> /dev/null; done | sort -k 1,1 -k 5"],
  ["host", TABLES],
  ["host", "ip link show type bridge"],
  ["host", "ip link show master docker0"],
  ["host", "bridge link"],
  ["host", "bridge fdb show br docker0 | grep -v -e self -e permanent | sort -k 3"],
  ["host", "iptables -I FORWARD -i docker0 -o docker0 -p icmp -j DROP"],
  ["db", `ping -c 1 -W 1 172.17.0.2 | ${PING}`],
  ["host", "sysctl -w net.bridge.bridge-nf-call-iptables=0"],
  ["db", `ping -c 1 172.17.0.2 | ${PING}`],
  ["host", "iptables -D FORWARD 1; iptables -L FORWARD -v -n -x"],
  ["host", "ip link set veth2 nomaster"],
  ["db", `ping -c 1 -W 1 172.17.0.2 | ${PING}`],
  ["host", "ip link del docker0; ip link show docker0"],
  ["host", "ip link add v0 type veth peer name v1; ip link add br0 type bridge; ip link set v0 master br0; ip link"],
  [
    "host",
    "ip link add br0 type bridge; ip link add br1 type bogus; ip link set v0 master nosuch; ip link set v0 master v1",
  ],
  [
    "host",
    "ip link set br0 master br0; ip link del lo; ip link del v1; ip link show v0; ip link set br0 up; ip link show br0",
  ],
];

/** MAC addresses, numbers of devices and connections, ports, seconds left, and lines about IGMP, which Linux sends. */
function normalised(text: string): string {
  return text
    .replace(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?! brd)/g, (mac) => (/^(00|ff)/.test(mac) ? mac : "MAC"))
    .replace(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2} brd/g, (mac) => (mac.startsWith("00") ? mac : "MAC brd"))
    .replace(/^\d+: /gm, "N: ")
    .replace(/@[^:]*:/g, "@OTHER:")
    .replace(/^(N: veth\d):/gm, "$1@OTHER:")
    .replace(/ link-netns \S+/g, "")
    .replace(/^(\w+ +\d+) \d+/gm, "$1 T")
    .replace(/\b(id|sport|dport)=(?!80 |8080 )\d+/g, "$1=N");
}

/** Each command with what it printed. */
export async function containers(backend: "engine" | "linux"): Promise<readonly (readonly [string, string])[]> {
  const lab = await Lab.create({
    backend,
    hosts: {
      web: { eth0: "172.17.0.2/16", routes: ["default via 172.17.0.1"] },
      db: { eth0: "172.17.0.3/16", routes: ["default via 172.17.0.1"] },
      host: { veth1: [], veth2: [], eth0: "192.0.2.2/24", forwarding: true },
      out: { eth0: "192.0.2.9/24" },
    },
    links: [
      ["web.eth0", "host.veth1"],
      ["db.eth0", "host.veth2"],
      ["host.eth0", "out.eth0"],
    ],
  });
  try {
    const answers: (readonly [string, string])[] = [];
    for (const command of SETUP) answers.push([command, (await lab.hosts.host.sh(asScript(command))).text]);
    lab.hosts.web.start`nc -l -k -p 80`;
    await lab.sleep("200ms");
    for (const [host, command] of STEPS)
      answers.push([`${host}$ ${command}`, normalised((await lab.hosts[host].sh(asScript(command))).text)]);
    return answers;
  } finally {
    await lab.close();
  }
}

/** A command as the template that `sh` takes. */
function asScript(command: string): TemplateStringsArray {
  return Object.assign([command], { raw: [command] });
}
