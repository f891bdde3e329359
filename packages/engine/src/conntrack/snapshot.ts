/**
 * An entry as tools see it: what a netlink message of the kernel carries. Models the dump functions of
 * net/netfilter/nf_conntrack_netlink.c.
 */
import { IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY } from "../skb.js";
import type { PacketTracer } from "../trace.js";
import { IPPROTO_GRE, IPPROTO_SCTP } from "../wire/ipv4.js";
import type { Conntrack, ConntrackEvent, ConntrackSnapshot } from "./conntrack.js";
import {
  C_START,
  C_STOP,
  COUNTERS_SHIFT,
  E_EXT,
  E_MARK,
  E_ORIGINAL,
  E_REPLY,
  E_STATUS,
  E_USE,
  E_ZONE,
  ENTRY_SHIFT,
  EXT_ACCT,
  EXT_TSTAMP,
} from "./entry.js";
import { IPCT_LABEL, IPCT_MARK, IPCT_PROTOINFO } from "./events.js";
import { greTimeoutsOf } from "./proto-gre.js";
import { sctpVtagOf } from "./proto-sctp.js";
import type { CtHandle } from "./status.js";
import { protocolHasPorts, tupleL3num, tupleProtonum, tupleText } from "./tuple.js";
import { zoneDirections, zoneNumber } from "./zone.js";

/** The numbers of the labels that are set. */
function labelNumbers(labels: Uint32Array | null): number[] {
  const numbers: number[] = [];
  if (labels !== null)
    for (let bit = 0; bit < labels.length * 32; bit++) if (labels[bit >>> 5] & (1 << (bit & 31))) numbers.push(bit);
  return numbers;
}

/** Everything about an entry. */
export function snapshotOf(ct: Conntrack, entry: CtHandle): ConntrackSnapshot {
  const words = ct.slab.words;
  const base = entry << ENTRY_SHIFT;
  const protonum = tupleProtonum(words, base + E_ORIGINAL);
  const extensions = words[base + E_EXT];
  const counter = (direction: 0 | 1) => ({
    packets: ct.packetsOf(entry, direction),
    bytes: ct.bytesOf(entry, direction),
  });
  const nanos = (micros: number): bigint =>
    micros === 0 ? 0n : BigInt(ct.net.clock.epochMillis) * 1_000_000n + BigInt(Math.round(micros)) * 1000n;
  return {
    handle: entry,
    id: ct.idOf(entry),
    l3num: tupleL3num(words, base + E_ORIGINAL),
    protonum,
    status: words[base + E_STATUS],
    timeoutSeconds: ct.expiresSeconds(entry),
    mark: words[base + E_MARK] >>> 0,
    zone: zoneNumber(words[base + E_ZONE]),
    zoneDirections: zoneDirections(words[base + E_ZONE]),
    tcpState: ct.stateOf(entry),
    vtags: protonum === IPPROTO_SCTP ? [sctpVtagOf(ct, entry, 0), sctpVtagOf(ct, entry, 1)] : null,
    greTimeouts: protonum === IPPROTO_GRE ? greTimeoutsOf(ct, entry) : null,
    labels: ct.hasLabels(entry) ? labelNumbers(ct.labelsOf(entry)) : null,
    helper: ct.helpers.nameOf(entry),
    tuple: [tupleText(words, base + E_ORIGINAL), tupleText(words, base + E_REPLY)],
    counters: extensions & EXT_ACCT ? [counter(IP_CT_DIR_ORIGINAL), counter(IP_CT_DIR_REPLY)] : null,
    timestamp:
      extensions & EXT_TSTAMP
        ? {
            startNanos: nanos(ct.slab.counters[(entry << COUNTERS_SHIFT) + C_START]),
            stopNanos: nanos(ct.slab.counters[(entry << COUNTERS_SHIFT) + C_STOP]),
          }
        : null,
    use: words[base + E_USE],
  };
}

/** Whether an event's message tells what the protocol's tracker knows. */
export function carriesProtoinfo(type: ConntrackEvent["type"], events: number): boolean {
  return type === "DESTROY" || (events & (1 << IPCT_PROTOINFO)) !== 0;
}

/**
 * The message of an event. One of a living entry has its timeout, and the TCP state when that changed; DESTROY has the
 * state always (the question's own lines are of 2018, and lack it), counters and time stamps where they are kept, and
 * the time that was left, if any was.
 */
export function eventOf(
  ct: Conntrack,
  entry: CtHandle,
  type: ConntrackEvent["type"],
  events: number,
  portid: number,
): ConntrackEvent {
  const snapshot = snapshotOf(ct, entry);
  const destroyed = type === "DESTROY";
  const tcpState = snapshot.tcpState !== null && carriesProtoinfo(type, events);
  return {
    type,
    // The message of an end names no helper.
    entry: { ...snapshot, tcpState: tcpState ? snapshot.tcpState : null, helper: destroyed ? null : snapshot.helper },
    carries: {
      timeout: !destroyed || ct.expiresSeconds(entry) > 0,
      tcpState,
      counters: destroyed && snapshot.counters !== null,
      timestamp: destroyed && snapshot.timestamp !== null,
      mark: snapshot.mark !== 0 || (events & (1 << IPCT_MARK)) !== 0,
      labels: (events & (1 << IPCT_LABEL)) !== 0 && snapshot.labels !== null,
    },
    atMicros: ct.net.clock.nowMicros,
    portid,
  };
}

/**
 * The functions that build an event's message, as the kernel's tracer shows them; `protoinfo`: of {@link
 * carriesProtoinfo}.
 */
export function traceEventMessage(trace: PacketTracer, protonum: number, protoinfo: boolean): void {
  const call = (name: string): void => trace.call(name, "nf_conntrack");
  call("nf_ct_l4proto_find");
  for (let direction = 0; direction < 2; direction++) {
    call("nf_ct_l4proto_find");
    if (protocolHasPorts(protonum)) call("nf_ct_port_tuple_to_nlattr");
  }
  call("nf_ct_get_id");
  if (protoinfo) call("nf_ct_l4proto_find");
}
