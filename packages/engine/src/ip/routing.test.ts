/**
 * Routing tables, `ip route get` and the kernel's refusals. The expected lines were recorded on Linux 6.18 with
 * iproute2 6.1, in a namespace set up with the same commands (veth pairs a0-a1 and b0-b1); `uid 0` is left out.
 */
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../clock.js";
import type { NetDevice } from "../dev/device.js";
import { createVethPair } from "../dev/pair.js";
import { SystemError, strerror } from "../errno.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { formatIPv4, parseCidr, parseIPv4 } from "../wire/address.js";
import { type Route, type RouteGetRequest, type RouteRequest, RT_TABLE_LOCAL } from "./rtnetlink.js";
import { FR_ACT_PROHIBIT } from "./rules.js";

const TYPES = [
  "",
  "",
  "local ",
  "broadcast ",
  "anycast ",
  "multicast ",
  "blackhole ",
  "unreachable ",
  "prohibit ",
  "throw ",
];

/** As `ip route show` prints it. */
function line(route: Route, localTable = false): string {
  const words: string[] = [];
  const prefix = route.prefixLength === 32 ? formatIPv4(route.dst) : `${formatIPv4(route.dst)}/${route.prefixLength}`;
  words.push(`${TYPES[route.type]}${route.prefixLength === 0 ? "default" : prefix}`);
  if (route.gateway !== 0) words.push(`via ${formatIPv4(route.gateway)}`);
  if (route.dev !== null) words.push(`dev ${route.dev.name}`);
  if (route.protocol === 2) words.push("proto kernel");
  if (route.protocol === 2 || localTable)
    words.push(`scope ${route.scope === 253 ? "link" : route.scope === 254 ? "host" : route.scope}`);
  if (route.prefsrc !== 0) words.push(`src ${formatIPv4(route.prefsrc)}`);
  if (route.priority !== 0) words.push(`metric ${route.priority}`);
  if (route.linkdown) words.push("linkdown");
  if (route.onlink) words.push("onlink");
  if (route.mtu !== 0) words.push(`mtu ${route.mtu}`);
  return words.join(" ");
}

interface Setup {
  net: NetNamespace;
  a0: NetDevice;
  b0: NetDevice;
  b1: NetDevice;
  show: (table?: number) => string[];
}

function route(text: string, more: Partial<RouteRequest> = {}): RouteRequest {
  const [prefix, via] = text.split(" via ");
  const { address, prefixLength } = prefix === "default" ? { address: 0, prefixLength: 0 } : parseCidr(prefix);
  return { dst: address, prefixLength, ...(via === undefined ? {} : { gateway: parseIPv4(via) }), ...more };
}

