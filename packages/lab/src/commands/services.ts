/** Names of well-known ports, as Debian's /etc/services has them. */

const BOTH: Readonly<Record<number, string>> = {
  7: "echo",
  9: "discard",
  53: "domain",
  88: "kerberos",
  111: "sunrpc",
  123: "ntp",
  161: "snmp",
  389: "ldap",
  443: "https",
};

const TCP: Readonly<Record<number, string>> = {
  13: "daytime",
  20: "ftp-data",
  21: "ftp",
  22: "ssh",
  23: "telnet",
  25: "smtp",
  37: "time",
  80: "http",
  110: "pop3",
  143: "imap2",
  465: "submissions",
  587: "submission",
  636: "ldaps",
  853: "domain-s",
  873: "rsync",
  993: "imaps",
  995: "pop3s",
  3306: "mysql",
  5222: "xmpp-client",
  5432: "postgresql",
  6379: "redis",
  8080: "http-alt",
};

const UDP: Readonly<Record<number, string>> = {
  67: "bootps",
  68: "bootpc",
  69: "tftp",
  137: "netbios-ns",
  138: "netbios-dgm",
  500: "isakmp",
  514: "syslog",
  520: "route",
  1194: "openvpn",
  4500: "ipsec-nat-t",
  5060: "sip",
  5353: "mdns",
};

/** `https` of 443, `*` of a port without a name. */
export function serviceName(port: number, protocol: "tcp" | "udp"): string {
  return (protocol === "tcp" ? TCP : UDP)[port] ?? BOTH[port] ?? "*";
}

/** 443 of `https`; null for another text. */
export function servicePort(name: string, protocol: "tcp" | "udp"): number | null {
  for (const table of [protocol === "tcp" ? TCP : UDP, BOTH])
    for (const [port, known] of Object.entries(table)) if (known === name) return Number(port);
  return null;
}
