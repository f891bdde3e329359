/** HL: writes the hop limit of IPv6, which no checksum covers. Models hl_tg6(), net/netfilter/xt_HL.c. */
import { IPV6_HOP_LIMIT } from "../../wire/ipv6.js";
import type { TargetExtension } from "../extension.js";
import { hopLimitTarget } from "./hop-limit.js";

export const hlTarget: TargetExtension = hopLimitTarget({
  name: "HL",
  family: "ipv6",
  at: IPV6_HOP_LIMIT,
  put(data, at, value) {
    data[at] = value;
  },
});
