import { describe, expect, it } from "vitest";
import { VirtualClock } from "../clock.js";
import { addAddress } from "../dev/topology.js";
import { TunDevice } from "../dev/tun.js";
import { SystemError } from "../errno.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { SkBuff } from "../skb.js";
import { parseCidr, parseIPv4 } from "../wire/address.js";
import { put16, put32 } from "../wire/bytes.js";
import { IPPROTO_TCP, IPPROTO_UDP, ipv4SetChecksum } from "../wire/ipv4.js";
import type { PolicyRule } from "./rtnetlink.js";
import { FR_ACT_BLACKHOLE, FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_PROHIBIT, FR_ACT_UNREACHABLE } from "./rules.js";

/** Two ways out: main leads by wan0, table 100 by wan1. */
function router(...rules: readonly Partial<PolicyRule>[]): NetNamespace {
  const net = new NetNamespace("router", new VirtualClock(), new SeededRandom(1));
  for (const [name, address] of [
    ["lan0", "192.168.1.1/24"],
    ["wan0", "198.51.100.1/24"],
    ["wan1", "198.18.0.1/24"],
  ] as const) {
    const dev = new TunDevice(net, name);
    net.ip.setUp(dev);
    addAddress(dev, address);
  }
  net.sysctl.lookup("net.ipv4.ip_forward")?.set?.("1");
  const route = (table: number, prefix: string, dev: string): void => {
    const { address, prefixLength } = prefix === "default" ? { address: 0, prefixLength: 0 } : parseCidr(prefix);
    net.ip.addRoute({ dst: address, prefixLength, table, dev: net.devices.get(dev) ?? null });
  };
  route(254, "default", "wan0");
  route(100, "default", "wan1");
  route(100, "203.0.113.0/24", "wan1");
  for (const rule of rules) net.ip.addRule(rule);
  return net;
}

/** A packet with ports from the client to `dst`, and the device that it would leave by. */
function leavesBy(
  net: NetNamespace,
  dst: string,
  more: { mark?: number; tos?: number; protocol?: number } = {},
): string {
  const skb = new SkBuff(new Uint8Array(28));
  const { data } = skb;
  data[0] = 0x45;
  data[1] = more.tos ?? 0;
  put16(data, 2, 28);
  data[8] = 64;
  data[9] = more.protocol ?? IPPROTO_UDP;
  put32(data, 12, parseIPv4("192.168.1.10"));
  put32(data, 16, parseIPv4(dst));
  put16(data, 20, 1000);
  put16(data, 22, 53);
  ipv4SetChecksum(data, 0);
  skb.transportOffset = 20;
  skb.mark = more.mark ?? 0;
  const lan = net.devices.get("lan0");
  if (lan === undefined) throw new Error("no lan0");
  const rt = net.ip.routing.input(skb, lan);
  return rt === null ? "martian" : (rt.dev?.name ?? `error ${rt.error}`);
}

const marked = { fwmark: 1, fwmask: 0xffffffff };

describe("what a rule looks at", () => {
  const dst = "203.0.113.7";
  const cases: readonly (readonly [string, Partial<PolicyRule>, Parameters<typeof leavesBy>[2], string])[] = [
    ["a mark", marked, { mark: 1 }, "wan1"],
    ["another mark", marked, { mark: 3 }, "wan0"],
    ["bits of a mark", { fwmark: 1, fwmask: 1 }, { mark: 3 }, "wan1"],
    ["a mark without bits", { fwmark: 5, fwmask: 0 }, {}, "wan1"],
    ["not a mark", { ...marked, invert: true }, {}, "wan1"],
    ["a device", { iif: "lan0" }, {}, "wan1"],
    ["a device that is not there", { iif: "eth7" }, {}, "wan0"],
    ["packets of this host", { iif: "lo" }, {}, "wan0"],
    ["the user 0, whose all is that arrives", { uidRange: [0, 0] }, {}, "wan1"],
    ["other users", { uidRange: [1, 0xfffffffe] }, {}, "wan0"],
    ["a device to leave by, which no forwarded packet asks for", { oif: "wan1" }, {}, "wan0"],
    ["a source", { src: parseIPv4("192.168.1.0"), srcLength: 24 }, {}, "wan1"],
    ["another source", { src: parseIPv4("192.168.2.0"), srcLength: 24 }, {}, "wan0"],
    ["a destination", { dst: parseIPv4("203.0.113.7"), dstLength: 32 }, {}, "wan1"],
    ["a TOS", { tos: 0x10 }, { tos: 0x10 }, "wan1"],
    ["a TOS within a DSCP", { tos: 0x08 }, { tos: 0x48 }, "wan1"],
    ["a protocol", { ipProtocol: IPPROTO_UDP }, {}, "wan1"],
    ["another protocol", { ipProtocol: IPPROTO_TCP }, {}, "wan0"],
    ["a port", { dport: [53, 53] }, {}, "wan1"],
    ["a range of ports", { sport: [900, 1100] }, {}, "wan1"],
    ["other ports", { sport: [1001, 1100] }, {}, "wan0"],
    ["a protocol without ports", { dport: [53, 53] }, { protocol: 1 }, "wan0"],
  ];
  it.each(cases)("%s", (_what, rule, packet, device) => {
    expect(leavesBy(router({ table: 100, ...rule }), dst, packet)).toBe(device);
  });
});

