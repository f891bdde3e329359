/**
 * Zones: one number more that tells connections with equal tuples apart, in both directions or in one alone. A zone is
 * one word, so that an entry can hold it: the number in the lower half and, above it, a bit for each direction in which
 * it does not count; 0 is the default zone. Models include/net/netfilter/nf_conntrack_zones.h.
 */
import type { SkBuff } from "../skb.js";

/** A zone as one word, of {@link zoneWord}. */
export type Zone = number;

/** The zone of everything that no rule assigns. */
export const DEFAULT_ZONE: Zone = 0;

/** In which directions a zone counts. */
export type ZoneDirections = "both" | "original" | "reply";

const EXCEPT_ORIGINAL: number = 1 << 16;
const EXCEPT_REPLY: number = 1 << 17;
/** The number is the packet's mark (of a template alone). Models `NF_CT_FLAG_MARK`. */
const FROM_MARK: number = 1 << 18;

/** A zone's word; `id` null for a template's zone that is the packet's mark. */
export function zoneWord(id: number | null, directions: ZoneDirections): Zone {
  const except = directions === "original" ? EXCEPT_REPLY : directions === "reply" ? EXCEPT_ORIGINAL : 0;
  return (id === null ? FROM_MARK : id & 0xffff) | except;
}

/** The zone's number in a direction: the default zone's, 0, where it does not count. Models `nf_ct_zone_id()`. */
export function zoneId(zone: Zone, direction: number): number {
  return zone & (EXCEPT_ORIGINAL << direction) ? 0 : zone & 0xffff;
}

/** The zone that a template gives a packet. Models `nf_ct_zone_tmpl()`. */
export function zoneOfTemplate(zone: Zone, skb: SkBuff): Zone {
  return zone & FROM_MARK ? (zone & (EXCEPT_ORIGINAL | EXCEPT_REPLY)) | (skb.mark & 0xffff) : zone;
}

/** The number, wherever it counts. */
export function zoneNumber(zone: Zone): number {
  return zone & 0xffff;
}

/** The directions in which the zone counts. */
export function zoneDirections(zone: Zone): ZoneDirections {
  if (zone & EXCEPT_REPLY) return "original";
  return zone & EXCEPT_ORIGINAL ? "reply" : "both";
}
