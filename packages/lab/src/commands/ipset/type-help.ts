/** What `ipset help TYPENAME` of ipset 7.17 says of a type, behind the usage. */
import { icmpNames } from "./icmp-names.js";

interface TypeHelp {
  /** The word that `create` wants before any option. */
  readonly range?: string;
  readonly create: readonly string[];
  /** An element, as `add` and `del` take it, and as `test` does. */
  readonly add: string;
  readonly test: string;
  /** What else `add` takes behind `timeout`. */
  readonly addOptions?: readonly string[];
  /** What `del` takes, and what `test`. */
  readonly delOptions?: readonly string[];
  readonly testOptions?: readonly string[];
  /** What the words mean. */
  readonly where: string;
  readonly families: "inet" | "both" | "neutral";
}

const FAMILY = "[family inet|inet6]|[-4|-6]";
const SIZES = ["[hashsize VALUE]", "[maxelem VALUE]"];
const LISTS = ["[timeout VALUE]", "[counters]", "[comment]"];
const BITMAP = [...LISTS, "[skbinfo]"];
const BUCKETS = ["[forceadd]", "[skbinfo]", "[bucketsize VALUE]", "[initval VALUE]"];
const HASH = [FAMILY, ...SIZES, ...LISTS, ...BUCKETS];
const NOMATCH = ["[nomatch]"];

const ADDRESSES = "where depending on the INET family\n";
const MULTIPLE = `      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      is supported for IPv4.
`;
const VALID_IP = "      IP is a valid IPv4 or IPv6 address (or hostname)";
const VALID_IPS = "      IP are valid IPv4 or IPv6 addresses (or hostnames)";
const CIDR = "      CIDR is a valid IPv4 or IPv6 CIDR prefix.\n";

const names = (ipv6: boolean): string =>
  icmpNames(ipv6)
    .map((name) => `               ${name}\n`)
    .join("");

const PORTS = `      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6.
      [PROTO:]PORT is a valid pattern of the following:
           PORTNAME         TCP port name from /etc/services
           PORTNUMBER       TCP port number identifier
           tcp|sctp|udp|udplite:PORTNAME|PORTNUMBER
           icmp:CODENAME    supported ICMP codename
           icmp:TYPE/CODE   ICMP type/code value
           icmpv6:CODENAME  supported ICMPv6 codename
           icmpv6:TYPE/CODE ICMPv6 type/code value
           PROTO:0          all other protocols

           Supported ICMP codenames:
${names(false)}           Supported ICMPv6 codenames:
${names(true)}`;

const BITMAP_WHERE = `where IP, FROM and TO are IPv4 addresses (or hostnames),
      CIDR is a valid IPv4 CIDR prefix.
`;
const FIRST = "in the first IP component";

const several = (components: string): string =>
  `      Adding/deleting multiple elements in IP/CIDR or FROM-TO form\n      ${components} supported for IPv4.\n`;

const BEFORE = "[before|after NAME]";

