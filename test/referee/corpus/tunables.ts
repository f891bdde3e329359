/**
 * Netfilter's tunables, one scenario each: what it is at first, and what of values near its limits is taken. Those that a
 * namespace of Linux may only read are read. The page `/tracking/` is made from these.
 */

import type { Scenario, Step } from "../scenario.js";
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

/** Who takes the kernel's words of a family's packets. */
const LOGGERS: readonly string[] = Array.from({ length: 11 }, (_, pf) => `net.netfilter.nf_log.${pf}`);

/** What a logger may be called: by the beginning of what is written, in letters of any size. */
const LOGGER_NAMES: readonly string[] = [
  "NONE",
  "none",
  "'NONE x'",
  "nfnetlink_log",
  "nfnetlink_lo",
  "NFNETLINK_LOGxyz",
  "nf_log_ipv4",
  "nf_log_ipv6",
  "nf_log_arp",
  "nf_log_bridge",
  "nf_log_netdev",
  "nf_log_syslog",
  "0",
  "''",
];

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
  // Numbers of other bases, and what stands behind the first.
  "010",
  "09",
  "+1",
  "0x",
  "1x",
  "'1 2'",
  "'1 x'",
  "00000000000000000001",
  "000000000000000000001",
];

const written = (name: string, values: readonly string[] = VALUES): Scenario => ({
  version: 1,
  name,
  devices: { lan0: ["192.168.1.1/24"] },
  sysctl: {},
  setup: ["iptables-legacy -A INPUT -m conntrack --ctstate NEW"],
  steps: [
    { run: `sysctl ${name}` },
    ...values.map((value) => ({ run: `sysctl -w ${name}=${value}; cat /proc/sys/${name.replaceAll(".", "/")}` })),
  ],
  finally: [],
});

const read = (name: string): Scenario => ({
  ...written(name),
  steps: [{ run: `sysctl ${name} | cut -d = -f 1` }],
});

const directory: Scenario = {
  ...written("net.netfilter.nf_log.2: its folder, and one that is not there"),
  steps: ["sysctl -w net.netfilter.nf_log=1", "sysctl net.netfilter.nf_log.11"].map((run) => ({ run })),
};

/** The whole machine has this one and cannot turn it off: what it is at first is a matter of what was done before. */
const lightweightTunnels: Scenario = {
  ...written("net.netfilter.nf_hooks_lwtunnel", ["1", ...VALUES]),
  setup: ["sysctl -q -w net.netfilter.nf_hooks_lwtunnel=1"],
};

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

const SOURCE = "fd010000000000000000000000000010";
const DESTINATION = "fd020000000000000000000000000002";
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** A fragment through the router: no next header, so many bytes of zeros. */
function fragment(id: number, offset: number, more: boolean, bytes: number): Step {
  const header = `60000000${hex(8 + bytes, 4)}2c40${SOURCE}${DESTINATION}`;
  return { in: "lan0", hex: `${header}3b00${hex(offset | Number(more), 4)}${hex(id, 8)}${"00".repeat(bytes)}` };
}

/** Limits of the memory of fragments about what three take, and how many bytes each carries. */
const MEMORY: readonly (readonly [limit: string, bytes: number])[] = [
  ...[8, 128].flatMap((bytes) => ["3047", "3048"].map((limit) => [limit, bytes] as const)),
  ...[136, 576].flatMap((bytes) => ["4391", "4392"].map((limit) => [limit, bytes] as const)),
  ...[584, 1400].flatMap((bytes) => ["7463", "7464"].map((limit) => [limit, bytes] as const)),
  ...["0", "1", "9223372036854775807", "18446744073709551615"].map((limit) => [limit, 8] as const),
];

const THRESHOLD = `${PREFIX}frag6_`;

const THRESHOLDS = ["high", "low"].map((which) => `${THRESHOLD}${which}_thresh`);

const ROUTER_6: Scenario = {
  version: 1,
  name: "",
  devices: { lan0: ["fd01::1/64"], wan0: ["fd02::1/64"] },
  sysctl: { "net.ipv6.conf.all.forwarding": "1" },
  setup: ["ip6tables -A FORWARD -m conntrack --ctstate NEW"],
  steps: [],
  finally: [],
};

/** Each with values about its limits, which are the other one. */
const threshold = (name: string): Scenario => ({
  ...ROUTER_6,
  name,
  steps: [
    { run: `sysctl ${THRESHOLDS.join(" ")}` },
    ...["3145727", "3145728", "4194304", "4194305", "-1", "x", "'4194304 x'", "99999999999999999999"].map((value) => ({
      run: `sysctl -w ${name}=${value}; sysctl ${THRESHOLDS.join(" ")}`,
    })),
  ],
});

/** Which fragments are kept when they may take so much memory: two that stay alone, then two that belong together. */
const limited = ([limit, bytes]: readonly [limit: string, bytes: number]): Scenario => ({
  ...ROUTER_6,
  name: `${THRESHOLD}high_thresh: ${limit} when each fragment has ${bytes} bytes`,
  steps: [
    { run: `sysctl -w ${THRESHOLD}low_thresh=0 ${THRESHOLD}high_thresh=${limit}` },
    fragment(1, 0, true, bytes),
    fragment(2, 0, true, bytes),
    fragment(3, 0, true, bytes),
    fragment(3, bytes, false, bytes),
  ],
});

export const TUNABLES: Group = {
  name: "tunables",
  about: "netfilter's tunables: what they are at first, and which values they take",
  scenarios: () => [
    count,
    ...READ.map(read),
    ...WRITTEN.map((name) => written(name)),
    ...LOGGERS.map((name) => written(name, LOGGER_NAMES)),
    directory,
    lightweightTunnels,
    ...THRESHOLDS.map(threshold),
    ...MEMORY.map(limited),
  ],
};
