/**
 * ICMP errors of a forwarding host, byte for byte as Linux 6.18 sent them, and the reverse path filter's table as it
 * behaved there. Recorded in namespaces with tcpdump (requests of iputils' ping) and by sending spoofed packets. The
 * identification of an error is the kernel's free choice: both sides are compared with it zeroed.
 */
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../clock.js";
import { createVethPair } from "../dev/pair.js";
import { addAddress } from "../dev/topology.js";
import { TunDevice } from "../dev/tun.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { parseCidr, parseIPv4 } from "../wire/address.js";
import { put16 } from "../wire/bytes.js";
import { buildIPv4, ipv4SetChecksum } from "../wire/ipv4.js";

/** A number after a plus sign stands for so many bytes of ping's pattern (each its own offset in the payload). */
function bytes(text: string, from: number): Uint8Array {
  const [hex, more] = text.split("+");
  const head = hex.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? [];
  const rest = more === undefined ? 0 : Number(more);
  return Uint8Array.from([...head, ...Array.from({ length: rest }, (_, i) => (head.length + i - from) & 0xff)]);
}

function withoutId(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  put16(copy, 4, 0);
  ipv4SetChecksum(copy, 0);
  return copy;
}

interface Router {
  readonly net: NetNamespace;
  readonly g0: TunDevice;
  readonly sent: Uint8Array[];
}

/** A router between 10.1.0.0/24 (g0) and 10.2.0.0/24 (g1, whose other end is empty). */
function router(): Router {
  const net = new NetNamespace("gateway", new VirtualClock(), new SeededRandom(1));
  net.ip.setUp(net.loopback);
  net.sysctl.lookup("net.ipv4.ip_forward")?.set?.("1");
  const g0 = new TunDevice(net, "g0");
  const [g1, s0] = createVethPair({ net, name: "g1" }, { net, name: "s0" });
  addAddress(g0, "10.1.0.1/24");
  addAddress(g1, "10.2.0.1/24");
  for (const dev of [g0, g1, s0]) net.ip.setUp(dev);
  const sent: Uint8Array[] = [];
  g0.onTransmit = (packet) => sent.push(packet.slice());
  const refuse = (prefix: string, type: number): void => {
    const { address, prefixLength } = parseCidr(prefix);
    net.ip.addRoute({ dst: address, prefixLength, type });
  };
  refuse("203.0.113.0/25", 7);
  refuse("203.0.113.128/26", 8);
  refuse("203.0.113.192/26", 6);
  net.ip.setMtu(g1, 1000);
  return { net, g0, sent };
}

