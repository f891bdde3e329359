/**
 * The helpers there are, by name and transport protocol: one line each. Models `nf_ct_helper_hash`. Linux's kernel has
 * them as modules, and assigns none by itself: the sysctl `nf_conntrack_helper` is gone since 6.0.
 */
import { IPPROTO_TCP, IPPROTO_UDP } from "../../wire/ipv4.js";
import { amandaHelper } from "./amanda.js";
import { ftpHelper } from "./ftp.js";
import type { ConntrackHelper } from "./helper.js";
import { ircHelper } from "./irc.js";
import { netbiosNsHelper } from "./netbios-ns.js";
import { pptpHelper } from "./pptp.js";
import { saneHelper } from "./sane.js";
import { tftpHelper } from "./tftp.js";

const HELPERS: readonly ConntrackHelper[] = [
  amandaHelper,
  ftpHelper,
  ircHelper,
  netbiosNsHelper,
  pptpHelper,
  saneHelper,
  tftpHelper,
];

/** Helpers of Linux that this project has not. */
const ELSEWHERE: ReadonlyMap<string, { readonly protonums: readonly number[]; readonly protocol: string }> = new Map([
  ["Q.931", { protonums: [IPPROTO_TCP], protocol: "H.323" }],
  ["RAS", { protonums: [IPPROTO_UDP], protocol: "H.323" }],
  ["sip", { protonums: [IPPROTO_TCP, IPPROTO_UDP], protocol: "SIP" }],
  ["snmp", { protonums: [IPPROTO_UDP], protocol: "SNMP" }],
  ["snmp_trap", { protonums: [IPPROTO_UDP], protocol: "SNMP" }],
]);

/** A helper for a transport protocol by its name. Models `__nf_conntrack_helper_find()`. */
export function findHelper(name: string, protonum: number): ConntrackHelper | undefined {
  return HELPERS.find((helper) => helper.name === name && helper.protonum === protonum);
}

/** Every helper, in the registry's order. */
export function conntrackHelpers(): readonly ConntrackHelper[] {
  return HELPERS;
}

/** The protocol that a helper of Linux serves which this project has not; undefined when there is no such helper. */
export function helperElsewhere(name: string, protonum: number): string | undefined {
  const found = ELSEWHERE.get(name);
  return found?.protonums.includes(protonum) === true ? found.protocol : undefined;
}
