/**
 * Messages between this program and the kernel: what NETLINK_ROUTE is told (a device up, an address on it) and what
 * NETLINK_NETFILTER tells of conntrack's entries. The layout is netlink(7)'s: a header of 16 bytes, then attributes of
 * type, length and value. Integers of the headers are the machine's (little endian here), those of conntrack big
 * endian.
 */
import {
  type ConntrackEvent,
  type ConntrackSnapshot,
  formatIPv6,
  SCTP_STATE_NAMES,
  TCP_STATE_NAMES,
  type TupleText,
} from "@netfilter-lab/engine";

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
export const SOL_SOCKET = 1;
export const SO_RCVBUFFORCE = 33;
export const SOL_NETLINK = 270;
export const NETLINK_ADD_MEMBERSHIP = 1;
/** New, changed and destroyed entries. */
export const CONNTRACK_GROUPS: readonly number[] = [1, 2, 3];

const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_EXCL = 0x200;
const NLM_F_CREATE = 0x400;
const NLMSG_ERROR = 2;
const RTM_NEWLINK = 16;
const RTM_NEWADDR = 20;
const AF_INET = 2;
const AF_INET6 = 10;
const IFF_UP = 1;
const IFF_MULTICAST = 0x1000;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;

const HEADER = 16;

function aligned(length: number): number {
  return (length + 3) & ~3;
}

function message(type: number, flags: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_ACK | flags, true);
  bytes.set(body, HEADER);
  return bytes;
}

/** Sets a device up; with `quiet`, as one that is in no group of IPv6's. */
export function linkUp(index: number, quiet = false): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, IFF_UP, true);
  view.setUint32(12, IFF_UP | (quiet ? IFF_MULTICAST : 0), true);
  return message(RTM_NEWLINK, 0, body);
}

/** Adds an IPv6 address to a device. */
export function addAddress6(index: number, address: Int32Array, prefixLength: number): Uint8Array {
  const body = new Uint8Array(28);
  const view = new DataView(body.buffer);
  body[0] = AF_INET6;
  body[1] = prefixLength;
  view.setUint32(4, index, true);
  view.setUint16(8, 20, true);
  view.setUint16(10, IFA_LOCAL, true);
  for (let i = 0; i < 4; i++) view.setInt32(12 + 4 * i, address[i], false);
  return message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body);
}

/** Adds an IPv4 address to a device. */
export function addAddress(index: number, address: number, prefixLength: number): Uint8Array {
  const body = new Uint8Array(24);
  const view = new DataView(body.buffer);
  body[0] = AF_INET;
  body[1] = prefixLength;
  view.setUint32(4, index, true);
  for (const [offset, type] of [
    [8, IFA_LOCAL],
    [16, IFA_ADDRESS],
  ]) {
    view.setUint16(offset, 8, true);
    view.setUint16(offset + 2, type, true);
    view.setUint32(offset + 4, address, false);
  }
  return message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body);
}

/** The errno of the kernel's answer to a request: 0 when it was done. */
export function answerErrno(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(4, true) !== NLMSG_ERROR) throw new Error("netlink: not an acknowledgement");
  return -view.getInt32(HEADER, true);
}

/** Attributes by type; nested ones are read where they are needed. */
type Attributes = ReadonlyMap<number, DataView>;

function attributes(view: DataView, start = 0): Attributes {
  const found = new Map<number, DataView>();
  for (let at = start; at + 4 <= view.byteLength; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > view.byteLength) throw new Error("netlink: a malformed attribute");
    const type = view.getUint16(at + 2, true) & 0x3fff;
    found.set(type, new DataView(view.buffer, view.byteOffset + at + 4, length - 4));
    at += aligned(length);
  }
  return found;
}

function nested(from: Attributes, type: number): Attributes {
  const value = from.get(type);
  return value === undefined ? new Map() : attributes(value);
}

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_PROTOINFO = 4;
const CTA_HELP = 5;
const CTA_HELP_NAME = 1;
const CTA_TIMEOUT = 7;
const CTA_MARK = 8;
const CTA_COUNTERS_ORIG = 9;
const CTA_COUNTERS_REPLY = 10;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_TIMESTAMP = 20;
const CTA_LABELS = 22;

