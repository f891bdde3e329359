/**
 * Netfilter's tunables, one scenario each: what it is at first, and what of values near its limits is taken. Those that a
 * namespace of Linux may only read are read. The page `/tracking/` is made from these.
 */

import type { Scenario } from "../scenario.js";
import type { Group } from "./group.js";

const PREFIX = "net.netfilter.nf_conntrack_";

/** Tunables that can be written, in the order of their names. */
const WRITTEN: readonly string[] = [
  "acct",
  "checksum",
  "events",
  "frag6_timeout",
  "generic_timeout",
  "gre_timeout",
  "gre_timeout_stream",
  "icmp_timeout",
  "icmpv6_timeout",
  "log_invalid",
  ...["closed", "cookie_echoed", "cookie_wait", "established"].map((state) => `sctp_timeout_${state}`),
  ...["heartbeat_sent", "shutdown_ack_sent", "shutdown_recd", "shutdown_sent"].map((state) => `sctp_timeout_${state}`),
  "tcp_be_liberal",
  "tcp_ignore_invalid_rst",
  "tcp_loose",
  "tcp_max_retrans",
  ...["close", "close_wait", "established", "fin_wait", "last_ack", "max_retrans"].map(
    (state) => `tcp_timeout_${state}`,
  ),
  ...["syn_recv", "syn_sent", "time_wait", "unacknowledged"].map((state) => `tcp_timeout_${state}`),
  "timestamp",
  "udp_timeout",
  "udp_timeout_stream",
].map((name) => PREFIX + name);

/** Tunables that a namespace of Linux can only read; what they say is the machine's affair. */
const READ: readonly string[] = ["buckets", "expect_max", "max"].map((name) => PREFIX + name);

/** What each is given, right and wrong. */
export const VALUES: readonly string[] = [
  "0",
  "1",
  "2",
  "3",
  "255",
  "256",
  "7",
  "-1",
  "0x10",
  "4294967295",
  "99999999999",
  "x",
  "''",
];

const written = (name: string): Scenario => ({
  version: 1,
  name,
  devices: { lan0: ["192.168.1.1/24"] },
  sysctl: {},
  setup: ["iptables-legacy -A INPUT -m conntrack --ctstate NEW"],
  steps: [
    { run: `sysctl ${name}` },
    ...VALUES.map((value) => ({ run: `sysctl -w ${name}=${value}; cat /proc/sys/${name.replaceAll(".", "/")}` })),
  ],
  finally: [],
});

const read = (name: string): Scenario => ({
  ...written(name),
  steps: [{ run: `sysctl ${name} | cut -d = -f 1` }],
});

const count: Scenario = {
  ...written(`${PREFIX}count`),
  steps: [
    { run: `sysctl ${PREFIX}count` },
    { in: "lan0", hex: "4500001c0001400040114ee1c0a8010ac63364090b0c090a0008ffd8" },
    { in: "lan0", hex: "4500001c000140004011b772c0a8010ac0a801010b0c090a00086850" },
    { run: `sysctl ${PREFIX}count` },
    { run: `sysctl -w ${PREFIX}count=5` },
  ],
};

export const TUNABLES: Group = {
  name: "tunables",
  about: "netfilter's tunables: what they are at first, and which values they take",
  scenarios: () => [count, ...READ.map(read), ...WRITTEN.map(written)],
};
