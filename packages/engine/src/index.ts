/**
 * Linux netfilter in TypeScript: hooks, conntrack, NAT, tables and routing, packet by packet, without a dependency.
 * What a page may load later (rare extensions, TCP's connections) is `@netfilter-lab/engine/parts`.
 * @packageDocumentation
 */
export * from "./clock.js";
export * from "./conntrack/conntrack.js";
export type { ExpectationEvent, ExpectationSnapshot } from "./conntrack/expect.js";
export {
  NF_CT_EXPECT_INACTIVE,
  NF_CT_EXPECT_PERMANENT,
  NF_CT_EXPECT_USERSPACE,
} from "./conntrack/expect.js";
export * from "./conntrack/netlink.js";
export * from "./conntrack/netlink-expect.js";
export { SCTP_STATE_NAMES } from "./conntrack/proto-sctp.js";
export {
  IP_CT_TCP_FLAG_BE_LIBERAL,
  IP_CT_TCP_FLAG_CLOSE_INIT,
  IP_CT_TCP_FLAG_SACK_PERM,
  TCP_CONNTRACK_TIME_WAIT,
  TCP_STATE_NAMES,
} from "./conntrack/proto-tcp.js";
export {
  addTimeoutPolicy,
  defaultTimeouts,
  deleteTimeoutPolicy,
  flushTimeoutPolicies,
  IPPROTO_GENERIC,
  listTimeouts,
  setDefaultTimeouts,
  type TimeoutPolicy,
  timeoutProtocol,
} from "./conntrack/timeout-policy.js";
export {
  invertTuple,
  TUPLE_DST,
  TUPLE_PORTS,
  TUPLE_PROTO,
  TUPLE_SRC,
  TUPLE_WORDS,
} from "./conntrack/tuple.js";
export * from "./dev/device.js";
export * from "./dev/loopback.js";
export * from "./dev/pair.js";
export * from "./dev/topology.js";
export * from "./dev/tun.js";
export * from "./errno.js";
export * from "./hooks.js";
export * from "./ip/route.js";
export * from "./ip/rtnetlink.js";
export * from "./ip/rules.js";
export * from "./ip/snmp.js";
export * from "./ip/stack.js";
export { SCOPE_LINK_LOCAL, SCOPE_SITE_LOCAL } from "./ip6/address.js";
export * from "./ip6/fib.js";
export * from "./ip6/indevice.js";
export type { PolicyRule6 } from "./ip6/rules.js";
export * from "./ip6/stack.js";
export * from "./nat/nat.js";
export * from "./netns.js";
export * from "./random.js";
export * from "./skb.js";
export * from "./sock/raw.js";
export * from "./sock/raw6.js";
export * from "./sock/sockets.js";
export { registerTcpConnections } from "./sock/tcp.js";
export * from "./sysctl.js";
export * from "./trace.js";
export * from "./wire/address.js";
export * from "./wire/bytes.js";
export * from "./wire/checksum.js";
export * from "./wire/icmp.js";
export * from "./wire/icmpv6.js";
export * from "./wire/ipv4.js";
export * from "./wire/ipv6.js";
export * from "./wire/tcp.js";
export * from "./wire/udp.js";
export * from "./xtables/index.js";
export { LabelMap, labelMapOf } from "./xtables/label-map.js";
