/** What a NAT rule may ask for: which end is changed, and to what. Models include/uapi/linux/netfilter/nf_nat.h. */

export const NF_NAT_MANIP_SRC = 0;
export const NF_NAT_MANIP_DST = 1;

/** Which half of a packet a translation touches: `enum nf_nat_manip_type`. */
export type ManipType = 0 | 1;

/** Models the `NF_NAT_RANGE_*` flags. */
export const NF_NAT_RANGE_MAP_IPS: number = 1 << 0;
export const NF_NAT_RANGE_PROTO_SPECIFIED: number = 1 << 1;
export const NF_NAT_RANGE_PROTO_RANDOM: number = 1 << 2;
export const NF_NAT_RANGE_PERSISTENT: number = 1 << 3;
export const NF_NAT_RANGE_PROTO_RANDOM_FULLY: number = 1 << 4;
export const NF_NAT_RANGE_PROTO_OFFSET: number = 1 << 5;
export const NF_NAT_RANGE_NETMAP: number = 1 << 6;

/** What a rule allows. Models `struct nf_nat_range2`; IPv4 addresses are numbers, ports host order. */
export interface NatRange {
  readonly flags: number;
  readonly minAddr: number;
  readonly maxAddr: number;
  /** The ends of a range of IPv6 addresses; absent: IPv4's. */
  readonly min6?: Int32Array;
  readonly max6?: Int32Array;
  readonly minPort: number;
  readonly maxPort: number;
  readonly basePort: number;
}
