/**
 * The helpers there are, by name and transport protocol: one line each. Models `nf_ct_helper_hash`. Linux's kernel has
 * them as modules, and assigns none by itself: the sysctl `nf_conntrack_helper` is gone since 6.0.
 */
import type { NfProto } from "../../hooks.js";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../wire/ipv4.js";
import { amandaHelper } from "./amanda.js";
import { ftpHelper } from "./ftp.js";
import { BOTH_FAMILIES, type ConntrackHelper, IPV4_ONLY } from "./helper.js";
import { ircHelper } from "./irc.js";
import { netbiosNsHelper } from "./netbios-ns.js";
import { pptpHelper } from "./pptp.js";
import { saneHelper } from "./sane.js";
import { sipTcpHelper, sipUdpHelper } from "./sip.js";
import { tftpHelper } from "./tftp.js";

const HELPERS: readonly ConntrackHelper[] = [
  amandaHelper,
  ftpHelper,
  ircHelper,
  netbiosNsHelper,
  pptpHelper,
  saneHelper,
  sipTcpHelper,
  sipUdpHelper,
  tftpHelper,
];

/** Helpers of Linux that this project has not. */
const ELSEWHERE: ReadonlyMap<
  string,
  { readonly families: readonly NfProto[]; readonly protonums: readonly number[]; readonly protocol: string }
> = new Map([
  ["Q.931", { families: BOTH_FAMILIES, protonums: [IPPROTO_TCP], protocol: "H.323" }],
  ["RAS", { families: BOTH_FAMILIES, protonums: [IPPROTO_UDP], protocol: "H.323" }],
  ["snmp", { families: IPV4_ONLY, protonums: [IPPROTO_UDP], protocol: "SNMP" }],
  ["snmp_trap", { families: IPV4_ONLY, protonums: [IPPROTO_UDP], protocol: "SNMP" }],
]);

/** The names of Linux's helpers that this project has not, each with the protocol that it serves. */
export function helpersElsewhere(): readonly (readonly [name: string, protocol: string])[] {
  return [...ELSEWHERE].map(([name, { protocol }]) => [name, protocol]);
}

/** A helper for a family and a transport protocol by its name. Models `__nf_conntrack_helper_find()`. */
export function findHelper(name: string, family: NfProto, protonum: number): ConntrackHelper | undefined {
  return HELPERS.find(
    (helper) => helper.name === name && helper.protonum === protonum && helper.families.includes(family),
  );
}

/** Every helper, in the registry's order. */
export function conntrackHelpers(): readonly ConntrackHelper[] {
  return HELPERS;
}

/** The protocol that a helper of Linux serves which this project has not; undefined when there is no such helper. */
export function helperElsewhere(name: string, family: NfProto, protonum: number): string | undefined {
  const found = ELSEWHERE.get(name);
  if (found === undefined || !found.families.includes(family)) return undefined;
  return found.protonums.includes(protonum) ? found.protocol : undefined;
}