function setup(): Setup {
  const net = new NetNamespace("x", new VirtualClock(), new SeededRandom(1));
  const [a0, a1] = createVethPair({ net, name: "a0" }, { net, name: "a1" });
  const [b0, b1] = createVethPair({ net, name: "b0" }, { net, name: "b1" });
  for (const dev of [net.loopback, a0, a1, b0, b1]) net.ip.setUp(dev);
  const add = (dev: NetDevice, text: string, more: object = {}): void => {
    const { address, prefixLength } = parseCidr(text);
    net.ip.addAddress(dev, { local: address, prefixLength, ...more });
  };
  add(a0, "10.1.0.1/24");
  add(a0, "10.1.0.9/24");
  add(b0, "10.2.0.1/24", { broadcast: parseIPv4("10.2.0.255") });
  add(b0, "10.9.9.1/32");
  add(b0, "10.7.0.1/32", { peer: parseIPv4("10.7.0.2") });
  net.ip.addRoute(route("172.16.0.0/12 via 10.1.0.254"));
  net.ip.addRoute(route("172.16.5.0/24 via 10.2.0.254", { priority: 100 }));
  net.ip.addRoute(route("172.16.5.0/24 via 10.1.0.253", { priority: 50 }));
  net.ip.addRoute(route("192.0.2.0/24", { type: 6 }));
  net.ip.addRoute(route("192.0.3.0/24", { type: 7 }));
  net.ip.addRoute(route("192.0.4.0/24", { type: 8 }));
  net.ip.addRoute(route("192.0.5.0/24", { type: 9 }));
  net.ip.addRoute(route("default via 10.2.0.254", { prefsrc: parseIPv4("10.9.9.1"), mtu: 1400 }));
  net.ip.addRoute(route("198.51.100.0/24 via 203.0.113.1", { dev: a0, onlink: true }));
  net.ip.addRoute(route("default via 10.1.0.77", { table: 100 }));
  net.ip.addRoute(route("198.18.0.0/15 via 10.1.0.1"));
  net.ip.addRoute(route("198.18.5.0/24 via 10.1.0.254", { tos: 0x08 }));
  net.ip.addRule({ fwmark: 7, fwmask: 0xffffffff, table: 100 });
  net.ip.addRule({ src: parseIPv4("10.9.9.1"), srcLength: 32, dst: parseIPv4("8.8.4.4"), dstLength: 32, table: 100 });
  net.ip.addRule({ dst: parseIPv4("9.9.9.9"), dstLength: 32, action: FR_ACT_PROHIBIT });
  return { net, a0, b0, b1, show: (table) => net.ip.routes(table).map((r) => line(r)) };
}

