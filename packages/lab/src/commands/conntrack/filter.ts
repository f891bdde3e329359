/**
 * Which connections a `conntrack` command is about: what it said, compared with what the kernel tells of each. Models
 * `nfct_filter()` of the tool and `nfct_cmp()` of libnetfilter_conntrack.
 */
import {
  type ConntrackEvent,
  type ConntrackSnapshot,
  IPS_DST_NAT_DONE,
  IPS_SRC_NAT_DONE,
  parseIPv4,
  parseIPv6,
  SCTP_STATE_NAMES,
  TCP_STATE_NAMES,
} from "@netfilter-lab/engine";
import type { FlowEnd, FlowNat } from "./flow.js";
import { ConntrackUsageError } from "./options.js";
import type { ConntrackCommand } from "./parse.js";

type Tuple = ConntrackSnapshot["tuple"][0];

/** The words of an address's text. */
function wordsOf(text: string): Int32Array {
  return text.includes(":") ? parseIPv6(text) : Int32Array.of(parseIPv4(text), 0, 0, 0);
}

function same(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];
}

const PORT_PROTOCOLS: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);

/** Whether one direction is as it was said; keys of GRE are not compared. Models `cmp_orig()` and `cmp_repl()`. */
export function endMatches(said: FlowEnd, entry: ConntrackSnapshot, direction: 0 | 1): boolean {
  const tuple = entry.tuple[direction];
  if (said.family !== null && said.family !== entry.l3num) return false;
  if (said.protonum !== null && said.protonum !== entry.protonum) return false;
  if (said.src !== null && !same(said.src, wordsOf(tuple.src))) return false;
  if (said.dst !== null && !same(said.dst, wordsOf(tuple.dst))) return false;
  if (!PORT_PROTOCOLS.has(entry.protonum)) return true;
  // Of DCCP the kernel tells no ports.
  const { sport = null, dport = null } = tuple;
  return (said.sport === null || said.sport === sport) && (said.dport === null || said.dport === dport);
}

/** Whether what was said of ICMP is so. */
export function icmpMatches({ flow }: ConntrackCommand, { tuple: [original] }: ConntrackSnapshot): boolean {
  return (
    (flow.icmpType === null || flow.icmpType === original.type) &&
    (flow.icmpCode === null || flow.icmpCode === original.code) &&
    (flow.icmpId === null || flow.icmpId === original.id)
  );
}

/** The options that make the tool compare at all. Models `CT_COMPARISON`. */
const COMPARED = [..."psdrqmcuiwl()"];

function compares({ given }: ConntrackCommand): boolean {
  return COMPARED.some((key) => given.has(key));
}

/** Models `nfct_cmp()` with NFCT_CMP_ALL and NFCT_CMP_MASK: what was said must be there, and be the same. */
function objectMatches(command: ConntrackCommand, entry: ConntrackSnapshot): boolean {
  const { flow } = command;
  const zone = (direction: ConntrackSnapshot["zoneDirections"]): number =>
    entry.zoneDirections === direction ? entry.zone : 0;
  return (
    endMatches(flow.original, entry, 0) &&
    endMatches(flow.reply, entry, 1) &&
    icmpMatches(command, entry) &&
    (flow.status === null || (entry.status & flow.status) === flow.status) &&
    (flow.timeoutSeconds === null || flow.timeoutSeconds === entry.timeoutSeconds) &&
    (flow.id === null || flow.id === entry.id) &&
    (flow.zone === null || flow.zone === zone("both")) &&
    (flow.originalZone === null || flow.originalZone === zone("original")) &&
    (flow.replyZone === null || flow.replyZone === zone("reply")) &&
    (flow.tcpState === null || (entry.protonum === 6 && TCP_STATE_NAMES[flow.tcpState] === entry.tcpState)) &&
    (flow.sctpState === null || (entry.protonum === 132 && SCTP_STATE_NAMES[flow.sctpState] === entry.tcpState)) &&
    (flow.originalVtag === null || flow.originalVtag === entry.vtags?.[0]) &&
    (flow.replyVtag === null || flow.replyVtag === entry.vtags?.[1]) &&
    !flow.dccp
  );
}

/** What stands where a port would, in the tool's view of a tuple: of GRE the key, of ICMP nothing that compares. */
function portOf(tuple: Tuple, side: "s" | "d"): number | null {
  if (tuple.srckey !== undefined) return (side === "s" ? tuple.srckey : tuple.dstkey) ?? 0;
  if (tuple.sport !== undefined) return (side === "s" ? tuple.sport : tuple.dport) ?? 0;
  return tuple.id === undefined ? 0 : null;
}

