import { describe, expect, it } from "vitest";
import { VirtualClock } from "../clock.js";
import { addAddress } from "../dev/topology.js";
import { TunDevice } from "../dev/tun.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { parseIPv4 } from "../wire/address.js";
import type { NexthopRequest } from "./rtnetlink.js";

function router(nexthops: readonly NexthopRequest[], seed: string): NetNamespace {
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
  for (const [name, value] of [
    ["ip_forward", "1"],
    ["fib_multipath_hash_seed", seed],
  ])
    net.sysctl.lookup(`net.ipv4.${name}`)?.set?.(value);
  net.ip.addRoute({ dst: parseIPv4("203.0.113.0"), prefixLength: 24, nexthops });
  return net;
}

const gateway = (text: string, weight = 1): NexthopRequest => ({ gateway: parseIPv4(text), weight });

/**
 * The last figure of the gateways to 32 addresses, as `ip route get 203.0.113.N from 192.168.1.10 iif lan0` names them.
 */
function gateways(net: NetNamespace): string {
  const iif = net.devices.get("lan0") ?? null;
  const src = parseIPv4("192.168.1.10");
  return Array.from({ length: 32 }, (_, i) => {
    const answer = net.ip.routeGet({ dst: parseIPv4(`203.0.113.${i}`), src, iif });
    return answer.gateway & 0xff;
  }).join("");
}

describe("several next hops", () => {
  it("are chosen by Linux's own hash where the seed is given", () => {
    // As Linux 6.18 answered.
    const linux = "23323322332332323222323232333322";
    expect(gateways(router([gateway("198.51.100.2"), gateway("198.51.100.3")], "1"))).toBe(linux);
  });

  // As Linux 6.18 answered.
  it.each([
    ["1", "7", "32222223232332333322322222233322"],
    ["2", "7", "23323322332332323222323232333322"],
    ["3", "7", "32322332323222223333233322333223"],
    ["3", "1", "33333333333333333333333333333333"],
    ["3", "2", "22323323333323323332332332223332"],
    ["3", "55", "32322332323222223333233322333223"],
    ["3", "4032", "22222222222222222222222222222222"],
  ])("by policy %s with fields %s", (policy, fields, linux) => {
    const net = router([gateway("198.51.100.2"), gateway("198.51.100.3")], "1");
    net.sysctl.lookup("net.ipv4.fib_multipath_hash_policy")?.set?.(policy);
    net.sysctl.lookup("net.ipv4.fib_multipath_hash_fields")?.set?.(fields);
    expect(gateways(net)).toBe(linux);
  });

  it("get their shares", () => {
    const all = gateways(router([gateway("198.51.100.2", 256), gateway("198.51.100.3", 1)], "1"));
    expect(all).toBe("2".repeat(32));
  });

  it("are passed over while their device is down", () => {
    const net = router([gateway("198.51.100.2"), gateway("198.18.0.3")], "1");
    const wan1 = net.devices.get("wan1");
    if (wan1 === undefined) throw new Error("no wan1");
    net.ip.setDown(wan1);
    const [route] = net.ip.routes().filter((each) => each.paths !== null);
    expect(route.paths?.map((path) => path.dead)).toEqual([false, true]);
    expect(gateways(net)).toBe("2".repeat(32));
    net.ip.setUp(wan1);
    expect(gateways(net)).toContain("3");
  });

  it("go with the last of their devices", () => {
    const net = router([gateway("198.18.0.2"), gateway("198.18.0.3")], "1");
    const wan1 = net.devices.get("wan1");
    if (wan1 === undefined) throw new Error("no wan1");
    net.ip.setDown(wan1);
    expect(net.ip.routes().filter((each) => each.paths !== null)).toEqual([]);
  });

  it("draw their key where no seed is given", () => {
    expect(new Set(gateways(router([gateway("198.51.100.2"), gateway("198.51.100.3")], "0"))).size).toBe(2);
  });
});
