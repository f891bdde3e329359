/** Policy rules of IPv6 and routes that share flows, by the device that a packet would leave by. */
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../clock.js";
import { TunDevice } from "../dev/tun.js";
import { SystemError } from "../errno.js";
import type { RouteAddMode } from "../ip/rtnetlink.js";
import { FR_ACT_BLACKHOLE, FR_ACT_GOTO, FR_ACT_PROHIBIT, FR_ACT_UNREACHABLE } from "../ip/rules.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { SkBuff } from "../skb.js";
import { formatIPv6, parseCidr6, parseIPv6, writeIPv6 } from "../wire/address.js";
import { put16 } from "../wire/bytes.js";
import { IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "../wire/ipv4.js";
import type { Route6, Route6Request } from "./fib.js";
import type { PolicyRule6 } from "./rules.js";

type Add = Omit<Route6Request, "dst" | "prefixLength" | "dev"> & { readonly dev?: string };

function add(net: NetNamespace, prefix: string, { dev, ...more }: Add, mode?: RouteAddMode): void {
  const { address, prefixLength } = parseCidr6(prefix);
  const device = dev === undefined ? null : (net.devices.get(dev) ?? null);
  net.ip6.addRoute({ dst: address, prefixLength, ...more, dev: device }, mode);
}

/** Two ways out: main leads by wan0, table 100 by wan1. */
function router(...rules: readonly Partial<PolicyRule6>[]): NetNamespace {
  const net = new NetNamespace("router", new VirtualClock(), new SeededRandom(1));
  for (const [name, text] of [
    ["lan0", "fd00:1::1/64"],
    ["wan0", "fd00:2::1/64"],
    ["wan1", "fd00:3::1/64"],
  ] as const) {
    const dev = new TunDevice(net, name);
    net.ip.setUp(dev);
    const { address, prefixLength } = parseCidr6(text);
    net.ip6.addAddress(dev, address, prefixLength);
  }
  add(net, "::/0", { dev: "wan0" });
  add(net, "::/0", { dev: "wan1", table: 100 });
  add(net, "2001:db8:7::/48", { dev: "wan1", table: 100 });
  for (const rule of rules) net.ip6.addRule(rule);
  return net;
}

interface Packet {
  readonly mark?: number;
  readonly trafficClass?: number;
  readonly protocol?: number;
}

/** A packet with ports from fd00:1::10 to `dst`, and the device that it would leave by. */
function leavesBy(net: NetNamespace, dst: string, { mark = 0, trafficClass = 0, protocol }: Packet = {}): string {
  const skb = new SkBuff(new Uint8Array(48));
  const { data } = skb;
  put16(data, 0, 0x6000 | (trafficClass << 4));
  put16(data, 4, 8);
  data[6] = protocol ?? IPPROTO_UDP;
  data[7] = 64;
  writeIPv6(data, 8, parseIPv6("fd00:1::10"));
  writeIPv6(data, 24, parseIPv6(dst));
  put16(data, 40, 1000);
  put16(data, 42, 53);
  skb.mark = mark;
  skb.iif = net.devices.get("lan0") ?? null;
  const route = net.ip6.routeInput(skb);
  return route.error === 0 ? route.dev.name : `error ${route.error}`;
}

const prefix = (end: "src" | "dst", text: string): Partial<PolicyRule6> => {
  const { address, prefixLength } = parseCidr6(text);
  return end === "src" ? { src: address, srcLength: prefixLength } : { dst: address, dstLength: prefixLength };
};

describe("what a rule looks at", () => {
  const cases: readonly (readonly [string, Partial<PolicyRule6>, Packet, string])[] = [
    ["a mark", { fwmark: 1, fwmask: 0xffffffff }, { mark: 1 }, "wan1"],
    ["another mark", { fwmark: 1, fwmask: 0xffffffff }, { mark: 3 }, "wan0"],
    ["a device", { iif: "lan0" }, {}, "wan1"],
    ["packets of this host", { iif: "lo" }, {}, "wan0"],
    ["a source", prefix("src", "fd00:1::/64"), {}, "wan1"],
    ["another source", prefix("src", "fd00:9::/64"), {}, "wan0"],
    ["a destination", prefix("dst", "2001:db8:7::7/128"), {}, "wan1"],
    ["a class", { tos: 0x48 }, { trafficClass: 0x4b }, "wan1"],
    ["all of a DSCP, unlike IPv4", { tos: 0x08 }, { trafficClass: 0x48 }, "wan0"],
    ["a protocol", { ipProtocol: IPPROTO_UDP }, {}, "wan1"],
    ["another protocol", { ipProtocol: IPPROTO_TCP }, {}, "wan0"],
    ["a port", { dport: [53, 53] }, {}, "wan1"],
    ["a protocol without ports", { dport: [53, 53] }, { protocol: IPPROTO_ICMPV6 }, "wan0"],
  ];
  it.each(cases)("%s", (_what, rule, packet, device) => {
    expect(leavesBy(router({ table: 100, ...rule }), "2001:db8:7::7", packet)).toBe(device);
  });

  it("of a packet of this host without a source: no `from` fits", () => {
    const net = router({ table: 100, ...prefix("src", "fd00:2::/64") });
    const dst = parseIPv6("2001:db8:7::7");
    const src = parseIPv6("fd00:2::1");
    expect([net.ip6.routeOutput({ dst }).dev.name, net.ip6.routeOutput({ dst, src }).dev.name]).toEqual([
      "wan0",
      "wan1",
    ]);
  });
});

describe("what a rule does", () => {
  const cases: readonly (readonly [string, readonly Partial<PolicyRule6>[], string])[] = [
    ["refuses", [{ action: FR_ACT_BLACKHOLE }], "error 22"],
    ["says unreachable", [{ action: FR_ACT_UNREACHABLE }], "error 101"],
    ["prohibits", [{ action: FR_ACT_PROHIBIT }], "error 13"],
    ["goes nowhere", [{ action: FR_ACT_GOTO, target: 20, priority: 5 }], "wan0"],
    ["keeps short prefixes out", [{ table: 100, suppressPrefixLength: 0 }], "wan0"],
    ["keeps devices of a group out", [{ table: 100, suppressGroup: 0 }], "wan0"],
    ["looks in a table without routes", [{ table: 7 }], "wan0"],
  ];
  it.each(cases)("%s", (_what, rules, outcome) => {
    expect(leavesBy(router(...rules), "2001:db8:9::9")).toBe(outcome);
  });

  it.each([
    ["a table", { table: 0 }, "Invalid table"],
    ["a class without ECN", { table: 5, tos: 3 }, "Invalid dsfield (tos): ECN bits must be 0"],
  ] as const)("needs %s", (_what, rule, sentence) => {
    expect(() => router(rule)).toThrow(new SystemError(22, sentence));
  });
});

describe("how a new route meets the others", () => {
  const cases: readonly (readonly [RouteAddMode, string, number, string])[] = [
    ["add", "fd00:2::8", 1024, "File exists"],
    ["add", "fd00:2::8", 5, "fd00:2::8|fd00:2::7"],
    ["append", "fd00:2::8", 1024, "fd00:2::7+fd00:2::8"],
    ["append", "fd00:2::7", 1024, "File exists"],
    ["prepend", "fd00:2::8", 1024, "fd00:2::7+fd00:2::8"],
    ["replace", "fd00:2::8", 1024, "fd00:2::8"],
    ["replace", "fd00:2::8", 5, "fd00:2::8|fd00:2::7"],
    ["change", "fd00:2::8", 1024, "fd00:2::8"],
    ["change", "fd00:2::8", 5, "No such file or directory"],
  ];
  it.each(cases)("%s via %s metric %i: %s", (mode, gateway, metric, outcome) => {
    const net = router();
    add(net, "2001:db8:9::/48", { gateway: parseIPv6("fd00:2::7") });
    const result = (): string => {
      try {
        add(net, "2001:db8:9::/48", { gateway: parseIPv6(gateway), metric }, mode);
      } catch (error) {
        if (error instanceof SystemError) return error.message;
        throw error;
      }
      const routes = net.ip6.routes().filter((route) => route.prefixLength === 48);
      const text = (route: Route6): string => (route.gateway === null ? "" : formatIPv6(route.gateway));
      const groups = new Set(routes.map((route) => (route.siblings ?? [route]).map(text).join("+")));
      return [...groups].join("|");
    };
    expect(result()).toBe(outcome);
  });

  it("a next hop of a device that went down takes no share until it is up", () => {
    const net = router();
    const nexthops = [{ gateway: parseIPv6("fd00:2::7") }, { gateway: parseIPv6("fd00:3::7"), weight: 3 }];
    add(net, "2001:db8:9::/48", { nexthops });
    const wan1 = net.devices.get("wan1");
    if (wan1 === undefined) throw new Error("no wan1");
    const ways = (): string[] => [
      ...new Set(Array.from({ length: 32 }, (_, i) => leavesBy(net, `2001:db8:9::${i + 1}`))),
    ];
    const both = ways().sort();
    net.ip.setDown(wan1);
    const one = ways();
    net.ip.setUp(wan1);
    expect([both, one, ways().sort()]).toEqual([["wan0", "wan1"], ["wan0"], ["wan0", "wan1"]]);
  });
});
