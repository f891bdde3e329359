/** Groups of devices, and `-m devgroup`, on both backends: the same commands print the same. */
import { Lab, theQuestion } from "netfilter-lab";
import { afterEach, expect, test } from "vitest";

const labs: Lab[] = [];

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

/** What the gateway is asked. */
const COMMANDS = [
  "ip link set eth0 group 5",
  "ip link set dev eth1 mtu 1400 group 0x10",
  "ip -o link | grep -o 'group [0-9a-z]*'",
  "ip -o link show group 5 | cut -d: -f2 | cut -d@ -f1",
  "ip -br addr show group 16 | wc -l",
  "ip -4 addr show group default | grep -o ' lo:'",
  "ip link set group 16 mtu 1500",
  "ip -o link show eth1 | grep -o 'mtu 1500'",
  "ip link set group 77 down",
  "ip link set eth0 group 2147483648",
  "ip link set eth0 group -1",
  "ip link set eth0 group foo",
  "ip link set eth0 group 5 group 6",
  "ip link set eth0 group",
  "ip link show group foo",
  "iptables -A FORWARD -m devgroup --src-group 5",
  "iptables -A FORWARD -m devgroup --src-group 0x4/0x4 --dst-group 16",
  "iptables -A FORWARD -m devgroup ! --src-group 5",
  "iptables -A FORWARD -m devgroup --dst-group 5",
  "iptables -A FORWARD -m devgroup ! --dst-group 0",
  "iptables -t mangle -A PREROUTING -p icmp -m devgroup --src-group 5",
  "iptables -t mangle -A POSTROUTING -p icmp -m devgroup --dst-group default",
];

const AFTERWARDS = [
  "iptables -nvL FORWARD | sed 's/ eth[01] / * /g'",
  "iptables-save -c -t mangle | grep devgroup",
  "ip link set eth0 group default",
  "ip -o link | grep -o 'group [0-9a-z]*'",
];

async function transcript(backend: "engine" | "linux"): Promise<string[]> {
  const lab = await Lab.create({ ...theQuestion, backend });
  labs.push(lab);
  const { client, gateway, server } = lab.hosts;
  await server.sh`ip route add 192.168.2.0/24 via 193.157.56.3`;
  const run = async (commands: readonly string[]): Promise<string[]> => {
    const lines: string[] = [];
    for (const command of commands) {
      const { stdout, stderr, status } = await gateway.sh(command);
      lines.push(`$ ${command}`, stdout, stderr, String(status));
    }
    return lines;
  };
  const before = await run(COMMANDS);
  await client.sh`ping -c 2 -i 0.1 217.254.1.76`;
  return [...before, ...(await run(AFTERWARDS))];
}

test("devices of a group", async () => {
  const [engine, linux] = [await transcript("engine"), await transcript("linux")];
  expect(linux.join("\n")).toContain("--src-group 0x5");
  expect(engine).toEqual(linux);
});
