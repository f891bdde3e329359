/**
 * The address and port ranges that NAT targets take, their spelling and their printing.
 * Models `struct nf_nat_range2` as libxt_NAT parses it.
 */
import {
  type NatRange,
  NF_NAT_RANGE_MAP_IPS,
  NF_NAT_RANGE_PERSISTENT,
  NF_NAT_RANGE_PROTO_OFFSET,
  NF_NAT_RANGE_PROTO_RANDOM,
  NF_NAT_RANGE_PROTO_RANDOM_FULLY,
  NF_NAT_RANGE_PROTO_SPECIFIED,
} from "../../nat/nat.js";
import { AddressError, equalIPv6, formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from "../../wire/address.js";
import { ParameterProblem } from "../error.js";
import type { OptionCall, OptionValues } from "../options.js";
import { uintPrefix } from "../options.js";
import { servicePort } from "../services.js";

/** Protocols that have ports for NAT to choose. */
const WITH_PORTS: readonly number[] = [6, 17, 132, 33, 1];

/** A range that leaves everything to NAT. */
export const EMPTY_RANGE: NatRange = { flags: 0, minAddr: 0, maxAddr: 0, minPort: 0, maxPort: 0, basePort: 0 };

/** A port by its number, with what follows it; a name is a name whole. */
function parsePort(text: string): { readonly value: number; readonly rest: string } | undefined {
  const head = uintPrefix(text);
  if (head !== undefined) return head.value > 65535 ? undefined : head;
  const value = servicePort(text, null);
  return value === undefined ? undefined : { value, rest: "" };
}

/** `port[-port[/base]]` into a range; only some targets keep the base. Models parse_ports() of libxt_NAT. */
export function parsePorts(text: string, proto: number, keepsBase: boolean): NatRange {
  if (!WITH_PORTS.includes(proto)) throw new ParameterProblem("Need TCP, UDP, SCTP or DCCP with port specification");
  const port = (part: string): { readonly value: number; readonly rest: string } => {
    const found = parsePort(part);
    if (found === undefined) throw new ParameterProblem(`Port \`${part}' not valid`);
    return found;
  };
  const first = port(text);
  const single = { ...EMPTY_RANGE, flags: NF_NAT_RANGE_PROTO_SPECIFIED, minPort: first.value, maxPort: first.value };
  if (first.rest === "") return single;
  if (first.rest.startsWith(":")) throw new ParameterProblem("Invalid port:port syntax - use dash");
  if (!first.rest.startsWith("-")) throw new ParameterProblem(`Garbage after port value: \`${first.rest}'`);
  const end = first.rest.slice(1);
  // A last port has no name.
  if (uintPrefix(end) === undefined) throw new ParameterProblem(`Port \`${end}' not valid`);
  const { value: maxPort, rest } = port(end);
  if (maxPort < first.value) throw new ParameterProblem(`Port range \`${end}' funky`);
  const range = { ...single, maxPort };
  if (rest === "") return range;
  if (!rest.startsWith("/")) throw new ParameterProblem(`Garbage after port range: \`${rest}'`);
  // What follows the base is not looked at; 0 is none.
  const base = port(rest.slice(1)).value;
  if (base === 0) throw new ParameterProblem(`Port \`${rest.slice(1)}' not valid`);
  return { ...range, flags: range.flags | NF_NAT_RANGE_PROTO_OFFSET, basePort: keepsBase ? base : 0 };
}

/** An address of a family; what it is parsed by throws {@link AddressError}. */
function address<A>(text: string, parse: (text: string) => A): A {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof AddressError) throw new ParameterProblem(`Bad IP address "${text}"`);
    throw error;
  }
}

