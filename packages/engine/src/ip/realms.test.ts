import { describe, expect, it } from "vitest";
import { VirtualClock } from "../clock.js";
import { addAddress } from "../dev/topology.js";
import { TunDevice } from "../dev/tun.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { SkBuff } from "../skb.js";
import { parseCidr, parseIPv4 } from "../wire/address.js";
import { put16, put32 } from "../wire/bytes.js";
import { IPPROTO_UDP } from "../wire/ipv4.js";
import { combineTag, setClassTag } from "./realms.js";
import type { Rtable } from "./route.js";

/** Realms as `ip` writes them, `FROM/TO`. */
const realms = (from: number, to: number): number => from * 0x10000 + to;

describe("classes", () => {
  it.each([
    // class, tag, result
    [0, 0, 0],
    [0, realms(1, 2), realms(1, 2)],
    [realms(0, 7), realms(1, 2), realms(1, 7)],
    [realms(7, 0), realms(1, 2), realms(7, 2)],
    [realms(7, 8), realms(1, 2), realms(7, 8)],
    [0, realms(0xffff, 0xffff), 0xffffffff],
  ])("%d with the tag %d", (tclassid, tag, result) => {
    expect(setClassTag(tclassid, tag)).toBe(result);
  });

  it.each([
    // the way back's, its rule's, the tag
    [0, 0, 0],
    [realms(0, 7), 0, realms(7, 0)],
    [realms(3, 7), 0, realms(7, 0)],
    [realms(3, 0), 0, 0],
    [0, realms(4, 5), realms(5, 4)],
    [realms(0, 7), realms(4, 5), realms(7, 4)],
    [realms(3, 0), realms(4, 5), realms(5, 4)],
    [0xffffffff, 0xffffffff, 0xffffffff],
  ])("of a source whose way back has %d by a rule with %d", (nexthop, rule, tag) => {
    expect(combineTag(nexthop, rule)).toBe(tag);
  });
});

/** A router whose client is of realm 1, with two ways to realm 2 and a local address of realm 9. */
function router(): NetNamespace {
  const net = new NetNamespace("router", new VirtualClock(), new SeededRandom(1));
  for (const [name, address] of [
    ["lan0", "10.0.0.1/24"],
    ["wan0", "10.1.0.1/24"],
  ] as const) {
    const dev = new TunDevice(net, name);
    net.ip.setUp(dev);
    addAddress(dev, address);
  }
  net.sysctl.lookup("net.ipv4.ip_forward")?.set?.("1");
  const route = (prefix: string, gateway: string, more: object): void => {
    const { address, prefixLength } = parseCidr(prefix);
    net.ip.addRoute({ dst: address, prefixLength, gateway: parseIPv4(gateway), ...more });
  };
  route("10.9.1.0/24", "10.0.0.2", { realms: 1 });
  route("10.9.2.0/24", "10.1.0.2", { realms: 2 });
  route("10.9.3.0/24", "10.1.0.2", {});
  route("10.9.3.0/24", "10.1.0.2", { table: 100 });
  route("10.9.4.0/24", "10.1.0.2", { table: 100 });
  return net;
}

function packet(net: NetNamespace, src: string, dst: string, dev = "lan0"): Rtable | null {
  const skb = new SkBuff(new Uint8Array(28));
  const { data } = skb;
  data[0] = 0x45;
  put16(data, 2, 28);
  data[8] = 64;
  data[9] = IPPROTO_UDP;
  put32(data, 12, parseIPv4(src));
  put32(data, 16, parseIPv4(dst));
  skb.transportOffset = 20;
  const iif = net.devices.get(dev);
  if (iif === undefined) throw new Error(`no ${dev}`);
  return net.ip.routing.input(skb, iif);
}

const sent = (net: NetNamespace, dst: string): number =>
  net.ip.routing.output(parseIPv4(dst), 0, 0, 0, null)?.tclassid ?? -1;

