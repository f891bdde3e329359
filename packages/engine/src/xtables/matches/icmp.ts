/** `-m icmp`: type and code. Models icmp_match(), net/ipv4/netfilter/ip_tables.c. */
import { IPPROTO_ICMP } from "../../wire/ipv4.js";
import type { MatchExtension } from "../extension.js";
import { type IcmpName, icmpTypeMatch } from "./icmp-type.js";

const NAMES: readonly IcmpName[] = [
  ["any", 255, null],
  ["echo-reply", 0, null],
  ["pong", 0, null],
  ["destination-unreachable", 3, null],
  ["network-unreachable", 3, 0],
  ["host-unreachable", 3, 1],
  ["protocol-unreachable", 3, 2],
  ["port-unreachable", 3, 3],
  ["fragmentation-needed", 3, 4],
  ["source-route-failed", 3, 5],
  ["network-unknown", 3, 6],
  ["host-unknown", 3, 7],
  ["network-prohibited", 3, 9],
  ["host-prohibited", 3, 10],
  ["TOS-network-unreachable", 3, 11],
  ["TOS-host-unreachable", 3, 12],
  ["communication-prohibited", 3, 13],
  ["host-precedence-violation", 3, 14],
  ["precedence-cutoff", 3, 15],
  ["source-quench", 4, null],
  ["redirect", 5, null],
  ["network-redirect", 5, 0],
  ["host-redirect", 5, 1],
  ["TOS-network-redirect", 5, 2],
  ["TOS-host-redirect", 5, 3],
  ["echo-request", 8, null],
  ["ping", 8, null],
  ["router-advertisement", 9, null],
  ["router-solicitation", 10, null],
  ["time-exceeded", 11, null],
  ["ttl-exceeded", 11, null],
  ["ttl-zero-during-transit", 11, 0],
  ["ttl-zero-during-reassembly", 11, 1],
  ["parameter-problem", 12, null],
  ["ip-header-bad", 12, 0],
  ["required-option-missing", 12, 1],
  ["timestamp-request", 13, null],
  ["timestamp-reply", 14, null],
  ["address-mask-request", 17, null],
  ["address-mask-reply", 18, null],
];

export const icmpMatch: MatchExtension = icmpTypeMatch({
  name: "icmp",
  family: "ipv4",
  protocol: IPPROTO_ICMP,
  option: "icmp-type",
  title: "ICMP",
  listed: "icmp",
  anyType: 255,
  names: NAMES,
  help: `
icmp match options:
[!] --icmp-type typename	match icmp type
[!] --icmp-type type[/code]	(or numeric type or type/code)
Valid ICMP Types:
`,
});
