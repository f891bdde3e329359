/** The name of an entry and the bits of its status, which everybody around the tracker speaks of. */

/** Names an entry; {@link NO_CT} (0) is none. */
export type CtHandle = number;

/** Bits of `status`. Models `enum ip_conntrack_status`. */
export const IPS_EXPECTED: number = 1 << 0;
export const IPS_SEEN_REPLY: number = 1 << 1;
export const IPS_ASSURED: number = 1 << 2;
export const IPS_CONFIRMED: number = 1 << 3;
export const IPS_SRC_NAT: number = 1 << 4;
export const IPS_DST_NAT: number = 1 << 5;
export const IPS_SEQ_ADJUST: number = 1 << 6;
export const IPS_SRC_NAT_DONE: number = 1 << 7;
export const IPS_DST_NAT_DONE: number = 1 << 8;
export const IPS_DYING: number = 1 << 9;
export const IPS_FIXED_TIMEOUT: number = 1 << 10;
export const IPS_TEMPLATE: number = 1 << 11;
export const IPS_NAT_CLASH: number = 1 << 12;
export const IPS_HELPER: number = 1 << 13;
export const IPS_OFFLOAD: number = 1 << 14;
