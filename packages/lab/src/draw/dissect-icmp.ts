/** ICMP of both families taken apart: what a message is called, the numbers that matter, and its header's fields. */
import {
  checksumPartial,
  ICMP_CHECKSUM,
  ICMP_CODE,
  ICMP_DEST_UNREACH,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_FRAG_NEEDED,
  ICMP_HEADER_LENGTH,
  ICMP_ID,
  ICMP_MTU,
  ICMP_PARAMETERPROB,
  ICMP_REDIRECT,
  ICMP_REST,
  ICMP_SEQUENCE,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_TIMESTAMP,
  ICMP_TIMESTAMPREPLY,
  ICMPV6_DEST_UNREACH,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_TIME_EXCEED,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
} from "@netfilter-lab/engine";
import { checksum, type Field, type Ip, type Layer, u16, u32 } from "./fields.js";

/** A number behind the checksum. */
interface Rest {
  readonly name: string;
  readonly at: number;
  readonly length: 2 | 4;
  /** What a headline calls it; none: it does not name it. */
  readonly brief?: string;
}

/** The messages of a family. */
interface Messages {
  readonly layer: string;
  readonly label: string;
  readonly types: Readonly<Record<number, string>>;
  /** What a type's codes mean; null where they mean nothing of their own. */
  code(type: number, code: number): string | null;
  isError(type: number): boolean;
  /** Whether it has an identifier and a sequence number. */
  isNumbered(type: number): boolean;
  /** What else stands behind the checksum. */
  rest(type: number, code: number): Rest | null;
  /** Whether the checksum covers a pseudo header. */
  readonly pseudo: boolean;
}

const UNREACHABLE: readonly string[] = [
  "network unreachable",
  "host unreachable",
  "protocol unreachable",
  "port unreachable",
  "fragmentation needed",
];

const ERRORS: readonly number[] = [
  ICMP_DEST_UNREACH,
  ICMP_SOURCE_QUENCH,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  ICMP_PARAMETERPROB,
];

const NEXT_MTU = "MTU of the next hop";

const ICMP: Messages = {
  layer: "Internet Control Message Protocol",
  label: "ICMP",
  types: {
    [ICMP_ECHOREPLY]: "echo reply",
    [ICMP_DEST_UNREACH]: "destination unreachable",
    [ICMP_REDIRECT]: "redirect",
    [ICMP_ECHO]: "echo request",
    [ICMP_TIME_EXCEEDED]: "time exceeded",
    [ICMP_PARAMETERPROB]: "parameter problem",
    [ICMP_TIMESTAMP]: "timestamp request",
    [ICMP_TIMESTAMPREPLY]: "timestamp reply",
  },
  code(type, code) {
    if (type === ICMP_DEST_UNREACH) return UNREACHABLE[code] ?? `unreachable, code ${code}`;
    if (type === ICMP_TIME_EXCEEDED) return code === 0 ? "time to live exceeded" : "reassembly time exceeded";
    return null;
  },
  isError: (type) => ERRORS.includes(type),
  isNumbered: (type) => !ERRORS.includes(type),
  rest: (type, code) =>
    type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED ? { name: NEXT_MTU, at: ICMP_MTU, length: 2 } : null,
  pseudo: false,
};

const CODES6: Readonly<Record<number, readonly string[]>> = {
  [ICMPV6_DEST_UNREACH]: [
    "no route",
    "administratively prohibited",
    "beyond scope of source address",
    "address unreachable",
    "port unreachable",
    "source address failed policy",
    "reject route",
  ],
  [ICMPV6_TIME_EXCEED]: ["hop limit exceeded", "reassembly time exceeded"],
  [ICMPV6_PARAMPROB]: ["erroneous header field", "unknown next header", "unknown option"],
};

