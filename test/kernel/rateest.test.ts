/** RATEEST and `-m rateest` on both backends: a rate that rises with packets and falls without them. */
import { Lab, type LabConfig } from "netfilter-lab";
import { afterEach, describe, expect, test } from "vitest";

const labs: Lab[] = [];

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

const config: LabConfig<"client" | "server"> = {
  hosts: { client: { eth0: "10.0.0.2/24" }, server: { eth0: "10.0.0.1/24" } },
  links: [["client.eth0", "server.eth0"]],
};

/** Far from what either backend can measure, whenever its intervals begin. */
const RULES = [
  "--rateest pings --rateest-gt --rateest-pps 2",
  "--rateest pings --rateest-lt --rateest-pps 2",
  "--rateest pings ! --rateest-lt --rateest-bps 100bps",
  "--rateest-delta --rateest pings --rateest-pps1 1000 --rateest-lt --rateest-pps2 999",
  "--rateest1 pings --rateest-gt --rateest-pps --rateest2 others",
];

describe.each(["engine", "linux"] as const)("rateest on %s", (backend) => {
  test("a burst, and six seconds later", async () => {
    const lab = await Lab.create({ ...config, backend });
    labs.push(lab);
    const { client, server } = lab.hosts;
    const times = ["--rateest-interval", "250ms", "--rateest-ewmalog", "500ms"];
    await server.sh`iptables -A INPUT -p icmp -j RATEEST --rateest-name pings ${times}`;
    await server.sh`iptables -A INPUT -p sctp -j RATEEST --rateest-name others ${times}`;
    for (const rule of RULES) await server.sh`iptables -A INPUT -p udp -m rateest ${rule.split(" ")}`;
    const probe = async (): Promise<number[]> => {
      await client.sh`nc -u -w 1 10.0.0.1 53 <<< x`;
      const saved = await server.sh`iptables-save -c -t filter`;
      await server.sh`iptables -Z`;
      return saved.text
        .split("\n")
        .filter((line) => line.includes("-m rateest"))
        .map((line) => Number(/^\[(\d+):/.exec(line)?.[1]));
    };
    await client.sh`ping -c 40 -i 0.01 -s 400 10.0.0.1`;
    await lab.sleep("300ms");
    expect(await probe()).toEqual([1, 0, 1, 1, 1]);
    await lab.sleep("6s");
    expect(await probe()).toEqual([0, 1, 0, 0, 0]);
  });
});
