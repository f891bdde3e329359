/** `-m hbh`: the hop-by-hop options of IPv6. Models net/ipv6/netfilter/ip6t_hbh.c. */
import { NEXTHDR_HOP } from "../../wire/ipv6.js";
import type { MatchExtension } from "../extension.js";
import { ipv6OptionsMatch } from "./ipv6-options.js";

export const hbhMatch: MatchExtension = ipv6OptionsMatch(
  "hbh",
  NEXTHDR_HOP,
  "  --hbh-opts TYPE[:LEN][,TYPE[:LEN]...] ",
);
