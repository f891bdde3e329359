/**
 * The GRE header (RFC 2784), and the enhanced one of PPTP (RFC 2637), whose call id is all that conntrack and NAT tell
 * tunnels apart by. The kernel's counterpart is include/net/gre.h and include/net/pptp.h.
 */
import { get16 } from "./bytes.js";

/** The base header: flags with the version, and what is inside. */
export const GRE_HEADER_LENGTH = 4;
export const GRE_PROTOCOL = 2;
/** Of version 1: the call id of the receiver. */
export const GRE_CALL_ID = 6;
/** The part of version 1's header that is always there. */
export const GRE_PPTP_HEADER_LENGTH = 8;

export const GRE_VERSION_0 = 0;
export const GRE_VERSION_1 = 1;
/** What PPTP carries. */
export const GRE_PROTO_PPP = 0x880b;

/** The version of the header at `at`. */
export function greVersion(data: Uint8Array, at: number): number {
  return get16(data, at) & 7;
}
