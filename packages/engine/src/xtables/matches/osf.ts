/**
 * `-m osf`: which operating system sent a SYN, by the fingerprints that nfnl_osf(8) loaded; without them none. Models
 * nf_osf_match(), net/netfilter/nfnetlink_osf.c.
 */
import { NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { formatIPv4 } from "../../wire/address.js";
import { get32 } from "../../wire/bytes.js";
import { IPV4_DST, IPV4_SRC, IPV4_TTL } from "../../wire/ipv4.js";
import { tcpDstPort, tcpSrcPort } from "../../wire/tcp.js";
import type { MatchExtension, XtActionParam } from "../extension.js";
import { fingerprintsFor, hasFingerprint, matchesFingerprint, OSF_TTL_TRUE } from "../fingerprints.js";
import { LOG_DEFAULT_MASK, packetLogLine } from "../log.js";
import { bang, stringOption, uintOption } from "../options.js";

/** `--log`'s level at which the first fingerprint that is found is the last. Models `NF_OSF_LOGLEVEL_FIRST`. */
const LOG_FIRST = 1;

function ends({ skb: { data }, thoff }: XtActionParam): string {
  const [from, to] = [formatIPv4(get32(data, IPV4_SRC)), formatIPv4(get32(data, IPV4_DST))];
  return `${from}:${tcpSrcPort(data, thoff)} -> ${to}:${tcpDstPort(data, thoff)}`;
}

/** What is found, and behind it the packet. Models nf_log_packet(). */
function log({ net, skb, state }: XtActionParam, found: string): void {
  net.printk(packetLogLine(skb, state, `${found}\n`, LOG_DEFAULT_MASK));
}

/** @param level `--log`'s; absent: nothing is logged. With it every genre matches, as in Linux. */
function match(par: XtActionParam, genre: string, ttlCheck: number, level: number | undefined): boolean {
  const { skb, thoff, net } = par;
  if (!hasFingerprint(skb, thoff)) return false;
  let known = false;
  for (const finger of fingerprintsFor(net, skb)) {
    if (level === undefined && finger.genre !== genre) continue;
    if (!matchesFingerprint(skb, thoff, finger, ttlCheck)) continue;
    known = true;
    if (level === undefined) return true;
    const hops = finger.ttl - skb.data[IPV4_TTL];
    log(par, `${finger.genre} [${finger.version}:${finger.subtype}] : ${ends(par)} hops=${hops}`);
    if (level === LOG_FIRST) break;
  }
  if (!known && level !== undefined) log(par, `Remote OS is not known: ${ends(par)}`);
  return known;
}

export const osfMatch: MatchExtension = {
  kind: "match",
  name: "osf",
  families: ["ipv4"],
  protocols: [6],
  hooks: (1 << NF_INET_LOCAL_IN) | (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_FORWARD),
  help: `
OS fingerprint match options:
[!] --genre string     Match a OS genre by passive fingerprinting.
--ttl level            Use some TTL check extensions to determine OS:
       0                       true ip and fingerprint TTL comparison. Works for LAN.
       1                       check if ip TTL is less than fingerprint one. Works for global addresses.
       2                       do not compare TTL at all. This allows NMAP detection, but can produce false results.
--log level            Log determined genres into dmesg even if they do not match desired one:
       0                       log all matched or unknown signatures.
       1                       log only first one.
       2                       log all known matched signatures.
`,
  options: [
    { name: "genre", mandatory: true, invert: true, parse: stringOption(1, 31) },
    { name: "ttl", parse: uintOption(0, 2) },
    { name: "log", parse: uintOption(0, 2) },
  ],
  build(values) {
    const genre = values.get<string>("genre") as string;
    const ttlCheck = values.get<number>("ttl") ?? OSF_TTL_TRUE;
    const level = values.get<number>("log");
    const text = ["genre", "ttl", "log"]
      .filter((name) => values.has(name))
      .map((name) => `${bang(values.inverted(name))} --${name} ${values.get<string | number>(name)}`)
      .join("");
    return {
      name: "osf",
      match: (par) => match(par, genre, ttlCheck, level),
      save: () => text,
      print: () => ` OS fingerprint match${bang(values.inverted("genre"))} ${genre}`,
    };
  },
};