describe("a packet's class", () => {
  it.each([
    // src, dst, device, class; as Linux 6.18 answers
    ["10.9.1.7", "10.9.2.7", "lan0", realms(1, 2)],
    ["10.9.2.7", "10.9.1.7", "wan0", realms(2, 1)],
    ["10.9.1.7", "10.9.3.7", "lan0", realms(1, 0)],
    ["10.0.0.7", "10.9.2.7", "lan0", realms(0, 2)],
    ["10.0.0.7", "10.9.3.7", "lan0", 0],
    ["10.9.1.7", "10.0.0.1", "lan0", realms(1, 0)],
    ["10.9.1.7", "255.255.255.255", "lan0", realms(1, 0)],
    ["10.9.1.7", "224.0.0.1", "lan0", realms(1, 0)],
  ])("from %s to %s by %s", (src, dst, dev, tclassid) => {
    expect(packet(router(), src, dst, dev)?.tclassid).toBe(tclassid);
  });

  it("of this host's own packets is the route's", () => {
    const net = router();
    expect([sent(net, "10.9.2.7"), sent(net, "10.9.3.7"), sent(net, "10.0.0.1")]).toEqual([2, 0, 0]);
  });

  it("has a rule's realms where the route has none, and they stay with all routes that say the same", () => {
    const net = router();
    const rule = (dst: string, table: number, priority: number, from: number, to: number): void => {
      const { address, prefixLength } = parseCidr(dst);
      net.ip.addRule({ dst: address, dstLength: prefixLength, table, priority, realms: realms(from, to) });
    };
    rule("10.9.2.0/24", 254, 10, 5, 6);
    rule("10.9.3.0/24", 100, 11, 5, 6);
    rule("10.9.4.0/24", 100, 12, 7, 8);
    expect(packet(net, "10.0.0.7", "10.9.2.7")?.tclassid).toBe(realms(5, 2));
    expect(packet(net, "10.0.0.7", "10.9.3.7")?.tclassid).toBe(realms(5, 6));
    // One `struct fib_info` with the one before.
    expect(packet(net, "10.0.0.7", "10.9.4.7")?.tclassid).toBe(realms(5, 6));
    // A source with a realm makes a decision of its own; the way back from there has a rule too.
    expect(packet(net, "10.9.1.7", "10.9.4.7")?.tclassid).toBe(realms(7, 8));
    expect(packet(net, "10.9.3.7", "10.9.1.7", "wan0")?.tclassid).toBe(realms(6, 1));
  });

  it("comes with a decision that is kept", () => {
    const net = router();
    const first = packet(net, "10.9.1.7", "10.9.2.7");
    const other = packet(net, "10.0.0.7", "10.9.2.7");
    expect(first).not.toBe(other);
    expect(packet(net, "10.9.1.8", "10.9.2.9")).toBe(first);
    expect(packet(net, "10.9.1.7", "10.9.2.7")).toBe(first);
    expect(packet(net, "10.0.0.7", "10.9.2.7")).toBe(other);
  });

  it("is asked for as long as a route or a rule has a realm: then sources are looked up", () => {
    const net = router();
    // A broadcast address is no source once it is looked up.
    const accepted = (): boolean => packet(net, "10.0.0.255", "10.9.3.7") !== null;
    expect([net.ip.fib.usesRealms, accepted()]).toEqual([true, false]);
    for (const prefix of ["10.9.1.0", "10.9.2.0"])
      net.ip.deleteRoute({ dst: parseIPv4(prefix), prefixLength: 24, realms: 77 });
    expect([net.ip.fib.usesRealms, accepted()]).toEqual([false, true]);
    net.ip.addRule({ priority: 5, realms: 0 });
    expect(net.ip.fib.usesRealms).toBe(false);
    net.ip.addRule({ priority: 6, realms: 3 });
    expect(net.ip.fib.usesRealms).toBe(true);
    net.ip.deleteRule({ priority: 6, realms: 3 });
    expect(net.ip.fib.usesRealms).toBe(false);
  });
});
