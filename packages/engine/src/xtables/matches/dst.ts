/** `-m dst`: the destination options of IPv6. Models net/ipv6/netfilter/ip6t_hbh.c, which does both. */
import { NEXTHDR_DEST } from "../../wire/ipv6.js";
import type { MatchExtension } from "../extension.js";
import { ipv6OptionsMatch } from "./ipv6-options.js";

export const dstMatch: MatchExtension = ipv6OptionsMatch(
  "dst",
  NEXTHDR_DEST,
  "  --dst-opts TYPE[:LEN][,TYPE[:LEN]...]",
);
