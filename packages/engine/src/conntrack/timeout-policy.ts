/**
 * Timeout policies: named sets of a protocol's timeouts, which a rule (`-j CT --timeout`) gives to the connections that
 * begin with its packets; and the protocols' own timeouts, which `nfct` reads and writes in the same form. Models
 * net/netfilter/nfnetlink_cttimeout.c and nf_conntrack_timeout.c.
 */
import { HZ } from "../clock.js";
import { EBUSY, EINVAL, ENOENT, EOPNOTSUPP, SystemError } from "../errno.js";
import {
  IPPROTO_GRE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} from "../wire/ipv4.js";
import type { Conntrack } from "./conntrack.js";
import type { CtHandle } from "./status.js";

/** What stands for every protocol without a tracker of its own. */
export const IPPROTO_GENERIC = 255;

/** A tracker's timeouts as tools name them. */
export interface TimeoutProtocol {
  readonly protonum: number;
  /** In the order in which they are listed: the name, and its place among the tracker's timeouts. */
  readonly states: readonly (readonly [string, number])[];
  /** The namespace's own timeouts, in jiffies; change them in place. */
  readonly defaults: (ct: Conntrack) => number[];
}

const UNREPLIED_REPLIED: TimeoutProtocol["states"] = [
  ["UNREPLIED", 0],
  ["REPLIED", 1],
];
const TIMEOUT: TimeoutProtocol["states"] = [["TIMEOUT", 0]];

const PROTOCOLS: readonly TimeoutProtocol[] = [
  {
    protonum: IPPROTO_TCP,
    states: [
      ["SYN_SENT", 1],
      ["SYN_RECV", 2],
      ["ESTABLISHED", 3],
      ["FIN_WAIT", 4],
      ["CLOSE_WAIT", 5],
      ["LAST_ACK", 6],
      ["TIME_WAIT", 7],
      ["CLOSE", 8],
      ["SYN_SENT2", 9],
      ["RETRANS", 12],
      ["UNACKNOWLEDGED", 13],
    ],
    defaults: (ct) => ct.tcp.timeouts,
  },
  { protonum: IPPROTO_UDP, states: UNREPLIED_REPLIED, defaults: (ct) => ct.udp },
  { protonum: IPPROTO_UDPLITE, states: UNREPLIED_REPLIED, defaults: (ct) => ct.udp },
  { protonum: IPPROTO_ICMP, states: TIMEOUT, defaults: (ct) => ct.icmp },
  { protonum: IPPROTO_ICMPV6, states: TIMEOUT, defaults: (ct) => ct.icmpv6 },
  { protonum: IPPROTO_GRE, states: UNREPLIED_REPLIED, defaults: (ct) => ct.gre },
  {
    protonum: IPPROTO_SCTP,
    // HEARTBEAT_SENT is the kernel's alone: the tool does not know it.
    states: [
      ["CLOSED", 1],
      ["COOKIE_WAIT", 2],
      ["COOKIE_ECHOED", 3],
      ["ESTABLISHED", 4],
      ["SHUTDOWN_SENT", 5],
      ["SHUTDOWN_RECD", 6],
      ["SHUTDOWN_ACK_SENT", 7],
    ],
    defaults: (ct) => ct.sctp,
  },
  { protonum: IPPROTO_GENERIC, states: TIMEOUT, defaults: (ct) => ct.generic },
];

const GENERIC = PROTOCOLS[PROTOCOLS.length - 1];

/** The timeouts of a protocol that has a tracker (255: of all that have none); undefined otherwise. */
export function timeoutProtocol(protonum: number): TimeoutProtocol | undefined {
  return PROTOCOLS.find((protocol) => protocol.protonum === protonum);
}

/** A named set of timeouts. Models `struct ctnl_timeout`. */
export class TimeoutPolicy {
  readonly name: string;
  /** `NFPROTO_*`. */
  readonly l3num: number;
  readonly protocol: TimeoutProtocol;
  /** Jiffies, by the tracker's places. */
  readonly timeouts: number[];
  /** Templates that give it. Models `refcnt`. */
  templates = 0;