const TYPES: Readonly<Record<string, TypeHelp>> = {
  "bitmap:ip": {
    range: "IP/CIDR|FROM-TO",
    create: ["[netmask CIDR]", ...BITMAP],
    add: "IP|IP/CIDR|FROM-TO",
    test: "IP",
    where: BITMAP_WHERE,
    families: "inet",
  },
  "bitmap:ip,mac": {
    range: "IP/CIDR|FROM-TO",
    create: BITMAP,
    add: "IP[,MAC]",
    test: "IP[,MAC]",
    where: `${BITMAP_WHERE}      MAC is a valid MAC address.\n`,
    families: "inet",
  },
  "bitmap:port": {
    range: "[PROTO:]FROM-TO",
    create: BITMAP,
    add: "[PROTO:]PORT|FROM-TO",
    test: "[PROTO:]PORT",
    where: `where PORT, FROM and TO are port numbers or port names from /etc/services.
      PROTO is only needed if a service name is used and it does not exist
      as a TCP service; just the resolved service numer is stored in the set.
`,
    families: "neutral",
  },
  "hash:ip": {
    create: [FAMILY, ...SIZES, "[netmask CIDR]", "[bitmask bitmask]", ...LISTS, ...BUCKETS],
    add: "IP",
    test: "IP",
    where: `${ADDRESSES}${VALID_IP},\n${CIDR}${MULTIPLE}`,
    families: "both",
  },
  "hash:mac": { create: [...SIZES, ...LISTS, ...BUCKETS], add: "MAC", test: "MAC", where: "\n", families: "neutral" },
  "hash:ip,mac": {
    create: HASH,
    add: "IP,MAC",
    test: "IP,MAC",
    where: `${ADDRESSES}${VALID_IP},\n      MAC is a MAC address.\n`,
    families: "both",
  },
  "hash:ip,mark": {
    create: [FAMILY, "markmask VALUE", ...SIZES, ...LISTS, ...BUCKETS],
    add: "IP,MARK",
    test: "IP,MARK",
    where: `${ADDRESSES}${VALID_IP}.\n${MULTIPLE}      Adding/deleting single mark element
      is supported both for IPv4 and IPv6.
`,
    families: "both",
  },
  "hash:ip,port": {
    create: [...HASH, "[netmask CIDR]", "[bitmask bitmask]"],
    add: "IP,[PROTO:]PORT",
    test: "IP,[PROTO:]PORT",
    where: `${ADDRESSES}${VALID_IP}.\n${MULTIPLE}${PORTS}`,
    families: "both",
  },
  "hash:ip,port,ip": {
    create: HASH,
    add: "IP,[PROTO:]PORT,IP",
    test: "IP,[PROTO:]PORT,IP",
    where: `${ADDRESSES}${VALID_IP}.\n${several(`${FIRST} is`)}${PORTS}`,
    families: "both",
  },
  "hash:ip,port,net": {
    create: HASH,
    add: "IP,[PROTO:]PORT,IP[/CIDR]",
    test: "IP,[PROTO:]PORT,IP[/CIDR]",
    addOptions: NOMATCH,
    testOptions: NOMATCH,
    where: `${ADDRESSES}${VALID_IPS},\n${CIDR}${several(`${FIRST} is`)}${PORTS}`,
    families: "both",
  },
  "hash:net": {
    create: HASH,
    add: "IP[/CIDR]",
    test: "IP[/CIDR]",
    addOptions: NOMATCH,
    testOptions: NOMATCH,
    where: `${ADDRESSES}      IP is an IPv4 or IPv6 address (or hostname),\n${CIDR}`,
    families: "both",
  },
  "hash:net,net": {
    create: [...HASH, "[bitmask bitmask]", "[netmask CIDR]"],
    add: "IP[/CIDR]|FROM-TO,IP[/CIDR]|FROM-TO",
    test: "IP[/CIDR],IP[/CIDR]",
    addOptions: NOMATCH,
    testOptions: NOMATCH,
    where: `${ADDRESSES}      IP is an IPv4 or IPv6 address (or hostname),\n${CIDR}      IP range is not supported with IPv6.\n`,
    families: "both",
  },
  "hash:net,port": {
    create: HASH,
    add: "IP[/CIDR]|FROM-TO,[PROTO:]PORT",
    test: "IP[/CIDR],[PROTO:]PORT",
    addOptions: NOMATCH,
    testOptions: NOMATCH,
    where: `${ADDRESSES}${VALID_IP},\n${CIDR}${PORTS}`,
    families: "both",
  },
  "hash:net,port,net": {
    create: HASH,
    add: "IP[/CIDR],[PROTO:]PORT,IP[/CIDR]",
    test: "IP[/CIDR],[PROTO:]PORT,IP[/CIDR]",
    addOptions: NOMATCH,
    testOptions: NOMATCH,
    where: `${ADDRESSES}${VALID_IPS},\n${CIDR}${several("in both IP components are")}${PORTS}`,
    families: "both",
  },
  "hash:net,iface": {
    create: HASH,
    add: "IP[/CIDR]|FROM-TO,[physdev:]IFACE",
    test: "IP[/CIDR],[physdev:]IFACE",
    addOptions: [...NOMATCH, "[wildcard]"],
    testOptions: NOMATCH,
    where: `${ADDRESSES}${VALID_IP},\n${CIDR}      Adding/deleting multiple elements with IPv4 is supported.\n`,
    families: "both",
  },
  "list:set": {
    create: ["[size VALUE]", ...BITMAP],
    add: `NAME ${BEFORE}`,
    test: `NAME ${BEFORE}`,
    addOptions: [BEFORE],
    delOptions: [BEFORE],
    testOptions: [BEFORE],
    where: "where NAME are existing set names.\n",
    families: "neutral",
  },
};

const FAMILIES: Readonly<Record<TypeHelp["families"], string>> = {
  inet: "supports family inet only",
  both: "supports inet and inet6",
  neutral: "is family neutral",
};

const indented = (options: readonly string[]): string => options.map((option) => `               ${option}\n`).join("");

/** The text about a type, which has to be one of ipset's; whether the kernel has it too does not matter. */
export function typeHelp(name: string): string | undefined {
  const help = TYPES[name];
  if (help === undefined) return undefined;
  const { range, create, add, test, where } = help;
  const numbers = ["[packets VALUE]", "[bytes VALUE]", '[comment "string"]'];
  const skb = ["[skbmark VALUE]", "[skbprio VALUE]", "[skbqueue VALUE]"];
  return `${name} type specific options:

create SETNAME ${name} ${range === undefined ? "" : `range ${range}`}
${indented(create)}add    SETNAME ${name} ${add}
${indented(["[timeout VALUE]", ...(help.addOptions ?? []), ...numbers, ...skb])}del    SETNAME ${name} ${add}
${indented(help.delOptions ?? [])}test   SETNAME ${name} ${test}
${indented(help.testOptions ?? [])}
${where}
Type ${name} ${FAMILIES[help.families]}.
`;
}