const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_TUPLE_ZONE = 3;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_SRC = 3;
const CTA_IP_V6_DST = 4;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_PROTO_ICMP_ID = 4;
const CTA_PROTO_ICMP_TYPE = 5;
const CTA_PROTO_ICMP_CODE = 6;
/** ICMPv6's three attributes are so many further. */
const CTA_PROTO_ICMPV6 = 3;

const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_SCTP = 3;
const CTA_PROTOINFO_STATE = 1;
const CTA_PROTOINFO_SCTP_VTAG_ORIGINAL = 2;
const CTA_PROTOINFO_SCTP_VTAG_REPLY = 3;

const IPPROTO_GRE = 47;

const IPS_SEEN_REPLY = 2;
const IPCTNL_MSG_CT_DELETE = 2;
const NFNL_SUBSYS_CTNETLINK = 1;

function addressText(view: DataView | undefined): string {
  if (view?.byteLength === 16) return formatIPv6([0, 4, 8, 12].map((at) => view.getInt32(at)));
  if (view === undefined || view.byteLength !== 4) return "";
  return [0, 1, 2, 3].map((at) => view.getUint8(at)).join(".");
}

function tuple(from: Attributes, type: number): { readonly text: TupleText; readonly protonum: number } {
  const parts = nested(from, type);
  const ip = nested(parts, CTA_TUPLE_IP);
  const proto = nested(parts, CTA_TUPLE_PROTO);
  const protonum = proto.get(CTA_PROTO_NUM)?.getUint8(0) ?? 0;
  const src = addressText(ip.get(CTA_IP_V4_SRC) ?? ip.get(CTA_IP_V6_SRC));
  const dst = addressText(ip.get(CTA_IP_V4_DST) ?? ip.get(CTA_IP_V6_DST));
  const sport = proto.get(CTA_PROTO_SRC_PORT)?.getUint16(0);
  const dport = proto.get(CTA_PROTO_DST_PORT)?.getUint16(0);
  const icmp = (attribute: number): DataView | undefined =>
    proto.get(attribute) ?? proto.get(attribute + CTA_PROTO_ICMPV6);
  const id = icmp(CTA_PROTO_ICMP_ID)?.getUint16(0);
  const icmpType = icmp(CTA_PROTO_ICMP_TYPE)?.getUint8(0);
  const code = icmp(CTA_PROTO_ICMP_CODE)?.getUint8(0);
  return {
    text: {
      src,
      dst,
      protocol: String(protonum),
      ...(sport === undefined || dport === undefined
        ? {}
        : protonum === IPPROTO_GRE
          ? { srckey: sport, dstkey: dport }
          : { sport, dport }),
      ...(id !== undefined && icmpType !== undefined && code !== undefined ? { id, type: icmpType, code } : {}),
    },
    protonum,
  };
}

function protocolState(from: Attributes): string | null {
  const info = nested(from, CTA_PROTOINFO);
  const tcp = nested(info, CTA_PROTOINFO_TCP).get(CTA_PROTOINFO_STATE)?.getUint8(0);
  if (tcp !== undefined) return TCP_STATE_NAMES[tcp] ?? String(tcp);
  const sctp = nested(info, CTA_PROTOINFO_SCTP).get(CTA_PROTOINFO_STATE)?.getUint8(0);
  return sctp === undefined ? null : (SCTP_STATE_NAMES[sctp] ?? String(sctp));
}

/** A string, which ends with a zero byte. */
function name(view: DataView | undefined): string | null {
  if (view === undefined) return null;
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("latin1").replace(/\0.*$/, "");
}

function vtags(from: Attributes): ConntrackSnapshot["vtags"] {
  const info = nested(nested(from, CTA_PROTOINFO), CTA_PROTOINFO_SCTP);
  const original = info.get(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL)?.getUint32(0);
  const reply = info.get(CTA_PROTOINFO_SCTP_VTAG_REPLY)?.getUint32(0);
  return original === undefined || reply === undefined ? null : [original, reply];
}

/** The zone stands by itself when it counts in both directions, and else in the tuple of its direction. */
function zoneOf(from: Attributes): Pick<ConntrackSnapshot, "zone" | "zoneDirections"> {
  const number = (attributes: Attributes, type: number): number | undefined => attributes.get(type)?.getUint16(0);
  const original = number(nested(from, CTA_TUPLE_ORIG), CTA_TUPLE_ZONE);
  if (original !== undefined) return { zone: original, zoneDirections: "original" };
  const reply = number(nested(from, CTA_TUPLE_REPLY), CTA_TUPLE_ZONE);
  if (reply !== undefined) return { zone: reply, zoneDirections: "reply" };
  return { zone: number(from, CTA_ZONE) ?? 0, zoneDirections: "both" };
}

