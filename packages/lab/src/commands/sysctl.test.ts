/** `sysctl` with values that Linux 6.18 answered, outside its namespaces where these cannot be written inside. */
import { describe, expect, it, test } from "vitest";
import { EngineRunner } from "../scenario/engine-runner.js";
import type { CommandResult, Scenario } from "../scenario/model.js";

const HOST: Scenario = {
  version: 1,
  name: "sysctl",
  devices: { lan0: ["192.168.1.1/24"] },
  sysctl: {},
  setup: [],
  steps: [],
  finally: [],
};

function run(...commands: readonly string[]): CommandResult {
  const { steps } = new EngineRunner().run({ ...HOST, steps: commands.map((command) => ({ run: command })) });
  return steps.at(-1) as CommandResult;
}

describe("the number of buckets", () => {
  const rows: readonly (readonly [written: string, left: string | null, refused: string])[] = [
    ["1", "512", ""],
    ["512", "512", ""],
    ["513", "1024", ""],
    ["1 2", "512", ""],
    ["65536", "65536", ""],
    ["100000000", "100000256", ""],
    ["268434944", "268434944", ""],
    ["268434945", null, "Cannot allocate memory"],
    ["2147483647", null, "Cannot allocate memory"],
    ["-1", null, "Cannot allocate memory"],
    ["-100", null, "Cannot allocate memory"],
    ["-2147483648", null, "Cannot allocate memory"],
    ["-2147483649", null, "Invalid argument"],
    ["2147483648", null, "Invalid argument"],
    ["18446744073709551616", null, "Invalid argument"],
    ["0", null, "Invalid argument"],
    ["x", null, "Invalid argument"],
    ["1x", null, "Invalid argument"],
    ["1.5", null, "Invalid argument"],
    ["-x", null, "Invalid argument"],
    ["", null, "Invalid argument"],
  ];
  it.each(rows)("%j: %s %s", (written, left, refused) => {
    const name = "net.netfilter.nf_conntrack_buckets";
    const { stderr, status } = run(`sysctl -w ${name}='${written}'`);
    expect(stderr).toBe(refused === "" ? "" : `sysctl: setting key "${name}": ${refused}\n`);
    expect(status).toBe(refused === "" ? 0 : 1);
    expect(run(`sysctl -q -w ${name}='${written}'`, `sysctl -n ${name}`).stdout).toBe(`${left ?? "262144"}\n`);
  });
});

/** A TCP segment of nothing but a SYN, whose checksum is wrong. */
const INVALID = "45000028000100004006f773c0a8010ac0a8010104d2005000000000000000005002ffff00000000";

test.each([
  // What the kernel's log had of a namespace, when nf_log_all_netns was 1.
  ["NONE", ["LOG"]],
  ["nfnetlink_log", ["LOG"]],
  [
    "nf_log_ipv4",
    ["TRACE: raw:PREROUTING:policy:2", "nf_ct_proto_6: bad checksum", "TRACE: filter:INPUT:rule:1", "LOG"],
  ],
])("with the logger %s an invalid packet is told of in %j", (logger, lines) => {
  const { steps } = new EngineRunner().run({
    ...HOST,
    setup: [
      "sysctl -q -w net.netfilter.nf_conntrack_log_invalid=255",
      `sysctl -q -w net.netfilter.nf_log.2=${logger}`,
      "iptables-legacy -t raw -A PREROUTING -j TRACE",
      "iptables-legacy -A INPUT -m conntrack --ctstate INVALID -j LOG --log-prefix 'LOG '",
      "iptables-legacy -P INPUT DROP",
    ],
    steps: [{ in: "lan0", hex: INVALID }, { run: "dmesg" }],
  });
  const { stdout } = steps[1] as CommandResult;
  const told = stdout
    .trimEnd()
    .split("\n")
    .map((line) =>
      line
        .replace(/^\[[^\]]*\] /, "")
        .split(" IN=")[0]
        .trim(),
    );
  expect(told.filter((line) => !line.includes("INPUT:policy"))).toEqual(lines);
});

test("--system takes the first of files that are called alike, by their names, and the host's own last", () => {
  const { stdout, status } = run(
    "echo net.ipv4.ip_forward=1 > /etc/sysctl.d/50-a.conf",
    "echo net.ipv4.ip_forward=0 > /usr/lib/sysctl.d/50-a.conf",
    "echo net.ipv4.ip_default_ttl=63 > /usr/lib/sysctl.d/60-b.conf",
    "echo net.ipv4.ip_default_ttl=62 > /run/sysctl.d/10-c.conf",
    "echo net.ipv4.ip_default_ttl=61 > /usr/lib/sysctl.d/README",
    "echo -net.ipv4.conf.lo.forwarding > /usr/lib/sysctl.d/80.conf",
    "echo 'net.ipv4.conf.lo*.forwarding=1' > /usr/lib/sysctl.d/20.conf",
    "sysctl --system -q",
  );
  // As procps 4.0.2 did with these files.
  expect(stdout.split("\n")).toEqual([
    "* Applying /run/sysctl.d/10-c.conf ...",
    "* Applying /usr/lib/sysctl.d/20.conf ...",
    "* Applying /etc/sysctl.d/50-a.conf ...",
    "* Applying /usr/lib/sysctl.d/60-b.conf ...",
    "* Applying /usr/lib/sysctl.d/80.conf ...",
    "* Applying /etc/sysctl.conf ...",
    "net.ipv4.ip_default_ttl = 62",
    "net.ipv4.ip_forward = 1",
    "net.ipv4.ip_default_ttl = 63",
    "",
  ]);
  expect(status).toBe(0);
});
