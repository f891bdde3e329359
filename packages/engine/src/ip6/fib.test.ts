/** Which of IPv6's routes a flow takes: by prefix, source, metric, preference of the router and device. */
import { expect, test } from "vitest";
import { VirtualClock } from "../clock.js";
import { TunDevice } from "../dev/tun.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { formatIPv6, parseCidr6, parseIPv6 } from "../wire/address.js";
import type { Route6Request, RouterPreference } from "./fib.js";
import { Flow6 } from "./rules.js";

interface Said {
  readonly to?: string;
  readonly from?: string;
  readonly metric?: number;
  readonly preference?: RouterPreference;
}

/** A namespace with devices a, b and c, and routes by them. */
function router(routes: readonly (readonly [dev: string, said: Said])[]): NetNamespace {
  const net = new NetNamespace("router", new VirtualClock(), new SeededRandom(1));
  for (const name of ["a", "b", "c"]) net.ip.setUp(new TunDevice(net, name));
  for (const [name, { to = "2001:db8:7::/48", from, ...more }] of routes) {
    const { address: dst, prefixLength } = parseCidr6(to);
    const source = from === undefined ? null : parseCidr6(from);
    const request: Route6Request = {
      dst,
      prefixLength,
      ...(source === null ? {} : { src: source.address, srcLength: source.prefixLength }),
      ...more,
      dev: net.devices.get(name) ?? null,
    };
    net.ip6.addRoute(request, "append");
  }
  return net;
}

const ways: readonly (readonly [
  what: string,
  routes: readonly (readonly [string, Said])[],
  asked: { readonly src?: string; readonly oif?: string; readonly iif?: string },
  way: string,
])[] = [
  [
    "the first of equal ones",
    [
      ["a", {}],
      ["b", {}],
    ],
    {},
    "a",
  ],
  [
    "the one of the device that is asked for",
    [
      ["a", {}],
      ["b", {}],
    ],
    { oif: "b" },
    "b",
  ],
  [
    "the one of the device of arrival",
    [
      ["a", {}],
      ["b", {}],
    ],
    { iif: "b", src: "fd00::1" },
    "b",
  ],
  [
    "the higher preference",
    [
      ["a", { preference: "low" }],
      ["b", {}],
      ["c", { preference: "high" }],
    ],
    {},
    "c",
  ],
  [
    "medium before low",
    [
      ["a", { preference: "low" }],
      ["b", {}],
    ],
    {},
    "b",
  ],
  [
    "a preference before the device",
    [
      ["a", { preference: "high" }],
      ["b", {}],
    ],
    { iif: "b", src: "fd00::1" },
    "a",
  ],
  [
    "a metric before a preference",
    [
      ["a", { metric: 5, preference: "low" }],
      ["b", { preference: "high" }],
    ],
    {},
    "a",
  ],
  [
    "a metric before the device",
    [
      ["a", { metric: 5 }],
      ["b", {}],
    ],
    { iif: "b", src: "fd00::1" },
    "a",
  ],
  [
    "of those behind a metric that will not do, the most preferred whatever its metric",
    [
      ["a", { metric: 1 }],
      ["b", { metric: 2 }],
      ["b", { metric: 3, preference: "high" }],
    ],
    { oif: "b" },
    "b metric 3",
  ],
  [
    "a source's route",
    [
      ["a", { from: "fd00::/16" }],
      ["b", {}],
    ],
    { src: "fd00::1" },
    "a",
  ],
  [
    "the longer source",
    [
      ["a", { from: "fd00::/16" }],
      ["b", { from: "fd00::1/128" }],
    ],
    { src: "fd00::1" },
    "b",
  ],
  ["none where only others' sources have routes", [["a", { from: "fd00::/16" }]], { src: "fd01::1" }, "none"],
  [
    "not that of all, where others' sources have routes to the same prefix",
    [
      ["a", { from: "fd00::/16" }],
      ["b", {}],
      ["c", { to: "::/0" }],
    ],
    { src: "fd01::1" },
    "c",
  ],
  [
    "but of the default route that of all",
    [
      ["a", { to: "::/0", from: "fd00::/16" }],
      ["b", { to: "::/0" }],
    ],
    {},
    "b",
  ],
  [
    "that of all, once a source's is barred",
    [
      ["a", { from: "fd00::/16" }],
      ["b", {}],
    ],
    { iif: "b", oif: "b", src: "fd00::1" },
    "b",
  ],
  [
    "the longer destination before the longer source",
    [
      ["a", { to: "2001:db8::/32", from: "fd00::1/128" }],
      ["b", { from: "fd00::/16" }],
    ],
    { src: "fd00::1" },
    "b",
  ],
];

