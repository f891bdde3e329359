/** What metrics of routes do to a host's own packets: both backends send the same. Needs root. */
import { afterAll, expect, test } from "vitest";
import { toHex } from "../../packages/lab/src/scenario/bytes.js";
import { EngineRunner } from "../../packages/lab/src/scenario/engine-runner.js";
import { LinuxRunner } from "../../packages/lab/src/scenario/linux/runner.js";
import { echo } from "../referee/packets.js";

const engine = new EngineRunner();
const linux = new LinuxRunner();
afterAll(() => linux.close());

const OPEN = "nc -n -w 1 -z";

const STEPS = [
  "ip route add 10.50.0.0/24 dev lan0 hoplimit 12 advmss 1200",
  "ip route add 10.51.0.0/24 dev lan0 mtu 1000",
  "ip route add 10.52.0.0/24 dev lan0 mtu 1000 advmss 1400 hoplimit 255",
  "ip route add 10.53.0.0/24 dev lan0 advmss 10",
  "ip -6 route add 2001:db8:50::/48 dev lan0 hoplimit 12 advmss 1300",
  "ip -6 route add 2001:db8:51::/48 dev lan0",
  ...["10.50.0.9", "10.51.0.9", "10.52.0.9", "10.53.0.9", "2001:db8:50::9", "2001:db8:51::9"].flatMap((peer) => [
    `ping -n -c 1 -W 1 ${peer} > /dev/null`,
    `${OPEN} ${peer} 80`,
  ]),
];

/** Of an own packet: where it goes, its TTL or hop limit, and the MSS that a SYN offers. */
function told(hex: string): unknown {
  const bytes = Buffer.from(hex, "hex");
  const six = bytes[0] >> 4 === 6;
  const at = six ? 40 : (bytes[0] & 15) * 4;
  const protocol = bytes[six ? 6 : 9];
  const mss = protocol === 6 && bytes[at + 20] === 2 ? bytes.readUInt16BE(at + 22) : null;
  return { to: bytes.subarray(six ? 24 : 16, six ? 40 : 20).toString("hex"), protocol, ttl: bytes[six ? 7 : 8], mss };
}

test("hoplimit and advmss", () => {
  const scenario = {
    version: 1,
    name: "metrics",
    devices: { lan0: ["2001:db8:1::1/64", "10.0.0.1/24"] },
    sysctl: {},
    setup: [],
    steps: [
      ...STEPS.map((run) => ({ run })),
      { in: "lan0", hex: toHex(echo({ src: "10.50.0.9", dst: "10.0.0.1" }, 1, 1)) },
    ],
    finally: [],
  } as const;
  const sent = ({ steps }: ReturnType<typeof engine.run>): unknown[] =>
    steps.map(({ out = [] }, i) => [STEPS[i], [...new Set(out.map(({ hex }) => JSON.stringify(told(hex))))]]);
  const ours = sent(engine.run(scenario));
  expect(ours).toEqual(sent(linux.run(scenario)));
  // Each asked, and was answered by a packet.
  expect(ours.filter((step) => (step as [string, string[]])[1].length > 0)).toHaveLength(13);
});