const ICMPV6: Messages = {
  layer: "Internet Control Message Protocol version 6",
  label: "ICMPv6",
  types: {
    [ICMPV6_DEST_UNREACH]: "destination unreachable",
    [ICMPV6_PKT_TOOBIG]: "packet too big",
    [ICMPV6_TIME_EXCEED]: "time exceeded",
    [ICMPV6_PARAMPROB]: "parameter problem",
    [ICMPV6_ECHO_REQUEST]: "echo request",
    [ICMPV6_ECHO_REPLY]: "echo reply",
    130: "multicast listener query",
    131: "multicast listener report",
    132: "multicast listener done",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbor solicitation",
    136: "neighbor advertisement",
    137: "redirect",
    143: "multicast listener report, version 2",
  },
  code: (type, code) => CODES6[type]?.[code] ?? null,
  isError: (type) => type < ICMPV6_ECHO_REQUEST,
  isNumbered: (type) => type === ICMPV6_ECHO_REQUEST || type === ICMPV6_ECHO_REPLY,
  rest: (type) =>
    type === ICMPV6_PKT_TOOBIG
      ? { name: NEXT_MTU, at: ICMP_REST, length: 4, brief: "mtu" }
      : type === ICMPV6_PARAMPROB
        ? { name: "Pointer", at: ICMP_REST, length: 4 }
        : null,
  pseudo: true,
};

/** The family's whose protocol it is; undefined for any other protocol. */
const messagesOf = (protocol: number): Messages | undefined =>
  protocol === IPPROTO_ICMP ? ICMP : protocol === IPPROTO_ICMPV6 ? ICMPV6 : undefined;

/**
 * What kind of message stands at an offset, `port unreachable`, and its numbers; null where it is no whole ICMP header.
 */
export function icmpHeadline(
  data: Uint8Array,
  at: number,
  ip: Ip,
): { readonly kind: string; readonly numbers: string } | null {
  const messages = messagesOf(ip.protocol);
  if (messages === undefined || ip.end - at < ICMP_HEADER_LENGTH) return null;
  const [type, code] = [data[at], data[at + ICMP_CODE]];
  const kind = messages.code(type, code) ?? messages.types[type] ?? `${messages.label} type ${type}`;
  const rest = messages.rest(type, code);
  const numbers = messages.isNumbered(type)
    ? `id=${u16(data, at + ICMP_ID)} seq=${u16(data, at + ICMP_SEQUENCE)}`
    : rest?.brief === undefined
      ? ""
      : `${rest.brief}=${numberAt(data, at, rest)}`;
  return { kind, numbers };
}

function numberAt(data: Uint8Array, message: number, { at, length }: Rest): number {
  return length === 2 ? u16(data, message + at) : u32(data, message + at);
}

/** A message's header, and whether it quotes the packet that it is about; null where it is no whole ICMP header. */
export function icmpLayer(
  data: Uint8Array,
  at: number,
  ip: Ip,
  prefix: string,
): { readonly layer: Layer; readonly quotes: boolean } | null {
  const messages = messagesOf(ip.protocol);
  const length = ip.end - at;
  if (messages === undefined || length < ICMP_HEADER_LENGTH) return null;
  const [type, code] = [data[at], data[at + ICMP_CODE]];
  const meaning = messages.code(type, code);
  const sum = checksumPartial(data, at, length, messages.pseudo ? ip.pseudoSum(length) : 0);
  const fields: Field[] = [
    { name: "Type", value: `${type} (${messages.types[type] ?? "?"})`, at, length: 1 },
    {
      name: "Code",
      value: meaning === null ? String(code) : `${code} (${meaning})`,
      at: at + ICMP_CODE,
      length: 1,
    },
    checksum(data, at + ICMP_CHECKSUM, sum, ip.whole && prefix === ""),
  ];
  const rest = messages.rest(type, code);
  if (messages.isNumbered(type))
    fields.push(
      { name: "Identifier", value: String(u16(data, at + ICMP_ID)), at: at + ICMP_ID, length: 2 },
      { name: "Sequence number", value: String(u16(data, at + ICMP_SEQUENCE)), at: at + ICMP_SEQUENCE, length: 2 },
    );
  else if (rest !== null) {
    fields.push({ name: rest.name, value: String(numberAt(data, at, rest)), at: at + rest.at, length: rest.length });
  }
  return {
    layer: { name: `${prefix}${messages.layer}`, at, length: ICMP_HEADER_LENGTH, fields },
    quotes: messages.isError(type),
  };
}