describe("what a rule does", () => {
  const cases: readonly (readonly [string, readonly Partial<PolicyRule>[], string])[] = [
    ["refuses", [{ action: FR_ACT_BLACKHOLE }], "error 22"],
    ["says unreachable", [{ action: FR_ACT_UNREACHABLE }], "error 101"],
    ["prohibits", [{ action: FR_ACT_PROHIBIT }], "error 13"],
    [
      "does nothing",
      [
        { action: FR_ACT_NOP, priority: 5 },
        { table: 100, priority: 6 },
      ],
      "wan1",
    ],
    [
      "goes on elsewhere",
      [
        { action: FR_ACT_GOTO, target: 20, priority: 5 },
        { action: FR_ACT_PROHIBIT, priority: 10 },
        { table: 100, priority: 20 },
      ],
      "wan1",
    ],
    ["goes nowhere", [{ action: FR_ACT_GOTO, target: 20, priority: 5 }], "wan0"],
    ["looks in a table without routes", [{ table: 7 }], "wan0"],
    ["keeps short prefixes out", [{ table: 100, suppressPrefixLength: 0 }], "wan0"],
    ["keeps devices of a group out", [{ table: 100, suppressGroup: 0 }], "wan0"],
  ];
  it.each(cases)("%s", (_what, rules, outcome) => {
    expect(leavesBy(router(...rules), "9.9.9.9")).toBe(outcome);
  });

  it("a longer prefix is not kept out", () => {
    expect(leavesBy(router({ table: 100, suppressPrefixLength: 0 }), "203.0.113.7")).toBe("wan1");
  });
});

describe("the list", () => {
  const refusal = (act: () => void): string => {
    try {
      act();
    } catch (error) {
      if (error instanceof SystemError) return error.extack ?? error.message;
      throw error;
    }
    return "taken";
  };
  const BACKWARDS = { action: FR_ACT_GOTO, target: 5, priority: 6 };
  const cases: readonly (readonly [string, (net: NetNamespace) => void, string])[] = [
    ["an equal rule", (net) => net.ip.addRule({ table: 9, priority: 5 }), "File exists"],
    ["an equal rule but for `not`", (net) => net.ip.addRule({ table: 9, priority: 5, invert: true }), "File exists"],
    ["another rule of the priority", (net) => net.ip.addRule({ table: 10, priority: 5 }), "taken"],
    ["users backwards", (net) => net.ip.addRule({ uidRange: [9, 5] }), "Invalid uid range"],
    ["nobody", (net) => net.ip.addRule({ uidRange: [0, 0xffffffff] }), "Invalid uid range"],
    ["a goto backwards", (net) => net.ip.addRule(BACKWARDS), "Backward goto not supported"],
    ["a goto to nowhere", (net) => net.ip.addRule({ action: FR_ACT_GOTO }), "Missing goto target for action goto"],
    ["ECN bits", (net) => net.ip.addRule({ tos: 3 }), "Invalid dsfield (tos): ECN bits must be 0"],
    ["a DSCP", (net) => net.ip.addRule({ tos: 0x20 }), "Invalid tos"],
    ["a port before the goto", (net) => net.ip.addRule({ ...BACKWARDS, dport: [0, 0] }), "Invalid dport range"],
    ["the goto before the TOS", (net) => net.ip.addRule({ ...BACKWARDS, tos: 3 }), "Backward goto not supported"],
    ["deleting by a wrong TOS", (net) => net.ip.deleteRule({ tos: 3 }), "No such file or directory"],
    ["port 0", (net) => net.ip.addRule({ dport: [0, 0] }), "Invalid dport range"],
    ["deleting what is not there", (net) => net.ip.deleteRule({ priority: 6 }), "No such file or directory"],
    ["deleting by what a rule has", (net) => net.ip.deleteRule({ src: 0x0a000000, srcLength: 8 }), "taken"],
  ];
  it.each(cases)("%s", (_what, act, outcome) => {
    const net = router({ table: 9, priority: 5, src: 0x0a000000, srcLength: 8 });
    expect(refusal(() => act(net))).toBe(outcome);
  });

  it("resolves a goto when its target comes, and not any more when it goes", () => {
    const net = router({ action: FR_ACT_GOTO, target: 20, priority: 5 });
    const resolved = (): boolean => net.ip.rules().some((rule) => rule.target === 20 && net.ip.ruleResolved(rule));
    const seen = [resolved()];
    net.ip.addRule({ table: 100, priority: 20 });
    seen.push(resolved());
    net.ip.deleteRule({ priority: 20 });
    seen.push(resolved());
    expect(seen).toEqual([false, true, false]);
  });
});
