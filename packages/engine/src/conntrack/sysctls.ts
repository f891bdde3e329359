/**
 * The tracker's tunables under their real names. A host of ours is a machine of its own, so `nf_conntrack_max` and
 * `nf_conntrack_buckets` can be written, which Linux allows only outside namespaces.
 * Models net/netfilter/nf_conntrack_standalone.c.
 */
import { HZ } from "../clock.js";
import { SysctlError, type SysctlTable } from "../sysctl.js";
import type { Conntrack } from "./conntrack.js";
import { GRE_CT_REPLIED, GRE_CT_UNREPLIED } from "./proto-gre.js";
import {
  SCTP_CONNTRACK_CLOSED,
  SCTP_CONNTRACK_COOKIE_ECHOED,
  SCTP_CONNTRACK_COOKIE_WAIT,
  SCTP_CONNTRACK_ESTABLISHED,
  SCTP_CONNTRACK_HEARTBEAT_SENT,
  SCTP_CONNTRACK_SHUTDOWN_ACK_SENT,
  SCTP_CONNTRACK_SHUTDOWN_RECD,
  SCTP_CONNTRACK_SHUTDOWN_SENT,
} from "./proto-sctp.js";
import {
  TCP_CONNTRACK_CLOSE,
  TCP_CONNTRACK_CLOSE_WAIT,
  TCP_CONNTRACK_ESTABLISHED,
  TCP_CONNTRACK_FIN_WAIT,
  TCP_CONNTRACK_LAST_ACK,
  TCP_CONNTRACK_RETRANS,
  TCP_CONNTRACK_SYN_RECV,
  TCP_CONNTRACK_SYN_SENT,
  TCP_CONNTRACK_TIME_WAIT,
  TCP_CONNTRACK_UNACK,
} from "./proto-tcp.js";
import { UDP_CT_REPLIED, UDP_CT_UNREPLIED } from "./proto-udp.js";

const TCP_TIMEOUTS: readonly (readonly [string, number])[] = [
  ["close", TCP_CONNTRACK_CLOSE],
  ["close_wait", TCP_CONNTRACK_CLOSE_WAIT],
  ["established", TCP_CONNTRACK_ESTABLISHED],
  ["fin_wait", TCP_CONNTRACK_FIN_WAIT],
  ["last_ack", TCP_CONNTRACK_LAST_ACK],
  ["max_retrans", TCP_CONNTRACK_RETRANS],
  ["syn_recv", TCP_CONNTRACK_SYN_RECV],
  ["syn_sent", TCP_CONNTRACK_SYN_SENT],
  ["time_wait", TCP_CONNTRACK_TIME_WAIT],
  ["unacknowledged", TCP_CONNTRACK_UNACK],
];

type Timeouts = (ct: Conntrack) => number[];
const udp: Timeouts = (ct) => ct.udp;
const sctp: Timeouts = (ct) => ct.sctp;
const gre: Timeouts = (ct) => ct.gre;

/** Tunables that are a place among the timeouts of a tracker. */
const OTHER_TIMEOUTS: readonly (readonly [string, Timeouts, number])[] = [
  ["udp_timeout", udp, UDP_CT_UNREPLIED],
  ["udp_timeout_stream", udp, UDP_CT_REPLIED],
  ["icmp_timeout", (ct) => ct.icmp, 0],
  ["icmpv6_timeout", (ct) => ct.icmpv6, 0],
  ["generic_timeout", (ct) => ct.generic, 0],
  ["sctp_timeout_closed", sctp, SCTP_CONNTRACK_CLOSED],
  ["sctp_timeout_cookie_wait", sctp, SCTP_CONNTRACK_COOKIE_WAIT],
  ["sctp_timeout_cookie_echoed", sctp, SCTP_CONNTRACK_COOKIE_ECHOED],
  ["sctp_timeout_established", sctp, SCTP_CONNTRACK_ESTABLISHED],
  ["sctp_timeout_shutdown_sent", sctp, SCTP_CONNTRACK_SHUTDOWN_SENT],
  ["sctp_timeout_shutdown_recd", sctp, SCTP_CONNTRACK_SHUTDOWN_RECD],
  ["sctp_timeout_shutdown_ack_sent", sctp, SCTP_CONNTRACK_SHUTDOWN_ACK_SENT],
  ["sctp_timeout_heartbeat_sent", sctp, SCTP_CONNTRACK_HEARTBEAT_SENT],
  ["gre_timeout", gre, GRE_CT_UNREPLIED],
  ["gre_timeout_stream", gre, GRE_CT_REPLIED],
];