  constructor(name: string, l3num: number, protocol: TimeoutProtocol, timeouts: number[]) {
    this.name = name;
    this.l3num = l3num;
    this.protocol = protocol;
    this.timeouts = timeouts;
  }

  /** Whether rules of a protocol may give it. */
  fits(l3num: number, protonum: number): boolean {
    return l3num === this.l3num && (timeoutProtocol(protonum) ?? GENERIC) === this.protocol;
  }
}

/** Seconds by the names of a protocol's states, as a tool sends them. */
export type TimeoutSeconds = ReadonlyMap<string, number>;

/** Writes seconds over timeouts. Models `nlattr_to_obj()` of the trackers. */
function overwrite(timeouts: number[], protocol: TimeoutProtocol, seconds: TimeoutSeconds): number[] {
  for (const [state, place] of protocol.states) {
    const value = seconds.get(state);
    if (value !== undefined) timeouts[place] = Math.imul(value, HZ);
  }
  return timeouts;
}

function protocolOf(protonum: number): TimeoutProtocol {
  const protocol = timeoutProtocol(protonum);
  if (protocol === undefined) throw new SystemError(EOPNOTSUPP);
  return protocol;
}

/**
 * Adds a policy: the namespace's own timeouts, but for those that are given. Throws {@link SystemError}. Models
 * `cttimeout_new_timeout()`.
 */
export function addTimeoutPolicy(
  ct: Conntrack,
  name: string,
  l3num: number,
  protonum: number,
  seconds: TimeoutSeconds,
): void {
  if (seconds.size === 0) throw new SystemError(EINVAL);
  if (ct.timeoutPolicies.has(name)) throw new SystemError(EBUSY);
  const protocol = protocolOf(protonum);
  const timeouts = overwrite([...protocol.defaults(ct)], protocol, seconds);
  ct.timeoutPolicies.set(name, new TimeoutPolicy(name, l3num, protocol, timeouts));
}

/**
 * Removes a policy; connections that have it go on with the namespace's timeouts. Throws {@link SystemError}. Models
 * `ctnl_timeout_try_del()`.
 */
export function deleteTimeoutPolicy(ct: Conntrack, name: string): void {
  const policy = ct.timeoutPolicies.get(name);
  if (policy === undefined) throw new SystemError(ENOENT);
  if (policy.templates > 0) throw new SystemError(EBUSY);
  ct.timeoutPolicies.delete(name);
  ct.forgetTimeoutPolicy(policy);
}

/** Removes every policy that no rule gives. */
export function flushTimeoutPolicies(ct: Conntrack): void {
  for (const policy of ct.timeoutPolicies.values()) if (policy.templates === 0) deleteTimeoutPolicy(ct, policy.name);
}

/** Changes the namespace's own timeouts. Throws {@link SystemError}. Models `cttimeout_default_set()`. */
export function setDefaultTimeouts(ct: Conntrack, protonum: number, seconds: TimeoutSeconds): void {
  const protocol = protocolOf(protonum);
  if (seconds.size === 0) throw new SystemError(EINVAL);
  overwrite(protocol.defaults(ct), protocol, seconds);
}

/**
 * The namespace's own timeouts of a protocol, in jiffies. Throws {@link SystemError}. Models `cttimeout_default_get()`.
 */
export function defaultTimeouts(ct: Conntrack, protonum: number): readonly number[] {
  return protocolOf(protonum).defaults(ct);
}

/** Timeouts in seconds, in the order in which tools list them. */
export function listTimeouts(protocol: TimeoutProtocol, timeouts: readonly number[]): readonly [string, number][] {
  return protocol.states.map(([state, place]) => [state, Math.trunc((timeouts[place] >>> 0) / HZ)]);
}

/**
 * Gives a policy to a rule's template, in place of the one that it may have. Models `nf_ct_set_timeout()`; the rule was
 * checked before.
 */
export function setTimeoutPolicy(ct: Conntrack, template: CtHandle, name: string): void {
  const policy = ct.timeoutPolicies.get(name);
  if (policy === undefined) throw new Error(`no timeout policy ${name}`);
  const before = ct.timeoutPolicyOf(template);
  if (before !== null) before.templates--;
  policy.templates++;
  ct.giveTimeoutPolicy(template, policy);
}
