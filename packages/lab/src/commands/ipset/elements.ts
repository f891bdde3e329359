/** Elements of sets as words: what a command line means by them, and how they are listed. */
import {
  AddressError,
  atonIPv4,
  formatIPv4,
  formatIPv6,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  type NetNamespace,
  parseIPv6,
  prefixMask,
  protocolName,
  protocolNumber,
  servicePort,
} from "@netfilter-lab/engine";
import {
  addressBits,
  type ElementKey,
  emptyKey,
  ipSetsOf,
  SetError,
  type SetFamily,
  type SetOptions,
  type SetSlot,
  type SetType,
} from "@netfilter-lab/engine/parts";
import { byte, IpsetFailure, inTwo, number, rangeIn, withoutBrackets } from "./failure.js";
import { icmpText, icmpValue } from "./icmp-names.js";

const MAX_DEVICE_NAME = 15;
const MAX_SET_NAME = 31;
/** Protocols whose ports may be given. */
const PORT_PROTOCOLS: readonly number[] = [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE];

/**
 * An address of IPv4 as the C library resolves it, which does not take hexadecimal numbers there. Null where it is
 * none.
 */
function resolved4(text: string): Int32Array | null {
  const address = /x/i.test(text) ? null : atonIPv4(text);
  return address === null ? null : Int32Array.of(address, 0, 0, 0);
}

function resolved6(text: string): Int32Array | null {
  try {
    return parseIPv6(text);
  } catch (error) {
    if (error instanceof AddressError) return null;
    throw error;
  }
}

/** An address of a family. */
export function address(text: string, family: SetFamily): Int32Array {
  const bare = withoutBrackets(text);
  const found = family === "inet6" ? resolved6(bare) : resolved4(bare);
  if (found !== null) return found;
  throw new IpsetFailure(
    `Syntax error: cannot parse ${bare}: resolving to ${family === "inet6" ? "IPv6" : "IPv4"} address failed`,
  );
}

const address4 = (text: string): number => address(text, "inet")[0] >>> 0;

/** One address of IPv4, where more would not do. */
export function plainAddress(text: string): number {
  if (rangeIn(text) !== null || inTwo(text, "/") !== null)
    throw new IpsetFailure(`Syntax error: plain IP address must be supplied: ${text}`);
  return address4(text);
}

/** What is said of addresses of IPv4: `a`, `a/n` or `a-b`. */
export interface SaidAddresses {
  readonly address: number;
  readonly last: number | null;
  readonly cidr: number | null;
}

export function addresses(text: string): SaidAddresses {
  const network = inTwo(text, "/");
  if (network !== null) {
    // The length is read first.
    const cidr = byte(network[1], 0, 32);
    return { address: address4(network[0]), last: null, cidr };
  }
  const range = rangeIn(text);
  if (range !== null) return { address: address4(range[0]), last: address4(range[1]), cidr: null };
  return { address: address4(text), last: null, cidr: null };
}

/** First and last of them. */
export function endsOf({ address, last, cidr }: SaidAddresses): readonly [first: number, last: number] {
  if (cidr !== null) {
    const mask = prefixMask(cidr);
    return [(address & mask) >>> 0, (address | ~mask) >>> 0];
  }
  return last === null ? [address, address] : [Math.min(address, last), Math.max(address, last)];
}

/** An address, or a network with its prefix length. */
interface Range {
  readonly ip: Int32Array;
  readonly cidr: number;
}

const range4 = (ip: number, cidr: number): Range => ({ ip: Int32Array.of(ip, 0, 0, 0), cidr });

/** The networks that a range of addresses is made of, greatest first at each place. */
function networks(first: number, last: number): Range[] {
  const list: Range[] = [];
  for (let ip = first; ip <= last; ) {
    let cidr = 32;
    while (cidr > 0 && ip % 2 ** (33 - cidr) === 0 && ip + 2 ** (33 - cidr) - 1 <= last) cidr--;
    list.push(range4(ip, cidr));
    ip += 2 ** (32 - cidr);
  }
  return list;
}

/** One by one: there may be more than a set can take. */
function* hosts(first: number, last: number, { netmask }: SetOptions): Generator<Range, void, void> {
  for (let ip = first; ip <= last; ip += 2 ** (32 - netmask)) yield range4(ip, 32);
}