describe("route tables", () => {
  it("lists what `ip route` lists", () => {
    const { show } = setup();
    expect(show()).toEqual([
      "default via 10.2.0.254 dev b0 src 10.9.9.1 mtu 1400",
      "10.1.0.0/24 dev a0 proto kernel scope link src 10.1.0.1",
      "10.2.0.0/24 dev b0 proto kernel scope link src 10.2.0.1",
      "10.7.0.2 dev b0 proto kernel scope link src 10.7.0.1",
      "172.16.0.0/12 via 10.1.0.254 dev a0",
      "172.16.5.0/24 via 10.1.0.253 dev a0 metric 50",
      "172.16.5.0/24 via 10.2.0.254 dev b0 metric 100",
      "blackhole 192.0.2.0/24",
      "unreachable 192.0.3.0/24",
      "prohibit 192.0.4.0/24",
      "throw 192.0.5.0/24",
      "198.18.0.0/15 via 10.1.0.1 dev a0",
      "198.18.5.0/24 via 10.1.0.254 dev a0",
      "198.51.100.0/24 via 203.0.113.1 dev a0 onlink",
    ]);
    expect(show(RT_TABLE_LOCAL)).toEqual([
      "local 10.1.0.1 dev a0 proto kernel scope host src 10.1.0.1",
      "local 10.1.0.9 dev a0 proto kernel scope host src 10.1.0.1",
      "broadcast 10.1.0.255 dev a0 proto kernel scope link src 10.1.0.1",
      "local 10.2.0.1 dev b0 proto kernel scope host src 10.2.0.1",
      "broadcast 10.2.0.255 dev b0 proto kernel scope link src 10.2.0.1",
      "local 10.7.0.1 dev b0 proto kernel scope host src 10.7.0.1",
      "local 10.9.9.1 dev b0 proto kernel scope host src 10.9.9.1",
      "local 127.0.0.0/8 dev lo proto kernel scope host src 127.0.0.1",
      "local 127.0.0.1 dev lo proto kernel scope host src 127.0.0.1",
      "broadcast 127.255.255.255 dev lo proto kernel scope link src 127.0.0.1",
    ]);
  });

  it("numbers rules from the second on downwards", () => {
    expect(
      setup()
        .net.ip.rules()
        .map((rule) => rule.priority),
    ).toEqual([0, 32763, 32764, 32765, 32766, 32767]);
  });

  it("keeps routes over a dead link, and loses them with the device and with its last address", () => {
    const { net, a0, b0, b1, show } = setup();
    net.ip.setDown(b1);
    expect(show().filter((text) => text.includes("linkdown"))).toEqual([
      "default via 10.2.0.254 dev b0 src 10.9.9.1 linkdown mtu 1400",
      "10.2.0.0/24 dev b0 proto kernel scope link src 10.2.0.1 linkdown",
      "10.7.0.2 dev b0 proto kernel scope link src 10.7.0.1 linkdown",
      "172.16.5.0/24 via 10.2.0.254 dev b0 metric 100 linkdown",
    ]);
    net.ip.setDown(b0);
    expect(show()).toEqual([
      "10.1.0.0/24 dev a0 proto kernel scope link src 10.1.0.1",
      "172.16.0.0/12 via 10.1.0.254 dev a0",
      "172.16.5.0/24 via 10.1.0.253 dev a0 metric 50",
      "blackhole 192.0.2.0/24",
      "unreachable 192.0.3.0/24",
      "prohibit 192.0.4.0/24",
      "throw 192.0.5.0/24",
      "198.18.0.0/15 via 10.1.0.1 dev a0",
      "198.18.5.0/24 via 10.1.0.254 dev a0",
      "198.51.100.0/24 via 203.0.113.1 dev a0 onlink",
    ]);
    expect(show(RT_TABLE_LOCAL).filter((text) => text.includes("b0"))).toEqual([
      "local 10.2.0.1 dev b0 proto kernel scope host src 10.2.0.1",
      "local 10.7.0.1 dev b0 proto kernel scope host src 10.7.0.1",
      "local 10.9.9.1 dev b0 proto kernel scope host src 10.9.9.1",
    ]);
    net.ip.setUp(b0);
    net.ip.deleteAddress(a0, { local: parseIPv4("10.1.0.1"), prefixLength: 24 });
    expect(net.ip.addresses(a0)).toEqual([]);
    expect(show()).toEqual([
      "10.2.0.0/24 dev b0 proto kernel scope link src 10.2.0.1 linkdown",
      "10.7.0.2 dev b0 proto kernel scope link src 10.7.0.1 linkdown",
      "blackhole 192.0.2.0/24",
      "unreachable 192.0.3.0/24",
      "prohibit 192.0.4.0/24",
      "throw 192.0.5.0/24",
    ]);
    expect(show(RT_TABLE_LOCAL).filter((text) => text.includes("a0"))).toEqual([]);
  });
});

