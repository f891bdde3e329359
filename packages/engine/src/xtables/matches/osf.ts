/**
 * `-m osf`: which operating system sent a SYN. The kernel knows none until nfnl_osf(8) loads fingerprints, which does not
 * exist here: no packet matches. Models nf_osf_match(), net/netfilter/nfnetlink_osf.c, without fingerprints.
 */
import { NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING } from "../../hooks.js";
import type { MatchExtension } from "../extension.js";
import { bang, stringOption, uintOption } from "../options.js";

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
    const text = ["genre", "ttl", "log"]
      .filter((name) => values.has(name))
      .map((name) => `${bang(values.inverted(name))} --${name} ${values.get<string | number>(name)}`)
      .join("");
    return {
      name: "osf",
      match: () => false,
      save: () => text,
      print: () => ` OS fingerprint match${bang(values.inverted("genre"))} ${values.get<string>("genre")}`,
    };
  },
};