interface Translation {
  readonly address: boolean;
  readonly port: boolean;
  readonly toAddress: Int32Array;
  readonly toPort: number | null;
}

/**
 * Whether NAT changed one end: of ICMP the tool compares identifier and type as if they were ports, so those differ.
 */
function translation(entry: ConntrackSnapshot, kind: "src" | "dst"): Translation {
  const [original, reply] = entry.tuple;
  const done = (entry.status & (kind === "src" ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE)) !== 0;
  const to = kind === "src" ? reply.dst : reply.src;
  const fromPort = portOf(original, kind === "src" ? "s" : "d");
  const toPort = portOf(reply, kind === "src" ? "d" : "s");
  return {
    address: done && (kind === "src" ? original.src : original.dst) !== to,
    port: done && (fromPort === null || fromPort !== toPort),
    toAddress: wordsOf(to),
    toPort,
  };
}

/**
 * Whether an end is translated, and to what was said. The tool compares no IPv6 address. Models a half of
 * `filter_nat()`.
 */
export function isTranslated(entry: ConntrackSnapshot, kind: "src" | "dst", said: FlowNat): boolean {
  const { address, port, toAddress, toPort } = translation(entry, kind);
  const wanted = said.address?.family === 2 ? said.address.words : null;
  if (wanted === null && said.port === null) return address || port;
  const rightAddress = wanted !== null && address && same(wanted, toAddress);
  if (said.port === null) return rightAddress;
  const rightPort = port && said.port === toPort;
  return wanted === null ? rightPort : rightAddress && rightPort;
}

/** Models `filter_nat()`. */
export function natMatches({ given, flow }: ConntrackCommand, entry: ConntrackSnapshot): boolean {
  const source = (): boolean => isTranslated(entry, "src", flow.sourceNat);
  const destination = (): boolean => isTranslated(entry, "dst", flow.destinationNat);
  if (given.has("j")) return source() || destination();
  return (!given.has("n") || source()) && (!given.has("g") || destination());
}

/** Models `filter_label()`. */
export function labelsMatch({ flow }: ConntrackCommand, labels: readonly number[] | null): boolean {
  return [...flow.labels].every((label) => labels?.includes(label) === true);
}

/** Whether the ends lie in the networks of masks. Models `filter_network()`. */
export function networksMatch({ flow, family }: ConntrackCommand, entry: ConntrackSnapshot): boolean {
  return (["src", "dst"] as const).every((side) => {
    const network = flow.networks[side];
    if (network === null) return true;
    if (entry.l3num !== family) return false;
    const words = wordsOf(entry.tuple[0][side]);
    return network.mask.every((bits, i) => ((words[i] ^ network.address[i]) & bits) === 0);
  });
}

/**
 * Makes networks of addresses with masks, so that the addresses themselves are not compared; complains about a mask
 * without an address. Models `nfct_filter_init()`.
 */
export function takeNetworks({ given, flow }: ConntrackCommand): void {
  for (const [key, side] of [
    ["{", "src"],
    ["}", "dst"],
  ] as const) {
    const address = flow.original[side];
    const mask = flow.mask[side];
    if (!given.has(key) || mask === null) continue;
    if (address === null) throw new ConntrackUsageError(`Can't use --mask-${side} without --${side}`);
    flow.networks[side] = { address, mask };
    flow.original[side] = null;
  }
}

/** What of an event's entry the kernel told. */
type Carried = Pick<ConntrackEvent["carries"], "mark" | "labels">;

/** Whether a command is about an entry. Models `nfct_filter()`. */
export function entryTest(command: ConntrackCommand): (entry: ConntrackSnapshot, carried?: Carried) => boolean {
  const { flow, family } = command;
  const comparing = compares(command);
  return (entry, carried) => {
    if (family !== null && family !== entry.l3num) return false;
    if (!natMatches(command, entry)) return false;
    if (flow.mark !== null) {
      if (carried?.mark === false) return false;
      if ((entry.mark & flow.mark.mask) >>> 0 !== flow.mark.value) return false;
    }
    if (!labelsMatch(command, carried?.labels === false ? null : entry.labels)) return false;
    return networksMatch(command, entry) && (!comparing || objectMatches(command, entry));
  };
}
