import { describe, expect, it } from "vitest";
import { formatIPv4, formatIPv6 } from "../wire/address.js";
import { anyAddress, parseAddresses } from "./address-mask.js";
import { ParameterProblem } from "./error.js";

function shown(text: string, family: "ipv4" | "ipv6"): string[] {
  const format = (words: Int32Array): string => (family === "ipv4" ? formatIPv4(words[0]) : formatIPv6(words));
  return parseAddresses(text, family).map(({ address, mask }) => `${format(address)}/${format(mask)}`);
}

describe("addresses with masks", () => {
  it.each<[string, "ipv4" | "ipv6", string[]]>([
    ["10.1.2.3", "ipv4", ["10.1.2.3/255.255.255.255"]],
    ["10.1.2.3/8", "ipv4", ["10.0.0.0/255.0.0.0"]],
    ["10.1.2.3/255.0.255.0", "ipv4", ["10.0.2.0/255.0.255.0"]],
    ["10.1/16", "ipv4", ["10.1.0.0/255.255.0.0"]],
    ["010.0x1.+2", "ipv4", ["8.1.2.0/255.255.255.255"]],
    ["1.2.3.4/0xff.0.0.0", "ipv4", ["1.0.0.0/255.0.0.0"]],
    ["65536/16", "ipv4", ["0.1.0.0/255.255.0.0"]],
    ["1.65536,4294967295", "ipv4", ["1.1.0.0/255.255.255.255", "255.255.255.255/255.255.255.255"]],
    ["localhost", "ipv4", ["127.0.0.1/255.255.255.255"]],
    ["nonsense/0", "ipv4", ["0.0.0.0/0.0.0.0"]],
    ["10.0.0.1, 10.0.0.2/31", "ipv4", ["10.0.0.1/255.255.255.255", "10.0.0.2/255.255.255.254"]],
    ["fd00::1:2/64", "ipv6", ["fd00::/ffff:ffff:ffff:ffff::"]],
    ["fd00::1/ffff::", "ipv6", ["fd00::/ffff::"]],
  ])("%s (%s)", (text, family, expected) => {
    expect(shown(text, family)).toEqual(expected);
  });

  it.each<[string, "ipv4" | "ipv6", string]>([
    ["nonsense", "ipv4", "host/network `nonsense' not found"],
    ["10.1.2.3/33", "ipv4", "invalid mask `33' specified"],
    ["10.1.2.3.4", "ipv4", "host/network `10.1.2.3.4' not found"],
    ["08", "ipv4", "host/network `08' not found"],
    ["4294967296", "ipv4", "host/network `4294967296' not found"],
    ["1.16777216", "ipv4", "host/network `1.16777216' not found"],
    ["10.1.2.3", "ipv6", "host/network `10.1.2.3' not found"],
    ["fd00::/129", "ipv6", "invalid mask `129' specified"],
  ])("refuses %s (%s)", (text, family, message) => {
    expect(() => parseAddresses(text, family)).toThrow(new ParameterProblem(message));
  });

  it("any address is as long as its family's", () => {
    expect([anyAddress("ipv4").mask.length, anyAddress("ipv6").mask.length]).toEqual([1, 4]);
  });
});
