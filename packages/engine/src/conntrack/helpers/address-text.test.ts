import { describe, expect, it } from "vitest";
import { NFPROTO_IPV4, NFPROTO_IPV6 } from "../../hooks.js";
import { formatIPv4, formatIPv6, parseIPv6 } from "../../wire/address.js";
import { kernelAddress, readIPv4At, readIPv6At } from "./address-text.js";

describe("readIPv4At", () => {
  it.each([
    ["10.0.0.1", "10.0.0.1", 8],
    ["10.0.0.1:5060", "10.0.0.1", 8],
    ["10.0.0.1 x", "10.0.0.1", 8],
    ["0010.000.0.1;", "10.0.0.1", 12],
    ["10.0.0.1g", "10.0.0.1", 8],
    ["10.0.0.1a", null, 0],
    ["10.0.0.1.", null, 0],
    ["10.0.0.256", null, 0],
    ["10.0.0", null, 0],
    ["x10.0.0.1", null, 0],
  ] as const)("%j", (text, address, end) => {
    const found = readIPv4At(text, 0);
    expect(found === null ? null : formatIPv4(found.words[0])).toBe(address);
    if (found !== null) expect(found.end).toBe(end);
  });
});

describe("readIPv6At", () => {
  it.each([
    ["2001:db8::1]:5060", null, "2001:db8::1", 11],
    ["::", null, "::", 2],
    ["2001:0db8:0:0::01 x", null, "2001:db8::1", 17],
    ["::1.2.3.4:5", null, "::1.2.3.4", 9],
    ["::1|6275|", "|", "::1", 3],
    ["::1!6275|", "|", null, 0],
    ["1:2:3:4:5:6:7:8:", null, null, 0],
    ["2001:db8::1:", null, null, 0],
    ["1::2::3", null, null, 0],
    ["12345::", null, null, 0],
    ["|", "|", null, 0],
  ] as const)("%j up to %j", (text, delimiter, address, end) => {
    const found = readIPv6At(text, 0, delimiter);
    expect(found === null ? null : formatIPv6(found.words)).toBe(address);
    if (found !== null) expect(found.end).toBe(end);
  });
});

describe("kernelAddress", () => {
  it.each([
    "2001:db8::1",
    "::",
    "1:0:2:3:4:5:6:7",
    "1:0:0:2::3",
    "::ffff:1.2.3.4",
    "::102:304",
    "fe80::200:5efe:1.2.3.4",
  ])("%s", (text) => {
    expect(kernelAddress(NFPROTO_IPV6, parseIPv6(text))).toBe(text);
  });

  it("writes dotted quads", () => {
    expect(kernelAddress(NFPROTO_IPV4, Int32Array.of(0x0a000001, 0, 0, 0))).toBe("10.0.0.1");
  });
});