describe("ip route get", () => {
  const get = (question: string): string => {
    const { net } = setup();
    const [to, ...rest] = question.split(" ");
    let src = 0;
    let mark = 0;
    let tos = 0;
    let oif: NetDevice | null = null;
    let iif: NetDevice | null = null;
    for (let i = 0; i < rest.length; i += 2) {
      if (rest[i] === "from") src = parseIPv4(rest[i + 1]);
      else if (rest[i] === "mark") mark = Number(rest[i + 1]);
      else if (rest[i] === "tos") tos = Number(rest[i + 1]);
      else if (rest[i] === "iif") iif = net.devices.get(rest[i + 1]) ?? null;
      else oif = net.devices.get(rest[i + 1]) ?? null;
    }
    const request: RouteGetRequest = { dst: parseIPv4(to), src, mark, tos, oif, iif };
    try {
      const answer = net.ip.routeGet(request);
      const words = [`${TYPES[answer.type]}${formatIPv4(answer.dst)}`];
      if (answer.src !== 0) words.push(`from ${formatIPv4(answer.src)}`);
      if (answer.tos !== 0) words.push(`tos 0x${answer.tos.toString(16).padStart(2, "0")}`);
      if (answer.gateway !== 0) words.push(`via ${formatIPv4(answer.gateway)}`);
      words.push(`dev ${answer.dev?.name ?? ""}`);
      if (answer.table !== 254) words.push(`table ${answer.table === 255 ? "local" : answer.table}`);
      if (answer.prefsrc !== 0) words.push(`src ${formatIPv4(answer.prefsrc)}`);
      if (answer.mark !== 0) words.push(`mark ${answer.mark}`);
      words.push("cache");
      if (answer.flags.length > 0) words.push(`<${answer.flags.join()}>`);
      if (answer.mtu !== 0) words.push(`mtu ${answer.mtu}`);
      return words.join(" ");
    } catch (error) {
      if (error instanceof SystemError) return strerror(error.errno);
      throw error;
    }
  };

  it.each([
    ["10.1.0.1", "local 10.1.0.1 dev lo table local src 10.1.0.1 cache <local>"],
    ["10.1.0.5", "10.1.0.5 dev a0 src 10.1.0.1 cache"],
    ["10.1.0.255", "broadcast 10.1.0.255 dev a0 table local src 10.1.0.1 cache <local,brd>"],
    ["10.2.0.255", "broadcast 10.2.0.255 dev b0 table local src 10.2.0.1 cache <local,brd>"],
    ["10.7.0.2", "10.7.0.2 dev b0 src 10.7.0.1 cache"],
    ["172.16.9.9", "172.16.9.9 via 10.1.0.254 dev a0 src 10.1.0.1 cache"],
    ["172.16.5.5", "172.16.5.5 via 10.1.0.253 dev a0 src 10.1.0.1 cache"],
    ["192.0.2.1", "Invalid argument"],
    ["192.0.3.1", "No route to host"],
    ["192.0.4.1", "Permission denied"],
    ["192.0.5.1", "Network is unreachable"],
    ["8.8.8.8", "8.8.8.8 via 10.2.0.254 dev b0 src 10.9.9.1 cache mtu 1400"],
    ["198.51.100.7", "198.51.100.7 via 203.0.113.1 dev a0 src 10.1.0.1 cache"],
    ["127.0.0.1", "local 127.0.0.1 dev lo table local src 127.0.0.1 cache <local>"],
    ["127.9.9.9", "local 127.9.9.9 dev lo table local src 127.0.0.1 cache <local>"],
    ["255.255.255.255", "broadcast 255.255.255.255 dev b0 src 10.9.9.1 cache <local,brd>"],
    ["224.0.0.5", "multicast 224.0.0.5 dev b0 src 10.9.9.1 cache <mc>"],
    ["8.8.8.8 mark 7", "8.8.8.8 via 10.1.0.77 dev a0 table 100 src 10.1.0.1 mark 7 cache"],
    ["8.8.4.4 from 10.9.9.1", "8.8.4.4 from 10.9.9.1 via 10.1.0.77 dev a0 table 100 cache"],
    ["8.8.4.4 from 10.1.0.1", "8.8.4.4 from 10.1.0.1 via 10.2.0.254 dev b0 cache mtu 1400"],
    ["9.9.9.9", "Permission denied"],
    ["8.8.8.8 oif a0", "8.8.8.8 dev a0 src 10.1.0.1 cache"],
    ["1.2.3.4 from 5.6.7.8", "Network is unreachable"],
    ["10.1.0.1 oif a0", "local 10.1.0.1 dev lo table local src 10.1.0.1 cache <local>"],
    ["198.18.5.5", "198.18.5.5 dev a0 src 10.1.0.1 cache"],
    ["198.18.5.5 tos 0x28", "198.18.5.5 tos 0x08 via 10.1.0.254 dev a0 src 10.1.0.1 cache"],
    ["9.9.9.8 from 10.1.0.5 iif b0", "No route to host"],
    ["10.1.0.1 from 10.1.0.9", "local 10.1.0.1 from 10.1.0.9 dev lo table local cache <local>"],
  ])("%s", (question, answer) => {
    expect(get(question)).toBe(answer);
  });
});

