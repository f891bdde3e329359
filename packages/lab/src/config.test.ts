import { describe, expect, test } from "vitest";
import { type LabConfig, LabConfigError } from "./config.js";
import { Lab } from "./lab.js";

const two = (change: object = {}, links: unknown = [["a.eth0", "b.eth0"]]): LabConfig =>
  ({
    hosts: { a: { eth0: "10.0.0.1/24", ...change }, b: { eth0: "10.0.0.2/24" } },
    links,
  }) as unknown as LabConfig;

describe("a mistake gets one error that names the field", () => {
  const cases: readonly (readonly [string, LabConfig, string])[] = [
    [
      "bad address",
      two({ eth0: "192.168.2.555/24" }),
      'hosts.a.eth0: "192.168.2.555/24" is not an address with prefix length such as "192.168.2.55/24"',
    ],
    [
      "no prefix",
      two({ eth0: "10.0.0.1" }),
      'hosts.a.eth0: "10.0.0.1" has no prefix length (write "10.0.0.1/24" or "10.0.0.1/32")',
    ],
    [
      "prefix too long",
      two({ eth0: "10.0.0.1/33" }),
      'hosts.a.eth0: "10.0.0.1/33" is not an address with prefix length such as "192.168.2.55/24"',
    ],
    [
      "network address",
      two({ eth0: "10.0.0.0/24" }),
      "hosts.a.eth0: \"10.0.0.0/24\" is the network's own address, not a host's",
    ],
    [
      "broadcast address",
      two({ eth0: "10.0.0.255/24" }),
      "hosts.a.eth0: \"10.0.0.255/24\" is the network's broadcast address, not a host's",
    ],
    ["overlap", two({ eth1: "10.0.0.9/16" }), "hosts.a.eth1: its network overlaps that of eth0 on the same host"],
    [
      "same address at both ends",
      two({ eth0: "10.0.0.2/24" }),
      "hosts.b.eth0: has the same address as a.eth0, to which it is linked",
    ],
    [
      "unreachable next hop",
      two({ routes: ["default via 9.9.9.9"] }),
      "hosts.a.routes[0]: the next hop 9.9.9.9 is in no network of the host",
    ],
    [
      "route without sense",
      two({ routes: ["nonsense"] }),
      'hosts.a.routes[0]: "nonsense" is not a destination ("default", "10.0.0.0/8" or "2001:db8::/32")',
    ],
    [
      "route of an unknown device",
      two({ routes: ["default dev eth7"] }),
      'hosts.a.routes[0]: the host has no device "eth7"',
    ],
    [
      "route that the host refuses",
      two({ routes: ["10.5.0.1/16 dev eth0"] }),
      "hosts.a.routes[0]: Error: Invalid prefix for given prefix length.",
    ],
    [
      "unknown sysctl",
      two({ sysctl: { "net.nope": 1 } }),
      'hosts.a.sysctl["net.nope"]: sysctl: cannot stat /proc/sys/net/nope: No such file or directory',
    ],
    [
      "an address of IPv6 without a length",
      two({ eth1: "fd00::1" }),
      'hosts.a.eth1: "fd00::1" has no prefix length (write "fd00::1/64" or "fd00::1/128")',
    ],
    ["a group of IPv6", two({ eth1: "ff02::1/64" }), 'hosts.a.eth1: "ff02::1/64" cannot be a host\'s address'],
    [
      "networks of IPv6 that overlap",
      two({ eth1: "fd00::1/64", eth2: "fd00::2/48" }),
      "hosts.a.eth2: its network overlaps that of eth1 on the same host",
    ],
    [
      "a next hop of IPv6 that is nowhere",
      two({ eth1: "fd00::1/64", routes: ["default via fd01::1"] }),
      "hosts.a.routes[0]: the next hop fd01::1 is in no network of the host",
    ],
    ["forwarding", two({ forwarding: "yes" }), 'hosts.a.forwarding: "yes" is not true or false'],
    ["unknown host", two({}, [["a.eth0", "c.eth0"]]), 'links[0]: there is no host "c" (hosts: a, b)'],
    ["unknown device", two({}, [["a.eth0", "b.eth9"]]), 'links[0]: b has no device "eth9" (devices: eth0)'],
    [
      "device twice",
      two({ eth1: "10.1.0.1/24" }, [
        ["a.eth0", "b.eth0"],
        ["a.eth1", "b.eth0"],
      ]),
      "links[1]: b.eth0 is in links[0] already",
    ],
    ["to itself", two({}, [["a.eth0", "a.eth0"]]), "links[0]: joins a.eth0 to itself"],
    ["loss", two({}, [{ ends: ["a.eth0", "b.eth0"], loss: 2 }]), "links[0].loss: 2 is not a probability in 0..1"],
    [
      "latency",
      two({}, [{ ends: ["a.eth0", "b.eth0"], latency: "soon" }]),
      'links[0].latency: "soon" is not a duration (write "120s", "1ms", "2min", "1h", "5d")',
    ],
    ["mtu", two({}, [{ ends: ["a.eth0", "b.eth0"], mtu: 1 }]), "links[0].mtu: 1 is not a size in 68..65535 bytes"],
    [
      "unknown field",
      { ...two(), host: {} } as LabConfig,
      "host: there is no such field (hosts, links, seed, backend)",
    ],
    ["no hosts", { hosts: {} }, "hosts: a lab needs at least one host"],
  ];
  test.each(cases)("%s", async (_, config, message) => {
    const failure = await Lab.create(config).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(LabConfigError);
    expect((failure as LabConfigError).message).toBe(message);
  });
});

describe("links", () => {
  test("latency is the way of a packet, there and back", async () => {
    const lab = await Lab.create(two({}, [{ ends: ["a.eth0", "b.eth0"], latency: "10ms" }]));
    expect((await lab.hosts.a.sh`ping -c 1 10.0.0.2`).stdout).toContain("time=20.0 ms");
  });

  test("a lossy link loses packets, the same ones each time", async () => {
    const run = async (): Promise<string> => {
      const lab = await Lab.create(two({}, [{ ends: ["a.eth0", "b.eth0"], loss: 0.5 }]));
      return (await lab.hosts.a.sh`ping -c 20 -i 0.2 10.0.0.2`).stdout;
    };
    const first = await run();
    expect(first).not.toContain(" 0% packet loss");
    expect(await run()).toBe(first);
  });

  test("mtu", async () => {
    const lab = await Lab.create(two({}, [{ ends: ["a.eth0", "b.eth0"], mtu: 1280 }]));
    expect((await lab.hosts.a.sh`ip link show eth0`).stdout).toContain("mtu 1280");
  });
});
