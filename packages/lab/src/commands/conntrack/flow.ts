/**
 * What a command line says about a connection: the attributes of libnetfilter_conntrack's object. Filters compare them,
 * and messages to the kernel are made of them. A field that is null was not said.
 */
import type { Address } from "./numbers.js";

/** One direction. */
export interface FlowEnd {
  /** `AF_INET` or `AF_INET6`: the family of the address that was given. */
  family: 2 | 10 | null;
  protonum: number | null;
  src: Int32Array | null;
  dst: Int32Array | null;
  /** Of GRE, the keys. */
  sport: number | null;
  dport: number | null;
}

/** Where NAT is to send, or sent. */
export interface FlowNat {
  address: Address | null;
  port: number | null;
}

/** Addresses that agree with one under a mask. */
interface Network {
  readonly address: Int32Array;
  readonly mask: Int32Array;
}

/** A value under a mask. */
export interface Masked {
  readonly value: number;
  readonly mask: number;
}

function end(): FlowEnd {
  return { family: null, protonum: null, src: null, dst: null, sport: null, dport: null };
}

export class Flow {
  readonly original: FlowEnd = end();
  readonly reply: FlowEnd = end();
  /** The tuple of an expectation, and the mask of it or of {@link original}. */
  readonly expected: FlowEnd = end();
  readonly mask: FlowEnd = end();
  /** Of addresses with masks, once they are to be compared. */
  readonly networks: { src: Network | null; dst: Network | null } = { src: null, dst: null };
  /** The handler's number, or the one that was given. */
  protonum: number | null = null;
  icmpType: number | null = null;
  icmpCode: number | null = null;
  icmpId: number | null = null;
  tcpState: number | null = null;
  sctpState: number | null = null;
  /** Known to the tool alone: the kernel has no tracker for DCCP. */
  dccp = false;
  originalVtag: number | null = null;
  replyVtag: number | null = null;
  timeoutSeconds: number | null = null;
  /** Bits `IPS_*` that must be set, or are to be. */
  status: number | null = null;
  /** What the kernel compares of them when it lists. */
  statusMask = 0;
  mark: Masked | null = null;
  /** What the kernel compares of it when it lists. */
  dumpedMark: Masked | null = null;
  id: number | null = null;
  zone: number | null = null;
  originalZone: number | null = null;
  replyZone: number | null = null;
  readonly sourceNat: FlowNat = { address: null, port: null };
  readonly destinationNat: FlowNat = { address: null, port: null };
  /** Labels that must be set. */
  readonly labels: Set<number> = new Set();
  /** Labels to add or to take away. */
  readonly changedLabels: Set<number> = new Set();
}

/** The values of a {@link Flow}. */
export type FlowValues = { readonly [Field in keyof Flow]: Flow[Field] };