test.each(ways)("%s", (what, routes, { src, oif, iif }, way) => {
  const net = router(routes);
  const device = (name: string | undefined) => (name === undefined ? null : (net.devices.get(name) ?? null));
  const route = net.ip6.routeOutput({
    dst: parseIPv6("2001:db8:7::1"),
    src: src === undefined ? null : parseIPv6(src),
    oif: device(oif),
    iif: device(iif),
  });
  const metric = route.metric === 3 ? " metric 3" : "";
  expect(route.error === 0 ? `${route.dev.name}${metric}` : "none", what).toBe(way);
});

test("what a host's sender has no source for yet is sent from where there is a way", () => {
  const net = router([["a", { to: "::/0", from: "fd00:1::/64" }]]);
  const { address, prefixLength } = parseCidr6("fd00:1::5/64");
  const a = net.devices.get("a");
  if (a === undefined) throw new Error("no device");
  net.ip6.addAddress(a, address, prefixLength);
  const dst = parseIPv6("2001:db8::1");
  expect(net.ip6.routeOutput({ dst }).error).not.toBe(0);
  const { route, src } = net.ip6.routeAndSource({ dst });
  expect([route.error, src]).toEqual([0, address]);
});

test("routes by a device of a group do not count for a rule that suppresses it", () => {
  const net = router([
    ["a", {}],
    ["b", { to: "::/0" }],
  ]);
  const dst = parseIPv6("2001:db8:7::1");
  net.ip6.addRule({ action: 1, table: 254, suppressGroup: 5, priority: 10 });
  net.ip6.deleteRule({ priority: 0x7ffe });
  const way = (): string => net.ip6.routeOutput({ dst }).dev.name;
  expect(way()).toBe("a");
  const a = net.devices.get("a");
  if (a !== undefined) a.group = 5;
  expect(way()).toBe("lo");
  expect(net.ip6.routeOutput({ dst }).error).not.toBe(0);
});

test("routers that were found not to answer are passed over, unless there is no other", () => {
  const net = new NetNamespace("host", new VirtualClock(), new SeededRandom(1));
  for (const name of ["a", "b"]) net.ip.setUp(new TunDevice(net, name));
  const dst = parseIPv6("2001:db8:7::1");
  for (const [name, gateway, prefixLength, metric] of [
    ["a", "fe80::1", 64, 1],
    ["a", "fe80::2", 64, 2],
    ["b", "fe80::3", 48, 1],
  ] as const)
    net.ip6.addRoute({
      dst,
      prefixLength,
      metric,
      gateway: parseIPv6(gateway),
      dev: net.devices.get(name) ?? null,
      onlink: true,
    });
  const way = (...silent: string[]): string => {
    const flow = new Flow6();
    flow.dst = dst;
    flow.failed = ({ gateway }) => gateway !== null && silent.includes(formatIPv6(gateway));
    return formatIPv6(net.ip6.fib.lookup(flow).gateway ?? dst);
  };
  expect(way()).toBe("fe80::1");
  expect(way("fe80::1")).toBe("fe80::2");
  expect(way("fe80::1", "fe80::2")).toBe("fe80::3");
  expect(way("fe80::1", "fe80::2", "fe80::3")).toBe("fe80::1");
});