/** What a word says of one dimension. */
interface SaidDimension {
  /** All that it stands for. */
  each(): Iterable<Range>;
  /** First and last; null of IPv6, where it is one. */
  readonly ends: readonly [first: number, last: number] | null;
  /** The one that a test asks for. */
  readonly tested: Range;
  /** What may be too much for a command. */
  readonly isRange: boolean;
  readonly hasLength: boolean;
  /** As a test names it, where it is more than an address. */
  readonly text: string | null;
}

/** IPv6 has no ranges, and networks only where the type has them. */
function said6(text: string, network: boolean): SaidDimension {
  const parts = inTwo(text, "/");
  if (network) {
    if (rangeIn(text) !== null)
      throw new IpsetFailure(`Syntax error: IP address or IP/cidr must be specified: ${text}`);
  } else if (rangeIn(text) !== null || (parts !== null && parts[1] !== "128"))
    throw new IpsetFailure(`Syntax error: plain IP address must be supplied: ${text}`);
  const cidr = parts === null ? 128 : byte(parts[1], 0, 128);
  const only = { ip: address(parts?.[0] ?? text, "inet6"), cidr };
  return { each: () => [only], ends: null, tested: only, isRange: false, hasLength: parts !== null, text: null };
}

function said4(text: string, network: boolean, plain: boolean, options: SetOptions): SaidDimension {
  // All bits are no network, but a word too many.
  const bare = plain && text.endsWith("/32") ? text.slice(0, -"/32".length) : text;
  const said = plain ? { address: plainAddress(bare), last: null, cidr: bare === text ? null : 32 } : addresses(text);
  const { address, last: end, cidr } = said;
  const [first, last] = endsOf(said);
  const each = (): Iterable<Range> => {
    if (!network) {
      if (cidr === 0) throw new SetError("CIDR");
      return hosts(first, last, options);
    }
    return cidr === null ? networks(first, last) : [range4(first, cidr)];
  };
  const tested = range4(address, network && cidr !== null ? cidr : 32);
  const wide = end !== null || (cidr !== null && cidr < 32);
  const shown = end === null ? `${formatIPv4(address)}/${cidr}` : `${formatIPv4(address)}-${formatIPv4(end)}`;
  return {
    each,
    ends: [first, last],
    tested,
    isRange: end !== null,
    hasLength: cidr !== null,
    text: wide && !network ? shown : null,
  };
}

/** A port, or the name of a service. A failure tells of each thing that was tried. */
function portNumber(text: string, protocol: string): number {
  try {
    const port = servicePort(withoutBrackets(text), protocol);
    if (port !== undefined) return port;
  } catch (error) {
    if (!(error instanceof IpsetFailure)) throw error;
    throw new IpsetFailure(`${error.message}\ncannot parse '${text}' as a ${protocol} port`);
  }
  try {
    return number(text, 0, 65_535);
  } catch (error) {
    if (!(error instanceof IpsetFailure)) throw error;
    throw new IpsetFailure(
      `${error.message}\nSyntax error: '${protocol}' is invalid as number\ncannot parse '${text}' as a ${protocol} port`,
    );
  }
}

/** A protocol by its name, as it stands in /etc/protocols or in capitals, or by its number. */
function protocolOf(name: string): number {
  const named = protocolNumber(name) ?? (name === name.toUpperCase() ? protocolNumber(name.toLowerCase()) : undefined);
  if (named !== undefined) return named;
  try {
    return number(name, 0, 255);
  } catch (error) {
    if (!(error instanceof IpsetFailure)) throw error;
    throw new IpsetFailure(`Syntax error: cannot parse '${name}' as a protocol`);
  }
}

/** Ports of one protocol. */
interface SaidPorts {
  readonly proto: number;
  readonly first: number;
  readonly last: number;
  readonly isRange: boolean;
}

/** One port, of TCP where nothing else is said. */
export const port = (text: string): number => portNumber(text, "tcp");