describe("refusals", () => {
  const cases: readonly (readonly [string, (s: Setup) => void, string | null])[] = [
    [
      "addr add 10.1.0.1/24 dev a0",
      ({ net, a0 }) => net.ip.addAddress(a0, { local: 0x0a010001, prefixLength: 24 }),
      "ipv4: Address already assigned",
    ],
    [
      "addr del 10.1.0.8/24 dev a0",
      ({ net, a0 }) => net.ip.deleteAddress(a0, { local: 0x0a010008, prefixLength: 24 }),
      "ipv4: Address not found",
    ],
    [
      "route add 10.5.0.0/16 via 11.0.0.1 without default",
      ({ net }) => net.ip.addRoute(route("10.5.0.0/16 via 11.0.0.1")),
      "Nexthop has invalid gateway",
    ],
    [
      "route add 10.5.0.1/16 via 10.1.0.254",
      ({ net }) => net.ip.addRoute(route("10.5.0.1/16 via 10.1.0.254")),
      "Invalid prefix for given prefix length",
    ],
    ["route add default via 10.2.0.254", ({ net }) => net.ip.addRoute(route("default via 10.2.0.254")), "File exists"],
    [
      "route add 172.16.0.0/12 via 10.1.0.254",
      ({ net }) => net.ip.addRoute(route("172.16.0.0/12 via 10.1.0.254")),
      "File exists",
    ],
    ["route del 10.5.0.0/16", ({ net }) => net.ip.deleteRoute(route("10.5.0.0/16")), "No such process"],
    [
      "route change 10.5.0.0/16 via 10.1.0.254",
      ({ net }) => net.ip.addRoute(route("10.5.0.0/16 via 10.1.0.254"), "change"),
      "No such file or directory",
    ],
    ["route add 10.5.0.0/16 via 10.1.0.1", ({ net }) => net.ip.addRoute(route("10.5.0.0/16 via 10.1.0.1")), null],
    [
      "route add 10.5.0.0/16 via 10.1.0.255",
      ({ net }) => net.ip.addRoute(route("10.5.0.0/16 via 10.1.0.255")),
      "Nexthop has invalid gateway",
    ],
    [
      "route add 10.5.0.0/16 dev a0 src 1.2.3.4",
      ({ net, a0 }) => net.ip.addRoute(route("10.5.0.0/16", { dev: a0, prefsrc: 0x01020304 })),
      "Invalid prefsrc address",
    ],
    [
      "route del 10.5.0.0/16 table 77",
      ({ net }) => net.ip.deleteRoute(route("10.5.0.0/16", { table: 77 })),
      "FIB table does not exist",
    ],
    ["rule del fwmark 8", ({ net }) => net.ip.deleteRule({ fwmark: 8 }), "No such file or directory"],
    ["route add 10.6.0.0/16", ({ net }) => net.ip.addRoute(route("10.6.0.0/16")), "No such device"],
    [
      "route add unreachable 10.6.0.0/16 dev a0",
      ({ net, a0 }) => net.ip.addRoute(route("10.6.0.0/16", { type: 7, dev: a0 })),
      "Gateway, device and multipath can not be specified for this route type",
    ],
    ["link set b0 mtu 60", ({ net, b0 }) => net.ip.setMtu(b0, 60), "mtu less than device minimum"],
    ["link set b0 mtu 70000", ({ net, b0 }) => net.ip.setMtu(b0, 70000), "mtu greater than device maximum"],
    [
      "route add 10.5.0.0/16 dev b0, which is down",
      ({ net, b0 }) => {
        net.ip.setDown(b0);
        net.ip.addRoute(route("10.5.0.0/16", { dev: b0 }));
      },
      "Device for nexthop is not up",
    ],
  ];
  it.each(cases)("%s", (_command, act, refusal) => {
    let got: string | null = null;
    try {
      act(setup());
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      got = error.message;
    }
    expect(got).toBe(refusal);
  });
});