/** The kernel keeps timeouts as jiffies in 31 bits and a sign; with a negative one entries expire at once. */
const MAX_SECONDS: number = Math.floor(0x7fffffff / HZ);

/** The number of buckets is rounded up to what fills a page. */
const HEAD_BYTES = 8;
const HEADS_OF_A_PAGE: number = 4096 / HEAD_BYTES;

/**
 * Sets the number of buckets. No table is larger than 2 GiB, nor one of negative size. Models
 * `nf_conntrack_hash_resize()`.
 */
function resize(ct: Conntrack, name: string, asked: number): void {
  if (asked === 0) throw new SysctlError("EINVAL", name);
  const heads = Math.ceil((asked >>> 0) / HEADS_OF_A_PAGE) * HEADS_OF_A_PAGE;
  if (heads * HEAD_BYTES > 0x7fffffff) throw new SysctlError("ENOMEM", name);
  ct.table.setLimit(heads);
}

/** Registers `net.netfilter.nf_conntrack_*` and `net.nf_conntrack_max`. */
export function registerConntrackSysctls(ct: Conntrack, table: SysctlTable): void {
  const prefix = "net.netfilter.nf_conntrack_";
  const seconds = (name: string, get: () => number, set: (jiffies: number) => void): void =>
    table.registerInt(
      prefix + name,
      () => Math.trunc(get() / HZ),
      (value) => set(value * HZ),
      -MAX_SECONDS,
      MAX_SECONDS,
    );
  for (const [name, index] of TCP_TIMEOUTS)
    seconds(
      `tcp_timeout_${name}`,
      () => ct.tcp.timeouts[index],
      (jiffies) => {
        ct.tcp.timeouts[index] = jiffies;
        // SYN_SENT2 has no file of its own, and keeps its default as in the kernel.
      },
    );
  for (const [name, timeouts, place] of OTHER_TIMEOUTS)
    seconds(
      name,
      () => timeouts(ct)[place],
      (jiffies) => {
        timeouts(ct)[place] = jiffies;
      },
    );
  const flag = (name: string, get: () => number, set: (value: number) => void, max = 1): void =>
    table.registerInt(prefix + name, get, set, 0, max);
  flag(
    "tcp_loose",
    () => ct.tcp.loose,
    (value) => {
      ct.tcp.loose = value;
    },
  );
  flag(
    "tcp_be_liberal",
    () => ct.tcp.beLiberal,
    (value) => {
      ct.tcp.beLiberal = value;
    },
  );
  flag(
    "tcp_ignore_invalid_rst",
    () => ct.tcp.ignoreInvalidRst,
    (value) => {
      ct.tcp.ignoreInvalidRst = value;
    },
  );
  flag(
    "tcp_max_retrans",
    () => ct.tcp.maxRetrans,
    (value) => {
      ct.tcp.maxRetrans = value;
    },
    255,
  );
  flag(
    "checksum",
    () => ct.checksum,
    (value) => {
      ct.checksum = value;
    },
  );
  flag(
    "acct",
    () => ct.acct,
    (value) => {
      ct.acct = value;
    },
  );
  flag(
    "timestamp",
    () => ct.timestamp,
    (value) => {
      ct.timestamp = value;
    },
  );
  flag(
    "events",
    () => ct.events,
    (value) => {
      ct.events = value;
    },
    2,
  );
  flag(
    "log_invalid",
    () => ct.logInvalidProtocol,
    (value) => {
      ct.logInvalidProtocol = value;
    },
    255,
  );
  table.register({ name: `${prefix}count`, get: () => String(ct.count) });
  table.registerInt(
    `${prefix}buckets`,
    () => ct.table.buckets,
    (value) => resize(ct, `${prefix}buckets`, value),
  );
  table.registerInt(
    `${prefix}expect_max`,
    () => ct.helpers.expectations.max,
    (value) => {
      ct.helpers.expectations.max = value;
    },
    1,
  );
  for (const name of [`${prefix}max`, "net.nf_conntrack_max"])
    table.registerInt(
      name,
      () => ct.max,
      (value) => {
        ct.max = value;
      },
      0,
    );
}