describe("errors of a router", () => {
  it.each([
    [
      "ttl exceeded",
      "45000054b43940000101b1690a0100020a02000208001c3a5e4f0001fb18036b00000000bd1e030000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
      "45c000701c590000400149700a0100010a0100020b00f4ff0000000045000054b43940000101b1690a0100020a02000208001c3a5e4f0001fb18036b00000000bd1e030000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
    ],
    [
      "net unreachable",
      "45000054d9fc4000400194a80a010002c0000201080014005e520001fc18036b00000000c155060000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
      "45c000701c8e00004001493b0a0100010a0100020300fcff0000000045000054d9fc4000400194a80a010002c0000201080014005e520001fc18036b00000000c155060000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
    ],
    [
      "host unreachable (unreachable route)",
      "45000054505840004001a44c0a010002cb0071010800d81c5e720001fd18036b00000000f8180a0000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
      "45c000701d660000400148630a0100010a0100020301fcfe0000000045000054505840004001a44c0a010002cb0071010800d81c5e720001fd18036b00000000f8180a0000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
    ],
    [
      "admin prohibited (prohibit route)",
      "45000054cfd24000400124520a010002cb0071810800fee05e760001fe18036b00000000cd500d0000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
      "45c000701d6a00004001485f0a0100010a010002030dfcf20000000045000054cfd24000400124520a010002cb0071810800fee05e760001fe18036b00000000cd500d0000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
    ],
    [
      "fragmentation needed",
      "450004cc000040004001222b0a0100020a020002080049505e8a00010119036b000000007b83010000000000101112131415161718191a1b1c1d1e1f20212223+1164",
      "45c002401ec70000400145320a0100010a010002030473e1000003e8450004cc000040004001222b0a0100020a020002080049505e8a00010119036b000000007b83010000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b+476",
    ],
    [
      "host unreachable (nobody answers)",
      "4500005440ba40004001e59d0a0100020a02004d0800f2e55eae00010419036b00000000d713090000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
      "45c000701f040000400146c50a0100010a0100020301fcfe000000004500005440ba40003f01e69d0a0100020a02004d0800f2e55eae00010419036b00000000d713090000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
    ],
  ])("%s", (_what, request, error) => {
    const { net, g0, sent } = router();
    g0.inject(bytes(request, 28));
    net.clock.advance(4_000_000);
    expect(sent.map(withoutId)).toEqual([withoutId(bytes(error, 56))]);
  });

  const echo = (more: Partial<Parameters<typeof buildIPv4>[0]> = {}): Uint8Array =>
    buildIPv4({
      src: parseIPv4("10.1.0.2"),
      dst: parseIPv4("192.0.2.1"),
      protocol: 17,
      payload: new Uint8Array(16),
      ...more,
    });
  it.each<[string, Uint8Array, number]>([
    ["a datagram without route", echo(), 1],
    ["one to a blackhole", echo({ dst: parseIPv4("203.0.113.200") }), 0],
    ["an ICMP error", echo({ protocol: 1, payload: Uint8Array.of(3, 1, 0, 0, 0, 0, 0, 0) }), 0],
    ["an echo request", echo({ protocol: 1, payload: Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0) }), 1],
    ["a later fragment", echo({ fragmentOffset: 8 }), 0],
    ["a first fragment", echo({ moreFragments: true }), 1],
    ["a packet from nowhere", echo({ src: 0 }), 0],
  ])("%s: errors sent", (_what, packet, count) => {
    const { g0, sent } = router();
    g0.inject(packet);
    expect(sent.length).toBe(count);
  });

  it("sends six errors to one host at once, then one a second (icmp_ratelimit)", () => {
    const { net, g0, sent } = router();
    const expired = (): void => g0.inject(echo({ dst: parseIPv4("10.2.0.9"), ttl: 1 }));
    for (let i = 0; i < 20; i++) expired();
    expect(sent.length).toBe(6);
    net.clock.advance(999_000);
    expired();
    expect(sent.length).toBe(6);
    net.clock.advance(1000);
    expired();
    expired();
    expect(sent.length).toBe(7);
    expect(net.ip.snmp.icmp.OutRateLimitHost).toBe(16);
  });
});

describe("sources that may arrive on g0", () => {
  // Columns: rp_filter 0, 1, 2. accept: forwarded or delivered; filter: counted in IPReversePathFilter; drop: a
  // martian.
  it.each([
    ["10.1.0.2", "10.2.0.2", "accept", "accept", "accept"],
    ["10.2.0.2", "10.2.0.2", "accept", "filter", "accept"],
    ["192.0.2.1", "10.2.0.2", "accept", "filter", "filter"],
    ["10.1.0.1", "10.2.0.2", "drop", "drop", "drop"],
    ["127.0.0.1", "10.2.0.2", "drop", "drop", "drop"],
    ["0.0.0.0", "10.2.0.2", "drop", "drop", "drop"],
    ["224.0.0.1", "10.2.0.2", "drop", "drop", "drop"],
    ["10.1.0.2", "10.2.0.1", "accept", "accept", "accept"],
    ["10.2.0.2", "10.2.0.1", "accept", "filter", "accept"],
    ["192.0.2.1", "10.2.0.1", "accept", "filter", "filter"],
    ["10.1.0.1", "10.2.0.1", "drop", "drop", "drop"],
    ["127.0.0.1", "10.2.0.1", "drop", "drop", "drop"],
    ["0.0.0.0", "10.2.0.1", "drop", "drop", "drop"],
    ["224.0.0.1", "10.2.0.1", "drop", "drop", "drop"],
  ])("%s to %s", (src, dst, ...expected) => {
    const got = [0, 1, 2].map((mode) => {
      const { net, g0 } = router();
      net.sysctl.lookup("net.ipv4.conf.g0.rp_filter")?.set?.(String(mode));
      g0.inject(buildIPv4({ src: parseIPv4(src), dst: parseIPv4(dst), protocol: 17, payload: new Uint8Array(8) }));
      const { snmp } = net.ip;
      if (snmp.tcp.IPReversePathFilter > 0) return "filter";
      return snmp.ip.ForwDatagrams + snmp.ip.InDelivers > 0 ? "accept" : "drop";
    });
    expect(got).toEqual(expected);
  });
});
