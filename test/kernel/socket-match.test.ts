/** `-m socket` on both backends: packets for sockets that listen, that are bound, and errors about their packets. */
import { Lab, type LabConfig } from "netfilter-lab";
import { afterEach, describe, expect, test } from "vitest";

const backends = ["engine", "linux"] as const;
const labs: Lab[] = [];

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

const config: LabConfig<"client" | "server"> = {
  hosts: {
    client: { eth0: ["10.0.0.2/24", "fd00::2/64"] },
    server: { eth0: ["10.0.0.1/24", "10.0.0.7/24", "fd00::1/64", "fd00::7/64"] },
  },
  links: [["client.eth0", "server.eth0"]],
};

/** Rules of the server, each with the packets that it takes. */
const RULES = [
  "-m socket",
  "-m socket --nowildcard",
  "-m socket --nowildcard --restore-skmark",
  "-m socket --transparent",
];

/** What the server's rules counted, in their order. */
async function counts(lab: Lab<"client" | "server">, tool: string): Promise<number[]> {
  const saved = await lab.hosts.server.sh`${tool}-save -c -t mangle`;
  return saved.text
    .split("\n")
    .filter((line) => line.includes("-m socket"))
    .map((line) => Number(/^\[(\d+):/.exec(line)?.[1]));
}

describe.each(
  backends.flatMap(
    (backend) =>
      [
        [backend, "iptables-legacy", "-4", "10.0.0.1", "10.0.0.7"],
        [backend, "ip6tables-legacy", "-6", "fd00::1", "fd00::7"],
      ] as const,
  ),
)("-m socket on %s with %s", (backend, tool, family, address, other) => {
  test.each([
    ["nobody listens", [], address, [0, 0, 0, 0]],
    ["any address", [family, "-u", "-l", "-p", "53"], address, [0, 1, 1, 0]],
    ["the packet's address", [family, "-u", "-l", "-s", address, "-p", "53"], address, [1, 1, 1, 0]],
    ["another address", [family, "-u", "-l", "-s", other, "-p", "53"], address, [0, 0, 0, 0]],
    ["another port", [family, "-u", "-l", "-s", address, "-p", "54"], address, [0, 0, 0, 0]],
  ] as const)("a datagram where %s", async (_name, listen, to, expected) => {
    const lab = await Lab.create({ ...config, backend });
    labs.push(lab);
    const { client, server } = lab.hosts;
    for (const rule of RULES) await server.sh`${tool} -t mangle -A PREROUTING -p udp ${rule.split(" ")}`;
    const listening = listen.length === 0 ? null : server.start`nc ${listen}`;
    await lab.sleep("200ms");
    await client.sh`nc ${family} -u -w 1 ${to} 53 <<< hello`;
    await listening?.kill();
    expect(await counts(lab, tool)).toEqual(expected);
  });

  test("an error about what a socket sent is for it", async () => {
    const lab = await Lab.create({ ...config, backend });
    labs.push(lab);
    const { server } = lab.hosts;
    const icmp = family === "-4" ? "icmp" : "icmpv6";
    const kind = family === "-4" ? ["--icmp-type", "port-unreachable"] : ["--icmpv6-type", "port-unreachable"];
    await server.sh`${tool} -t mangle -A PREROUTING -p ${icmp} -m ${family === "-4" ? "icmp" : "icmp6"} ${kind} -m socket`;
    const peer = family === "-4" ? "10.0.0.2" : "fd00::2";
    await server.sh`nc ${family} -u -w 1 ${peer} 77 <<< hello`;
    expect(await counts(lab, tool)).toEqual([1]);
  });
});