/** `[proto:]port[-port]`. */
function ports(text: string, family: SetFamily): SaidPorts {
  const [name, rest] = inTwo(text, ":") ?? ["tcp", text];
  const proto = protocolOf(name);
  if (proto === IPPROTO_ICMP || proto === IPPROTO_ICMPV6) {
    const ipv6 = proto === IPPROTO_ICMPV6;
    if (ipv6 !== (family === "inet6"))
      throw new IpsetFailure(
        `Syntax error: Protocol ${ipv6 ? "ICMPv6" : "ICMP"} can be used with family ${ipv6 ? "inet6" : "inet"} only\nInvalid add command: missing setname`,
      );
    const value = icmpValue(rest, ipv6);
    return { proto, first: value, last: value, isRange: false };
  }
  if (!PORT_PROTOCOLS.includes(proto)) {
    if (rest !== "0")
      throw new IpsetFailure(`Syntax error: Protocol ${name} can be used with pseudo port value 0 only.`);
    return { proto, first: 0, last: 0, isRange: false };
  }
  const protocol = protocolName(proto) ?? name;
  const range = rangeIn(rest);
  // The second is read first.
  const ends =
    range === null ? [portNumber(rest, protocol)] : [...range].reverse().map((end) => portNumber(end, protocol));
  return { proto, first: Math.min(...ends), last: Math.max(...ends), isRange: range !== null };
}

/** Ports of a bitmap: the protocol before them must be one of two, and goes unheard. */
export function bitmapPorts(text: string): SaidPorts {
  const name = inTwo(text, ":")?.[0];
  const proto = name === undefined ? IPPROTO_TCP : protocolOf(name);
  // Where there are types in place of ports, the real tool ends with a fault.
  if (proto !== IPPROTO_ICMP && proto !== IPPROTO_ICMPV6) {
    const said = ports(text, "inet");
    if (proto === IPPROTO_TCP || proto === IPPROTO_UDP) return { ...said, proto: 0 };
  }
  throw new IpsetFailure("Syntax error: Only protocols TCP and UDP are valid");
}

function portText({ proto, port }: ElementKey): string {
  const name = proto === 0 ? "ip" : (protocolName(proto) ?? String(proto));
  if (proto !== IPPROTO_ICMP && proto !== IPPROTO_ICMPV6) return `${name}:${port}`;
  return `${name}:${icmpText(port, proto === IPPROTO_ICMPV6)}`;
}

/** An element as it is listed, without its extensions. */
export function elementText(setType: SetType, family: SetFamily, key: ElementKey): string {
  const ipText = (ip: Int32Array, cidr: number): string =>
    (family === "inet6" ? formatIPv6(ip) : formatIPv4(ip[0])) + (cidr === addressBits(family) ? "" : `/${cidr}`);
  return setType.dimensions
    .map((dimension, i) => {
      switch (dimension) {
        case "ip":
        case "net":
          return i === 0 ? ipText(key.ip, key.cidr) : ipText(key.ip2, key.cidr2);
        case "port":
          return setType.storage === "bitmap" ? String(key.port) : portText(key);
        case "iface":
          return `${key.physdev ? "physdev:" : ""}${key.iface}`;
        case "mac":
          return key.mac.toUpperCase();
        default:
          return key.slot?.name ?? "";
      }
    })
    .filter((part, i) => i === 0 || part !== "")
    .join(",");
}

/** A device's name, which may stand for a bridge's port. */
function device(text: string): { readonly iface: string; readonly physdev: boolean } {
  const physdev = text.startsWith("physdev:");
  const iface = physdev ? text.slice("physdev:".length) : text;
  if (iface.length > MAX_DEVICE_NAME)
    throw new IpsetFailure(`Syntax error: interface name '${iface}' is longer than ${MAX_DEVICE_NAME} characters`);
  return { iface, physdev };
}

/** Ethernet's address, each byte in two digits. */
function linkAddress(text: string): string {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text))
    throw new IpsetFailure(`Syntax error: cannot parse '${text}' as ethernet address`);
  return text
    .split(":")
    .map((byte) => byte.padStart(2, "0").toLowerCase())
    .join(":");
}

const SEPARATORS = ["none", "one", "two"];

function* eachOf<From, To>(from: Iterable<From>, each: (value: From) => Iterable<To>): Generator<To, void, void> {
  for (const value of from) yield* each(value);
}

/** What a word of the command line stands for. */
export interface SaidElements {
  /** All, one by one. Throws what only the kernel refuses. */
  keys(): Iterable<ElementKey>;
  /** The one that a test asks for, and how its answer names it; null: there can be none such. */
  tested(): { readonly key: ElementKey | null; readonly text: string };
}

/** `bitmap:ip,mac` takes an address alone, and what is behind ports is one where it is no network. */
const isPlain = ({ name }: SetType, at: number): boolean => name === "bitmap:ip,mac" || at === 2;