/** The numbers of the labels that are set; the kernel sends them as words of its own byte order. */
function labels(from: Attributes): ConntrackSnapshot["labels"] {
  const bits = from.get(CTA_LABELS);
  if (bits === undefined) return null;
  const numbers: number[] = [];
  for (let bit = 0; bit < bits.byteLength * 8; bit++)
    if (bits.getUint8(bit >>> 3) & (1 << (bit & 7))) numbers.push(bit);
  return numbers;
}

function counters(from: Attributes): ConntrackSnapshot["counters"] {
  const read = (type: number): { packets: number; bytes: number } => {
    const both = nested(from, type);
    return {
      packets: Number(both.get(1)?.getBigUint64(0) ?? 0n),
      bytes: Number(both.get(2)?.getBigUint64(0) ?? 0n),
    };
  };
  if (!from.has(CTA_COUNTERS_ORIG) && !from.has(CTA_COUNTERS_REPLY)) return null;
  return [read(CTA_COUNTERS_ORIG), read(CTA_COUNTERS_REPLY)];
}

function timestamp(from: Attributes): ConntrackSnapshot["timestamp"] {
  const both = nested(from, CTA_TIMESTAMP);
  const start = both.get(1)?.getBigUint64(0);
  if (start === undefined) return null;
  return { startNanos: start, stopNanos: both.get(2)?.getBigUint64(0) ?? 0n };
}

/** The conntrack events of both families in what one receive from the netlink socket gave. */
export function conntrackEvents(bytes: Uint8Array): ConntrackEvent[] {
  const heard: ConntrackEvent[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER <= view.byteLength; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > view.byteLength) throw new Error("netlink: a malformed message");
    const type = view.getUint16(at + 4, true);
    const flags = view.getUint16(at + 6, true);
    const portid = view.getUint32(at + 12, true);
    const body = new DataView(view.buffer, view.byteOffset + at + HEADER, length - HEADER);
    at += aligned(length);
    const family = body.getUint8(0);
    if (type >>> 8 !== NFNL_SUBSYS_CTNETLINK || (family !== AF_INET && family !== AF_INET6)) continue;
    const kind = (type & 0xff) === IPCTNL_MSG_CT_DELETE ? "DESTROY" : flags & NLM_F_CREATE ? "NEW" : "UPDATE";
    // The attributes stand behind the four bytes of `struct nfgenmsg`.
    heard.push(conntrackEvent(kind, family, attributes(body, 4), portid));
  }
  return heard;
}

function conntrackEvent(type: ConntrackEvent["type"], l3num: number, from: Attributes, portid: number): ConntrackEvent {
  const original = tuple(from, CTA_TUPLE_ORIG);
  const tcpState = protocolState(from);
  const timeoutSeconds = from.get(CTA_TIMEOUT)?.getUint32(0);
  const counted = counters(from);
  const stamped = timestamp(from);
  const mark = from.get(CTA_MARK)?.getUint32(0);
  const entry: ConntrackSnapshot = {
    handle: 0,
    id: from.get(CTA_ID)?.getUint32(0) ?? 0,
    l3num,
    protonum: original.protonum,
    // Without a status nothing is said of replies.
    status: from.get(CTA_STATUS)?.getUint32(0) ?? IPS_SEEN_REPLY,
    timeoutSeconds: timeoutSeconds ?? 0,
    mark: mark ?? 0,
    ...zoneOf(from),
    vtags: vtags(from),
    greTimeouts: null,
    labels: labels(from),
    tcpState,
    helper: name(nested(from, CTA_HELP).get(CTA_HELP_NAME)),
    tuple: [original.text, tuple(from, CTA_TUPLE_REPLY).text],
    counters: counted,
    timestamp: stamped,
    use: 0,
  };
  const carries = {
    timeout: timeoutSeconds !== undefined,
    tcpState: tcpState !== null,
    counters: counted !== null,
    timestamp: stamped !== null,
    mark: mark !== undefined,
    labels: from.has(CTA_LABELS),
  };
  return { type, entry, carries, atMicros: 0, portid };
}
