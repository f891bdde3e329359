/** What the dissector finds: of the outer header, and of the innermost one. */
import { expect, test } from "vitest";
import { formatIPv4, formatIPv6 } from "../wire/address.js";
import { FlowKeys } from "./flow-keys.js";

const V4 = (protocol: string, fragment = "0000"): string => `4500003c0001${fragment}40${protocol}0000c0a80109cb007107`;
const IN_4 = "4500002400010000401100000a0000010a000101";
const UDP = "03e80035000c0000";
const V6 = (next: string, label = "00000"): string =>
  `600${label}0010${next}40fd000000000000000000000000000001fd000001000000000000000000000001`;

const ROWS: readonly (readonly [name: string, hex: string, outer: string, inner: string])[] = [
  ["UDP", V4("11") + UDP, "192.168.1.9 203.0.113.7 17 1000 53", "192.168.1.9 203.0.113.7 17 1000 53"],
  ["a fragment", V4("11", "2000") + UDP, "192.168.1.9 203.0.113.7 17 0 0", "192.168.1.9 203.0.113.7 17 0 0"],
  ["IPIP", V4("04") + IN_4 + UDP, "192.168.1.9 203.0.113.7 4 0 0 tunnel", "10.0.0.1 10.0.1.1 17 1000 53 tunnel"],
  [
    "IPv6 in IPv4",
    V4("29") + V6("11", "abcde") + UDP,
    "192.168.1.9 203.0.113.7 41 0 0 tunnel",
    "fd00::1 fd00:1::1 17 1000 53 abcde tunnel",
  ],
  [
    "GRE",
    `${V4("2f")}00000800${IN_4}${UDP}`,
    "192.168.1.9 203.0.113.7 47 0 0 tunnel",
    "10.0.0.1 10.0.1.1 17 1000 53 tunnel",
  ],
  [
    "GRE with all",
    `${V4("2f")}b00086dd000000000000000700000001${V6("06")}${UDP}`,
    "192.168.1.9 203.0.113.7 47 0 0 tunnel",
    "fd00::1 fd00:1::1 6 1000 53 tunnel",
  ],
  [
    "GRE with a route",
    `${V4("2f")}40000800${IN_4}${UDP}`,
    "192.168.1.9 203.0.113.7 47 0 0",
    "192.168.1.9 203.0.113.7 47 0 0",
  ],
  [
    "Ethernet in GRE",
    `${V4("2f")}00006558${"00".repeat(12)}0800${IN_4}${UDP}`,
    "192.168.1.9 203.0.113.7 47 0 0 tunnel",
    "10.0.0.1 10.0.1.1 17 1000 53 tunnel",
  ],
  [
    "PPTP",
    `${V4("2f")}3081880b00000000000000010000000000000021${IN_4}${UDP}`,
    "192.168.1.9 203.0.113.7 47 0 0 tunnel",
    "10.0.0.1 10.0.1.1 17 1000 53 tunnel",
  ],
  [
    "PPTP of another protocol",
    `${V4("2f")}2001880b000000000000c021${IN_4}${UDP}`,
    "192.168.1.9 203.0.113.7 47 0 0 tunnel",
    "192.168.1.9 203.0.113.7 47 0 0 tunnel",
  ],
  [
    "an authentication header",
    `${V4("33")}1104000003e80035`,
    "192.168.1.9 203.0.113.7 51 1000 53",
    "192.168.1.9 203.0.113.7 51 1000 53",
  ],
  [
    "extension headers",
    `${V6("00")}3c000000000000001100000000000000${UDP}`,
    "fd00::1 fd00:1::1 17 1000 53",
    "fd00::1 fd00:1::1 17 1000 53",
  ],
  ["a fragment of IPv6", `${V6("2c")}1100000100000007${UDP}`, "fd00::1 fd00:1::1 17 0 0", "fd00::1 fd00:1::1 17 0 0"],
  [
    "a tunnel that is cut off",
    `${V4("04")}450000`,
    "192.168.1.9 203.0.113.7 4 0 0 tunnel",
    "192.168.1.9 203.0.113.7 4 0 0 tunnel",
  ],
];

test.each(ROWS)("%s", (_name, hex, outer, inner) => {
  const data = Uint8Array.from(Buffer.from(hex, "hex"));
  const keys = new FlowKeys();
  const told = (outermost: boolean): string => {
    keys.dissect(data, data.length, outermost);
    const address = (words: Int32Array): string => (keys.ipv6 ? formatIPv6(words) : formatIPv4(words[0] >>> 0));
    const label = keys.flowLabel === 0 ? "" : ` ${keys.flowLabel.toString(16)}`;
    const tunnel = keys.encapsulated ? " tunnel" : "";
    return `${address(keys.src)} ${address(keys.dst)} ${keys.protocol} ${keys.sport} ${keys.dport}${label}${tunnel}`;
  };
  expect([told(true), told(false)]).toEqual([outer, inner]);
});