/** The same of IPv6, whose addresses stand in brackets where ports follow: `[2001:db8::1]:80`. */
function parseTo6(text: string, call: OptionCall, keepsBase: boolean): NatRange {
  const open = text.indexOf("[");
  const close = text.indexOf("]", open + 1);
  if (open >= 0 && close < 0) throw new ParameterProblem("Invalid address format");
  let colon = text.indexOf(":", open < 0 ? 0 : close + 1);
  // One colon is before ports, two are an address.
  if (open < 0 && text.includes(":", colon + 1)) colon = -1;
  let range = EMPTY_RANGE;
  if (colon >= 0) {
    range = parsePorts(text.slice(colon + 1), call.proto, keepsBase);
    if (colon === 0 || colon === 2) return range;
  }
  const addresses = open < 0 ? text.slice(0, colon < 0 ? text.length : colon) : text.slice(open + 1, close);
  const dash = addresses.indexOf("-");
  const min6 = address(dash < 0 ? addresses : addresses.slice(0, dash), parseIPv6);
  const max6 = dash < 0 ? min6 : address(addresses.slice(dash + 1), parseIPv6);
  return { ...range, flags: range.flags | NF_NAT_RANGE_MAP_IPS, min6, max6 };
}

/** `[address[-address]][:ports]` into a range. Models libxt_NAT's parse_to(). */
export function parseTo(text: string, call: OptionCall, keepsBase: boolean): NatRange {
  if (call.family === "ipv6") return parseTo6(text, call, keepsBase);
  let colon = text.indexOf(":");
  // Two colons are taken for an IPv6 address without ports, which then is no good IPv4 address.
  if (text.includes(":", colon + 1)) colon = -1;
  let range = EMPTY_RANGE;
  if (colon >= 0) {
    range = parsePorts(text.slice(colon + 1), call.proto, keepsBase);
    if (colon === 0) return range;
  }
  const addresses = colon < 0 ? text : text.slice(0, colon);
  const dash = addresses.indexOf("-");
  const minAddr = address(dash < 0 ? addresses : addresses.slice(0, dash), parseIPv4);
  const maxAddr = dash < 0 ? minAddr : address(addresses.slice(dash + 1), parseIPv4);
  return { ...range, flags: range.flags | NF_NAT_RANGE_MAP_IPS, minAddr, maxAddr };
}

/** The ports of a range: `80`, `80-90`, `80-90/8080`. */
export function portsText(range: NatRange): string {
  let text = String(range.minPort);
  if (range.maxPort !== range.minPort) text += `-${range.maxPort}`;
  if (range.flags & NF_NAT_RANGE_PROTO_OFFSET) text += `/${range.basePort}`;
  return text;
}

/** Addresses and ports of a range: `1.2.3.4-1.2.3.5:80-90`. */
export function rangeText(range: NatRange): string {
  let text = "";
  const { min6, max6 } = range;
  if (min6 !== undefined && max6 !== undefined) {
    text = formatIPv6(min6);
    if (!equalIPv6(min6, max6)) text += `-${formatIPv6(max6)}`;
    if (range.flags & NF_NAT_RANGE_PROTO_SPECIFIED) text = `[${text}]`;
  } else if (range.flags & NF_NAT_RANGE_MAP_IPS) {
    text = formatIPv4(range.minAddr);
    if (range.maxAddr !== range.minAddr) text += `-${formatIPv4(range.maxAddr)}`;
  }
  return range.flags & NF_NAT_RANGE_PROTO_SPECIFIED ? `${text}:${portsText(range)}` : text;
}

/** The range with the bits of `--random`, `--random-fully` and `--persistent` added. */
export function withFlags(range: NatRange, values: OptionValues): NatRange {
  let { flags } = range;
  if (values.has("random")) flags |= NF_NAT_RANGE_PROTO_RANDOM;
  if (values.has("random-fully")) flags |= NF_NAT_RANGE_PROTO_RANDOM_FULLY;
  if (values.has("persistent")) flags |= NF_NAT_RANGE_PERSISTENT;
  return { ...range, flags };
}

/** The flags in words, each after `before` (` --` in rules, ` ` in listings). */
export function flagsText(range: NatRange, before: string): string {
  let text = "";
  if (range.flags & NF_NAT_RANGE_PROTO_RANDOM) text += `${before}random`;
  if (range.flags & NF_NAT_RANGE_PROTO_RANDOM_FULLY) text += `${before}random-fully`;
  if (range.flags & NF_NAT_RANGE_PERSISTENT) text += `${before}persistent`;
  return text;
}
