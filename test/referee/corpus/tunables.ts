/**
 * Netfilter's tunables, one scenario each: what it is at first, and what of values near its limits is taken. Those that
 * a namespace of Linux may only read are read. The page `/tracking/` is made from these.
 */

import { ipv4 } from "../packets.js";
import { type Scenario, type Step, toHex } from "../scenario.js";
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

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** Who puts fragments together, each with a memory of its own. */
interface Reassembler {
  /** Whose tunables; their names begin so. */
  readonly prefix: string;
  /** A host that shows what became whole: it sends it on, or answers. */
  readonly host: Scenario;
  /** A fragment with so many bytes of zeros. */
  readonly fragment: (id: number, offset: number, more: boolean, bytes: number) => Step;
  /**
   * Limits about what three fragments take, and how many bytes each carries: the least and the most of a size of
   * buffer.
   */
  readonly memory: readonly (readonly [limits: readonly string[], bytes: readonly number[]])[];
}

const NO_LIMITS = ["0", "1", "9223372036854775807", "18446744073709551615"];

/** A fragment of IPv6 from a client. */
function fragment6(destination: string, protocol: number): Reassembler["fragment"] {
  return (id, offset, more, bytes) => {
    const header = `60000000${hex(8 + bytes, 4)}2c40fd010000000000000000000000000010${destination}`;
    const fragmentHeader = `${hex(protocol, 2)}00${hex(offset | Number(more), 4)}${hex(id, 8)}`;
    return { in: "lan0", hex: `${header}${fragmentHeader}${"00".repeat(bytes)}` };
  };
}

const ROUTER_6: Scenario = {
  version: 1,
  name: "",
  devices: { lan0: ["fd01::1/64"], wan0: ["fd02::1/64"] },
  sysctl: { "net.ipv6.conf.all.forwarding": "1" },
  setup: ["ip6tables -A FORWARD -m conntrack --ctstate NEW"],
  steps: [],
  finally: [],
};

const REASSEMBLERS: readonly Reassembler[] = [
  {
    prefix: `${PREFIX}frag6_`,
    host: ROUTER_6,
    // "No next header": nobody looks into it.
    fragment: fragment6("fd020000000000000000000000000002", 59),
    memory: [
      [
        ["3047", "3048"],
        [8, 128],
      ],
      [
        ["4391", "4392"],
        [136, 576],
      ],
      [
        ["7463", "7464"],
        [584, 1400],
      ],
      [NO_LIMITS, [8]],
    ],
  },
  {
    prefix: "net.ipv6.ip6frag_",
    host: { ...ROUTER_6, setup: [] },
    // Of a protocol that the host does not know, which it says.
    fragment: fragment6("fd010000000000000000000000000001", 253),
    memory: [
      [
        ["3047", "3048"],
        [8, 128],
      ],
      [["7463", "7464"], [1400]],
      [NO_LIMITS, [8]],
    ],
  },
  {
    prefix: "net.ipv4.ipfrag_",
    host: {
      ...ROUTER_6,
      devices: { lan0: ["10.1.0.1/24"], wan0: ["10.2.0.1/24"] },
      sysctl: { "net.ipv4.ip_forward": "1" },
      setup: ["iptables -A FORWARD -m conntrack --ctstate NEW"],
    },
    fragment: (id, offset, more, bytes) => {
      const header = ipv4(
        { src: "10.1.0.10", dst: "10.2.0.2", protocol: 253, id, mf: more, offset: offset / 8 },
        new Uint8Array(bytes),
      );
      return { in: "lan0", hex: toHex(header) };
    },
    memory: [
      [
        ["3095", "3096"],
        [8, 168],
      ],
      [
        ["4439", "4440"],
        [176, 616],
      ],
      [
        ["7511", "7512"],
        [624, 1400],
      ],
      [NO_LIMITS, [8]],
    ],
  },
];

const THRESHOLDS = ["high_thresh", "low_thresh"];

/** Each with values about its limits, which are the other one. */
function thresholds({ prefix, host }: Reassembler): Scenario[] {
  const both = `sysctl ${THRESHOLDS.map((name) => prefix + name).join(" ")}`;
  const values = ["3145727", "3145728", "4194304", "4194305", "-1", "x", "'4194304 x'", "99999999999999999999"];
  return THRESHOLDS.map((name) => ({
    ...host,
    name: prefix + name,
    steps: [{ run: both }, ...values.map((value) => ({ run: `sysctl -w ${prefix}${name}=${value}; ${both}` }))],
  }));
}

/** Which fragments are kept when they may take so much memory: two that stay alone, then two that belong together. */
function limited({ prefix, host, fragment, memory }: Reassembler): Scenario[] {
  return memory.flatMap(([limits, sizes]) =>
    sizes.flatMap((bytes) =>
      limits.map((limit) => ({
        ...host,
        name: `${prefix}high_thresh: ${limit} when each fragment has ${bytes} bytes`,
        steps: [
          { run: `sysctl -w ${prefix}low_thresh=0 ${prefix}high_thresh=${limit}` },
          fragment(1, 0, true, bytes),
          fragment(2, 0, true, bytes),
          fragment(3, 0, true, bytes),
          fragment(3, bytes, false, bytes),
        ],
      })),
    ),
  );
}

const [, , IPV4] = REASSEMBLERS;
const DISTANCE = `${IPV4.prefix}max_dist`;

/** Two datagrams between whose pieces others of the same sender come, in so many fragments as may, and one more. */
const distances: readonly Scenario[] = ["0", "1", "2"].map((most) => ({
  ...IPV4.host,
  name: `${DISTANCE}: ${most}, then 0 for those that began before`,
  steps: [
    { run: `sysctl -w ${DISTANCE}=${most}` },
    ...[1, 2, 3].map((id) => IPV4.fragment(id, 0, true, 8)),
    IPV4.fragment(1, 8, false, 8),
    IPV4.fragment(3, 8, false, 8),
    { run: `sysctl -w ${DISTANCE}=0` },
    IPV4.fragment(2, 8, false, 8),
    IPV4.fragment(4, 0, true, 8),
    { run: `sysctl -w ${DISTANCE}=1` },
    IPV4.fragment(5, 0, true, 8),
    IPV4.fragment(6, 0, true, 8),
    IPV4.fragment(4, 8, false, 8),
  ],
}));

/** Whether what began is still there after a second and a half. */
const waits: readonly Scenario[] = REASSEMBLERS.flatMap(({ prefix, host, fragment }) =>
  ["0", "-1", "1", "3"].map((seconds) => {
    const time = `${prefix}${prefix.startsWith(PREFIX) ? "timeout" : "time"}`;
    return {
      ...host,
      name: `${time}: ${seconds}`,
      steps: [
        { run: `sysctl -w ${time}=${seconds}` },
        fragment(1, 8, false, 8),
        { sleep: "1510ms" },
        fragment(1, 0, true, 8),
      ],
    };
  }),
);

export const TUNABLES: Group = {
  name: "tunables",
  about: "netfilter's tunables and those of fragments: what they are at first, and which values they take",
  scenarios: () => [
    count,
    ...READ.map(read),
    ...WRITTEN.map((name) => written(name)),
    ...LOGGERS.map((name) => written(name, LOGGER_NAMES)),
    directory,
    lightweightTunnels,
    ...REASSEMBLERS.flatMap(thresholds),
    ...REASSEMBLERS.flatMap(limited),
    ...["net.ipv4.ipfrag_time", DISTANCE, "net.ipv6.ip6frag_time"].map((name) => written(name)),
    ...distances,
    ...waits,
  ],
};
