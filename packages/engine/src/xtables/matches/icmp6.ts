/** `-m icmp6`: type and code of ICMPv6. Models icmp6_match(), net/ipv6/netfilter/ip6_tables.c. */
import { IPPROTO_ICMPV6 } from "../../wire/ipv4.js";
import type { MatchExtension } from "../extension.js";
import { type IcmpName, icmpTypeMatch } from "./icmp-type.js";

const NAMES: readonly IcmpName[] = [
  ["destination-unreachable", 1, null],
  ["no-route", 1, 0],
  ["communication-prohibited", 1, 1],
  ["beyond-scope", 1, 2],
  ["address-unreachable", 1, 3],
  ["port-unreachable", 1, 4],
  ["failed-policy", 1, 5],
  ["reject-route", 1, 6],
  ["packet-too-big", 2, null],
  ["time-exceeded", 3, null],
  ["ttl-exceeded", 3, null],
  ["ttl-zero-during-transit", 3, 0],
  ["ttl-zero-during-reassembly", 3, 1],
  ["parameter-problem", 4, null],
  ["bad-header", 4, 0],
  ["unknown-header-type", 4, 1],
  ["unknown-option", 4, 2],
  ["echo-request", 128, null],
  ["ping", 128, null],
  ["echo-reply", 129, null],
  ["pong", 129, null],
  ["router-solicitation", 133, null],
  ["router-advertisement", 134, null],
  ["neighbour-solicitation", 135, null],
  ["neighbor-solicitation", 135, null],
  ["neighbour-advertisement", 136, null],
  ["neighbor-advertisement", 136, null],
  ["redirect", 137, null],
];

export const icmp6Match: MatchExtension = icmpTypeMatch({
  name: "icmp6",
  family: "ipv6",
  protocol: IPPROTO_ICMPV6,
  option: "icmpv6-type",
  title: "ICMPv6",
  listed: "ipv6-icmp",
  anyType: null,
  names: NAMES,
  help: `
icmpv6 match options:
[!] --icmpv6-type typename	match icmpv6 type
				(or numeric type or type/code)
Valid ICMPv6 Types:
`,
});
