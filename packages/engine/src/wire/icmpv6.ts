/**
 * Names of ICMPv6: its types and codes. Models include/uapi/linux/icmpv6.h (RFC 4443).
 */

export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;
export const ICMPV6_PARAMPROB = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const ICMPV6_REDIRECT = 137;
/** Where a redirect has its options: the target's address on the link, the head of the packet that it is about. */
export const ND_REDIRECT_OPTIONS = 40;
export const ND_OPT_TARGET_LL_ADDR = 2;
export const ND_OPT_REDIRECT_HDR = 4;
export const ICMPV6_NI_QUERY = 139;
export const ICMPV6_NI_REPLY = 140;

export const ICMPV6_NOROUTE = 0;
export const ICMPV6_ADM_PROHIBITED = 1;
export const ICMPV6_NOT_NEIGHBOUR = 2;
export const ICMPV6_ADDR_UNREACH = 3;
export const ICMPV6_PORT_UNREACH = 4;
export const ICMPV6_EXC_HOPLIMIT = 0;
export const ICMPV6_EXC_FRAGTIME = 1;
export const ICMPV6_HDR_FIELD = 0;
export const ICMPV6_UNK_NEXTHDR = 1;
export const ICMPV6_UNK_OPTION = 2;
export const ICMPV6_HDR_INCOMP = 3;

export const ICMPV6_HEADER_LENGTH = 8;
