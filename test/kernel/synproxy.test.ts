/** SYNPROXY on both backends: connections through it carry data both ways. */
import { Lab, theQuestion } from "netfilter-lab";
import { afterEach, describe, expect, test } from "vitest";

const backends = ["engine", "linux"] as const;
const labs: Lab[] = [];

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

describe.each(backends)("SYNPROXY on %s", (backend) => {
  test.each([
    [["--sack-perm", "--timestamp", "--wscale", "7", "--mss", "1460"]],
    [["--mss", "1460"]],
    [[]],
    [["--timestamp", "--ecn"]],
  ])("connections through it: %s", async (options) => {
    const lab = await Lab.create({ ...theQuestion, backend });
    labs.push(lab);
    const { client, gateway, server } = lab.hosts;
    // As the man page of iptables-extensions has it, on a router.
    await gateway.sh`iptables-legacy -t raw -A PREROUTING -i eth0 -p tcp --dport 80 --syn -j CT --notrack`;
    for (const words of [
      ["-p", "tcp", "--dport", "80", "-m", "state", "--state", "UNTRACKED,INVALID", "-j", "SYNPROXY", ...options],
      ["-m", "state", "--state", "INVALID", "-j", "DROP"],
    ])
      await gateway.sh`iptables-legacy -A FORWARD ${words}`;
    await gateway.sh`sysctl -q -w net.netfilter.nf_conntrack_tcp_loose=0`;
    await server.sh`ip route add 192.168.2.0/24 via 193.157.56.3`;
    const asked = server.start`nc -l -p 80`;
    await client.sh`nc -N -w 5 217.254.1.76 80 <<< question`;
    expect((await asked.wait()).text).toBe("question\n");
    const answering = server.start`nc -l -N -p 80 <<< answer`;
    expect((await client.sh`nc -w 5 217.254.1.76 80`).text).toBe("answer\n");
    await answering.wait();
    const talking = server.start`nc -l -N -p 80 <<< answer`;
    expect((await client.sh`nc -N -w 5 217.254.1.76 80 <<< question`).text).toBe("answer\n");
    expect((await talking.wait()).text).toBe("question\n");
    const seen = await gateway.sh`conntrack -L -p tcp 2> /dev/null`;
    expect(seen.text).toMatch(/^tcp +6 \d+ TIME_WAIT src=192\.168\.2\.55 dst=217\.254\.1\.76 .* \[ASSURED\]/);
    const saved = await gateway.sh`iptables-legacy-save -c -t filter`;
    // A SYN and an acknowledgement of each of the three.
    expect(saved.text).toMatch(/^\[6:\d+\] -A FORWARD .* -j SYNPROXY/m);
  });
});
