/** IPv6 without a packet: which route, which source, where the transport begins, which notation. */
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../clock.js";
import { TunDevice } from "../dev/tun.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { formatIPv6, parseCidr6, parseIPv6 } from "../wire/address.js";
import { findHeader, found, HEADER_ABSENT, HEADER_TRUNCATED, skipExtensionHeaders } from "../wire/ipv6.js";
import { commonPrefix, labelOf, scopeOf } from "./address.js";

function router(): NetNamespace {
  const net = new NetNamespace("router", new VirtualClock(), new SeededRandom(1));
  net.ip.setUp(net.loopback);
  for (const [name, addresses] of [
    ["lan0", ["2001:db8:1::1/64", "fe80::1/64"]],
    ["wan0", ["2001:db8:2::1/64", "fd00::1/8"]],
  ] as const) {
    const dev = new TunDevice(net, name);
    net.ip.setUp(dev);
    for (const text of addresses) {
      const { address, prefixLength } = parseCidr6(text);
      net.ip6.addAddress(dev, address, prefixLength);
    }
  }
  return net;
}

describe("routes", () => {
  const rows: readonly [string, string | null][] = [
    ["2001:db8:1::9", "lan0"],
    ["2001:db8:2::9", "wan0"],
    ["2001:db8:3::9", "wan0"],
    ["2001:db8:3:1::9", "lan0"],
    ["2001:db8:1::1", "lan0 local"],
    ["::1", "lo local"],
    ["2001:db8:9::1", null],
    ["fd00:1::1", "wan0"],
  ];
  it.each(rows)("%s", (destination, expected) => {
    const net = router();
    const dev = (name: string) => net.devices.get(name) ?? null;
    const add = (text: string, name: string, metric: number): void => {
      const { address, prefixLength } = parseCidr6(text);
      net.ip6.addRoute({ dst: address, prefixLength, dev: dev(name), metric });
    };
    add("2001:db8:3::/48", "lan0", 20);
    add("2001:db8:3::/48", "wan0", 10);
    add("2001:db8:3:1::/64", "lan0", 30);
    const route = net.ip6.route(parseIPv6(destination), null);
    const text = route.error !== 0 ? null : `${route.dev.name}${route.local ? " local" : ""}`;
    expect(text).toBe(expected);
  });
});

describe("source selection", () => {
  it.each([
    ["2001:db8:1::9", "lan0", "2001:db8:1::1"],
    ["2001:db8:2::9", "wan0", "2001:db8:2::1"],
    ["2001:db8:9::9", "wan0", "2001:db8:2::1"],
    ["fd00::9", "wan0", "fd00::1"],
    ["fe80::9", "lan0", "fe80::1"],
    ["2001:db8:1::1", "wan0", "2001:db8:1::1"],
  ])("to %s by %s: %s", (destination, out, source) => {
    const net = router();
    const chosen = net.ip6.selectAddress(net.devices.get(out) ?? null, parseIPv6(destination));
    expect(chosen === null ? null : formatIPv6(chosen)).toBe(source);
  });
});

describe("kinds of addresses", () => {
  it.each([
    ["::1", 2, 0],
    ["fe80::1", 2, 1],
    ["ff02::1", 2, 1],
    ["ff0e::1", 14, 1],
    ["2001:db8::1", 14, 1],
    ["fd00::1", 14, 5],
    ["2002::1", 14, 2],
  ])("%s has scope %i and label %i", (text, scope, label) => {
    expect([scopeOf(parseIPv6(text)), labelOf(parseIPv6(text))]).toEqual([scope, label]);
  });

  it("agrees with another in so many bits", () => {
    expect(commonPrefix(parseIPv6("2001:db8::"), parseIPv6("2001:db8:0:8000::"))).toBe(48);
  });
});

describe("extension headers", () => {
  /** An IPv6 header whose chain begins with `next`, and what follows. */
  const packet = (next: number, ...rest: readonly number[]): Uint8Array => {
    const bytes = new Uint8Array(40 + rest.length);
    bytes[0] = 0x60;
    bytes[6] = next;
    bytes.set(rest, 40);
    return bytes;
  };
  const options = (next: number): number[] => [next, 0, 1, 4, 0, 0, 0, 0];
  const fragment = (next: number, offset: number): number[] => [next, 0, offset >> 8, offset & 255, 0, 0, 0, 1];
  const rows: readonly [string, Uint8Array, number, number][] = [
    ["none", packet(17, 1, 2, 3, 4), 40, 40],
    ["options", packet(0, ...options(60), ...options(6)), 56, 56],
    ["first fragment", packet(44, ...fragment(17, 1)), 48, 48],
    ["later fragment", packet(44, ...fragment(17, 8)), 40, 48],
    ["later fragment of options", packet(44, ...fragment(60, 8)), 40, HEADER_ABSENT],
    ["cut off", packet(0), -1, HEADER_TRUNCATED],
    ["no next header", packet(59), -1, 40],
  ];
  it.each(rows)("%s", (_name, bytes, skipped, header) => {
    expect(skipExtensionHeaders(bytes, 40, bytes.length, bytes[6])).toBe(skipped);
    expect(findHeader(bytes, 0, bytes.length, -1)).toBe(header);
  });

  it("finds a header by its number", () => {
    const bytes = packet(0, ...options(60), ...options(6));
    expect([findHeader(bytes, 0, bytes.length, 60), found.nexthdr]).toEqual([48, 60]);
    expect(findHeader(bytes, 0, bytes.length, 44)).toBe(HEADER_ABSENT);
  });
});
