/** Elements of sets as words: what a command line means by them, and how they are listed. */
import {
  AddressError,
  formatIPv4,
  formatIPv6,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  type NetNamespace,
  parseIPv4,
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
import { IpsetFailure, number } from "./failure.js";
import { icmpText, icmpValue } from "./icmp-names.js";

const MAX_DEVICE_NAME = 15;
/** Protocols whose ports may be given. */
const PORT_PROTOCOLS: readonly number[] = [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE];

/** An address of a family. */
export function address(text: string, family: SetFamily): Int32Array {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  try {
    return family === "inet6" ? parseIPv6(bare) : Int32Array.of(parseIPv4(bare), 0, 0, 0);
  } catch (error) {
    if (error instanceof AddressError)
      throw new IpsetFailure(
        `Syntax error: cannot parse ${text}: resolving to ${family === "inet6" ? "IPv6" : "IPv4"} address failed`,
      );
    throw error;
  }
}

const address4 = (text: string): number => address(text, "inet")[0] >>> 0;

/** First and last address of IPv4's `a`, `a/n` or `a-b`; the prefix length when one was given. */
export function addresses(text: string): {
  readonly first: number;
  readonly last: number;
  readonly cidr: number | null;
} {
  const slash = text.indexOf("/");
  if (slash >= 0) {
    const cidr = number(text.slice(slash + 1), 0, 32);
    const first = (address4(text.slice(0, slash)) & prefixMask(cidr)) >>> 0;
    return { first, last: (first | ~prefixMask(cidr)) >>> 0, cidr };
  }
  const dash = text.indexOf("-");
  if (dash < 0) return { first: address4(text), last: address4(text), cidr: null };
  const ends = [address4(text.slice(0, dash)), address4(text.slice(dash + 1))];
  return { first: Math.min(...ends), last: Math.max(...ends), cidr: null };
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

/** What a word says of one dimension: IPv6 has no ranges, and networks only where the type has them. */
function ranges(text: string, network: boolean, options: SetOptions): () => Iterable<Range> {
  if (options.family === "inet6") {
    if (text.includes("-"))
      throw new IpsetFailure(
        `Syntax error: ${network ? "IP address or IP/cidr" : "plain IP address"} must be ${network ? "specified" : "supplied"}: ${text}`,
      );
    const [head, length] = text.split("/");
    if (!network && length !== undefined && length !== "128")
      throw new IpsetFailure(`Syntax error: plain IP address must be supplied: ${text}`);
    const cidr = length === undefined ? 128 : number(length, 0, 128);
    const only = [{ ip: address(head, "inet6"), cidr }];
    return () => only;
  }
  const { first, last, cidr } = addresses(text);
  if (!network) return () => hosts(first, last, options);
  return () => (cidr === null ? networks(first, last) : [range4(first, cidr)]);
}

/** A port, or the name of a service. A failure tells of each thing that was tried. */
function portNumber(text: string, protocol: string): number {
  const port = servicePort(text, protocol);
  if (port !== undefined) return port;
  try {
    return number(text, 0, 65_535);
  } catch (error) {
    if (!(error instanceof IpsetFailure)) throw error;
    throw new IpsetFailure(
      `${error.message}\nSyntax error: '${protocol}' is invalid as number\ncannot parse '${text}' as a ${protocol} port`,
    );
  }
}

/** `[proto:]port[-port]`. */
export function ports(
  text: string,
  family: SetFamily,
): { readonly proto: number; readonly first: number; readonly last: number } {
  const colon = text.indexOf(":");
  const name = colon < 0 ? "tcp" : text.slice(0, colon);
  const proto = protocolNumber(name) ?? -1;
  if (proto < 0) throw new IpsetFailure(`Syntax error: cannot parse '${name}' as a protocol`);
  const rest = text.slice(colon + 1);
  if (proto === IPPROTO_ICMP || proto === IPPROTO_ICMPV6) {
    const ipv6 = proto === IPPROTO_ICMPV6;
    if (ipv6 !== (family === "inet6"))
      throw new IpsetFailure(
        `Syntax error: Protocol ${ipv6 ? "ICMPv6" : "ICMP"} can be used with family ${ipv6 ? "inet6" : "inet"} only\nInvalid add command: missing setname`,
      );
    const value = icmpValue(rest, ipv6);
    return { proto, first: value, last: value };
  }
  if (!PORT_PROTOCOLS.includes(proto)) {
    if (rest !== "0")
      throw new IpsetFailure(`Syntax error: Protocol ${name} can be used with pseudo port value 0 only.`);
    return { proto, first: 0, last: 0 };
  }
  const [first, last = first] = (/^(.+?)-(.+)$/.exec(rest)?.slice(1) ?? [rest]).map((part) =>
    portNumber(part, protocolName(proto) ?? name),
  );
  return { proto, first: Math.min(first, last), last: Math.max(first, last) };
}

function portText({ proto, port }: ElementKey): string {
  const name = protocolName(proto) ?? String(proto);
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
          return key.mac;
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

/** What `ipset test` may not be asked. */
function checkTest(parts: readonly string[], { type, options }: SetSlot["set"]): void {
  const where = `is not allowed in command test with set type ${type.name} and family ${options.family}`;
  parts.forEach((part, i) => {
    const dimension = type.dimensions[i];
    if (dimension === "port" && type.storage === "hash" && /^(\w+:)?\d+-\d+$/.test(part))
      throw new IpsetFailure(`FROM-TO port range ${where}`);
    if (dimension !== "ip" && dimension !== "net") return;
    if (type.name === "hash:ip" || options.family === "inet6" || type.storage !== "hash") return;
    if (part.includes("-")) throw new IpsetFailure(`FROM-TO IP range ${where}`);
    if (dimension === "ip" && part.includes("/") && !part.endsWith("/32"))
      throw new IpsetFailure(`IP/CIDR range ${where}`);
  });
}

const SEPARATORS = ["none", "one", "two"];

function* eachOf<From, To>(from: Iterable<From>, each: (value: From) => Iterable<To>): Generator<To, void, void> {
  for (const value of from) yield* each(value);
}

/** All elements that a word of the command line stands for, one by one; `test` asks for the first. */
export function keysOf(net: NetNamespace, slot: SetSlot, text: string, test: boolean): Iterable<ElementKey> {
  const { type, options } = slot.set;
  if (type.storage === "list") {
    const member = ipSetsOf(net).find(text);
    if (member === undefined) throw new SetError("NAME");
    if (member.set.type.storage === "list") throw new SetError("LOOP");
    return [{ ...emptyKey("inet"), slot: member }];
  }
  const parts = text.split(",");
  const count = type.dimensions.length;
  const optional = type.name === "bitmap:ip,mac" ? 1 : 0;
  if (parts.length < count - optional)
    throw new IpsetFailure(`Syntax error: ${parts.length === 1 ? "Second" : "Third"} element is missing from ${text}.`);
  if (parts.length > count)
    throw new IpsetFailure(
      `Syntax error: ${["", "Elem separator", "Two elem separators", "Three elem separators"][count]} in ${text}, but settype ${type.name} supports ${SEPARATORS[count - 1]}.`,
    );
  let keys: Iterable<ElementKey> = [emptyKey(options.family)];
  const vary = (each: (key: ElementKey) => Iterable<ElementKey>): void => {
    const before = keys;
    keys = { [Symbol.iterator]: () => eachOf(before, each) };
  };
  parts.forEach((part, i) => {
    const dimension = type.dimensions[i];
    if (dimension === "ip" || dimension === "net") {
      const list = ranges(part, dimension === "net", options);
      vary((key) =>
        eachOf(list(), ({ ip, cidr }) => [i === 0 ? { ...key, ip, cidr } : { ...key, ip2: ip, cidr2: cidr }]),
      );
    } else if (dimension === "port") {
      const { family } = options;
      const range =
        type.storage === "bitmap" ? { ...ports(part.replace(/^\w+:/, ""), family), proto: 0 } : ports(part, family);
      vary((key) =>
        Array.from({ length: range.last - range.first + 1 }, (_, k) => ({
          ...key,
          proto: range.proto,
          port: range.first + k,
        })),
      );
    } else if (dimension === "iface") {
      const named = device(part);
      vary((key) => [{ ...key, ...named }]);
    } else vary((key) => [{ ...key, mac: part.toLowerCase() }]);
  });
  if (!test) return keys;
  checkTest(parts, slot.set);
  for (const key of keys) return [key];
  return [];
}