/** The parts of a word, as many as the type has. */
function partsOf(text: string, { name, dimensions }: SetType): string[] {
  const parts = [text];
  for (let two = inTwo(text, ","); two !== null; two = inTwo(two[1], ",")) parts.splice(-1, 1, ...two);
  const most = dimensions.length;
  if (parts.length > most)
    throw new IpsetFailure(
      `Syntax error: ${["", "Elem separator", "Two elem separators", "Three elem separators"][most]} in ${text}, but settype ${name} supports ${SEPARATORS[most - 1]}.`,
    );
  const least = name === "bitmap:ip,mac" ? 1 : most;
  if (parts.length < least)
    throw new IpsetFailure(`Syntax error: ${parts.length === 1 ? "Second" : "Third"} element is missing from ${text}.`);
  return parts;
}

function saidMember(net: NetNamespace, text: string): SaidElements {
  if (text.length > MAX_SET_NAME)
    throw new IpsetFailure(`Syntax error: setname '${text}' is longer than ${MAX_SET_NAME} characters`);
  const member = ipSetsOf(net).find(text);
  const key = member === undefined ? null : { ...emptyKey("inet"), slot: member };
  return {
    keys() {
      if (key === null) throw new SetError("NAME");
      if (key.slot.set.type.storage === "list") throw new SetError("LOOP");
      return [key];
    },
    tested: () => ({ key, text }),
  };
}

/** Reads the word of `add`, `del` or `test` that says which elements are meant. */
export function saidElements(net: NetNamespace, slot: SetSlot, text: string, command: string): SaidElements {
  const { type, options } = slot.set;
  const { family } = options;
  if (type.storage === "list") return saidMember(net, text);
  let keys: () => Iterable<ElementKey> = () => [emptyKey(family)];
  let tested = emptyKey(family);
  let tooMuch: string | null = null;
  let shown: string | null = null;
  let ends: readonly [number, number] | null = null;
  const vary = (each: (key: ElementKey) => Iterable<ElementKey>): void => {
    const before = keys;
    keys = () => eachOf(before(), each);
  };
  partsOf(text, type).forEach((part, i) => {
    const dimension = type.dimensions[i];
    if (dimension === "ip" || dimension === "net") {
      const network = dimension === "net";
      const plain = isPlain(type, i) && !network;
      const said = family === "inet6" ? said6(part, network) : said4(part, network, plain, options);
      const withRange = (key: ElementKey, { ip, cidr }: Range): ElementKey =>
        i === 0 ? { ...key, ip, cidr } : { ...key, ip2: ip, cidr2: cidr };
      vary((key) => eachOf(said.each(), (range) => [withRange(key, range)]));
      tested = withRange(tested, said.tested);
      ends = said.ends;
      shown ??= said.text;
      const free = type.name === "hash:ip" || i > 0;
      if (!free && command === "test" && said.isRange) tooMuch ??= "FROM-TO IP range";
      if (!free && !network && (plain || command === "test") && said.hasLength) tooMuch ??= "IP/CIDR range";
    } else if (dimension === "port") {
      const range = type.storage === "bitmap" ? bitmapPorts(part) : ports(part, family);
      const { proto } = range;
      vary((key) =>
        Array.from({ length: range.last - range.first + 1 }, (_, k) => ({ ...key, proto, port: range.first + k })),
      );
      tested = { ...tested, proto, port: range.first };
      ends = [range.first, range.last];
      if (command === "test" && range.isRange) tooMuch ??= "FROM-TO port range";
    } else if (dimension === "iface") {
      const named = device(part);
      vary((key) => [{ ...key, ...named }]);
      tested = { ...tested, ...named };
    } else {
      const mac = linkAddress(part);
      vary((key) => [{ ...key, mac }]);
      tested = { ...tested, mac };
    }
  });
  const check = (): void => {
    if (tooMuch !== null)
      throw new IpsetFailure(
        `${tooMuch} is not allowed in command ${command} with set type ${type.name} and family ${type.name === "bitmap:port" ? "unspec" : family}`,
      );
  };
  return {
    keys() {
      check();
      // A bitmap has all of them or none.
      if (type.storage === "bitmap" && ends !== null && (ends[0] < options.from || ends[1] > options.to))
        throw new SetError("RANGE");
      return keys();
    },
    tested() {
      check();
      return { key: tested, text: shown ?? elementText(type, family, { ...tested, physdev: false }) };
    },
  };
}
