/** SYNPROXY on both backends: connections through it carry data both ways. */
import { Lab, type LabConfig, theQuestion } from "netfilter-lab";
import { afterEach, describe, expect, test } from "vitest";

const backends = ["engine", "linux"] as const;
const labs: Lab[] = [];

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

/** The question's hosts with addresses of IPv6 alone. */
const ipv6: LabConfig<"client" | "gateway" | "server"> = {
  hosts: {
    client: { eth0: "fd00:2::55/64", routes: ["default via fd00:2::1"] },
    gateway: { eth0: "fd00:2::1/64", eth1: "2001:db8:56::3/64", forwarding: true },
    server: { eth0: "2001:db8:56::1/64", routes: ["fd00:2::/64 via 2001:db8:56::3"] },
  },
  links: theQuestion.links ?? [],
};

interface Family {
  readonly config: LabConfig<"client" | "gateway" | "server">;
  readonly tool: string;
  readonly server: string;
  readonly listen: readonly string[];
  readonly entry: RegExp;
}

const families: Readonly<Record<string, Family>> = {
  IPv4: {
    config: theQuestion,
    tool: "iptables-legacy",
    server: "217.254.1.76",
    listen: ["-l"],
    entry: /^tcp +6 \d+ TIME_WAIT src=192\.168\.2\.55 dst=217\.254\.1\.76 .* \[ASSURED\]/,
  },
  IPv6: {
    config: ipv6,
    tool: "ip6tables-legacy",
    server: "2001:db8:56::1",
    listen: ["-6", "-l"],
    entry: /^tcp +6 \d+ TIME_WAIT src=fd00:2::55 dst=2001:db8:56::1 .* \[ASSURED\]/,
  },
};

describe.each(backends.flatMap((backend) => Object.keys(families).map((family) => [backend, family] as const)))(
  "SYNPROXY on %s over %s",
  (backend, family) => {
    const { config, tool, server: address, listen, entry } = families[family];
    test.each([
      [["--sack-perm", "--timestamp", "--wscale", "7", "--mss", "1460"]],
      [["--mss", "1460"]],
      [[]],
      [["--timestamp", "--ecn"]],
    ])("connections through it: %s", async (options) => {
      const lab = await Lab.create({ ...config, backend });
      labs.push(lab);
      const { client, gateway, server } = lab.hosts;
      // As the man page of iptables-extensions has it, on a router.
      await gateway.sh`${tool} -t raw -A PREROUTING -i eth0 -p tcp --dport 80 --syn -j CT --notrack`;
      for (const words of [
        ["-p", "tcp", "--dport", "80", "-m", "state", "--state", "UNTRACKED,INVALID", "-j", "SYNPROXY", ...options],
        ["-m", "state", "--state", "INVALID", "-j", "DROP"],
      ])
        await gateway.sh`${tool} -A FORWARD ${words}`;
      await gateway.sh`sysctl -q -w net.netfilter.nf_conntrack_tcp_loose=0`;
      if (family === "IPv4") await server.sh`ip route add 192.168.2.0/24 via 193.157.56.3`;
      const asked = server.start`nc ${listen} -p 80`;
      await client.sh`nc -N -w 5 ${address} 80 <<< question`;
      expect((await asked.wait()).text).toBe("question\n");
      const answering = server.start`nc ${listen} -N -p 80 <<< answer`;
      expect((await client.sh`nc -w 5 ${address} 80`).text).toBe("answer\n");
      await answering.wait();
      const talking = server.start`nc ${listen} -N -p 80 <<< answer`;
      expect((await client.sh`nc -N -w 5 ${address} 80 <<< question`).text).toBe("answer\n");
      expect((await talking.wait()).text).toBe("question\n");
      const seen = await gateway.sh`conntrack -L -f ${family.toLowerCase()} -p tcp 2> /dev/null`;
      expect(seen.text).toMatch(entry);
      const saved = await gateway.sh`${tool}-save -c -t filter`;
      // A SYN and an acknowledgement of each of the three.
      expect(saved.text).toMatch(/^\[6:\d+\] -A FORWARD .* -j SYNPROXY/m);
    });
  },
);
