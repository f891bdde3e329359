/** Fields that the headers of both families have, for extensions that are the same in both. */
import { IPV6_DST, IPV6_HOP_LIMIT, IPV6_SRC, ipv6TrafficClass } from "../wire/ipv6.js";
import type { XtFamily } from "./extension.js";

/** Words of an address. */
export const ADDRESS_WORDS: Readonly<Record<XtFamily, number>> = { ipv4: 1, ipv6: 4 };

/** Where the source or the destination address stands. */
export function addressOffset(family: XtFamily, source: boolean): number {
  if (family === "ipv6") return source ? IPV6_SRC : IPV6_DST;
  return source ? 12 : 16;
}

/** TOS or traffic class: DSCP and ECN. */
export function trafficClass(data: Uint8Array, family: XtFamily): number {
  return family === "ipv6" ? ipv6TrafficClass(data, 0) : data[1];
}

/** Time to live or hop limit. */
export function hopLimit(data: Uint8Array, family: XtFamily): number {
  return data[family === "ipv6" ? IPV6_HOP_LIMIT : 8];
}
