/**
 * The protocols that `conntrack` has options for: what each may say, with which command, and how `-o save` says it. The
 * numbers are those of the tool's tables.
 */
import { protocolNumber, SCTP_STATE_NAMES, TCP_STATE_NAMES } from "@netfilter-lab/engine";
import type { Flow, FlowEnd } from "./flow.js";
import { atol, u16 } from "./numbers.js";
import { ConntrackUsageError, checkCoupled, checkLegal } from "./options.js";

export interface FlowProtocol {
  readonly name: string;
  /** Null: of any that the tool does not know. */
  readonly protonum: number | null;
  /** Long options, all with a value, by the option they are another name of. */
  readonly options: Readonly<Record<string, string>>;
  /** Takes an option's value. */
  take(option: string, value: string, flow: Flow): void;
  /** Complains about what is missing, or not for the command. */
  check(command: string | null, expect: boolean, given: ReadonlySet<string>): void;
  /** Its part of `-h`. */
  readonly help: string;
}

/** The tool's names of SCTP's states; it does not know HEARTBEAT_SENT. */
const SCTP_STATES: readonly string[] = SCTP_STATE_NAMES.filter((name) => name !== "HEARTBEAT_SENT");

const DCCP_STATES: readonly string[] = [
  "NONE",
  "REQUEST",
  "RESPOND",
  "PARTOPEN",
  "OPEN",
  "CLOSEREQ",
  "CLOSING",
  "TIMEWAIT",
  "IGNORE",
  "INVALID",
];

/** What kind of command it is, as far as protocols tell them apart. */
type Manner = "filter" | "update" | "create" | "get" | "none" | "create-expect" | "expect";

function mannerOf(command: string | null, expect: boolean): Manner {
  if (expect) return command === "I" ? "create-expect" : command === "D" || command === "G" ? "expect" : "none";
  if (command === "I" || command === "A") return "create";
  if (command === "G") return "get";
  if (command === "U") return "update";
  return command === "L" || command === "D" || command === "E" ? "filter" : "none";
}

/** As in options.ts; what may be updated is what may be filtered by, unless it is said. */
type Legality = Readonly<Record<Exclude<Manner, "update">, string>> & { readonly update?: string };

function legalFor(legality: Legality, command: string | null, expect: boolean): string {
  const manner = mannerOf(command, expect);
  return manner === "update" ? (legality.update ?? legality.filter) : legality[manner];
}

const ENDS = ["orig", "reply", "mask", "tuple"] as const;
type EndName = (typeof ENDS)[number];

function endOf(flow: Flow, name: EndName): FlowEnd {
  return { orig: flow.original, reply: flow.reply, mask: flow.mask, tuple: flow.expected }[name];
}

/** The eight options of a protocol with ports or keys, with the short names of the first two. */
function endOptions(word: "port" | "key", source: string, destination: string): Record<string, string> {
  const options: Record<string, string> = {};
  for (const end of ENDS)
    for (const side of ["src", "dst"]) {
      const long = `${end}-${word}-${side}`;
      const name = end === "orig" ? (side === "src" ? source : destination) : long;
      options[long] = name;
      options[name] = name;
    }
  return options;
}

/** Takes one of {@link endOptions}; false: it is none. */
function takeEnd(option: string, number: number, flow: Flow, protonum: number, source: string): boolean {
  const short = option === source ? "src" : /^(sport|dport|srckey|dstkey)$/.test(option) ? "dst" : null;
  const [, name, side] = /^(reply|mask|tuple)-\w+-(src|dst)$/.exec(option) ?? ["", "orig", short];
  if (side === null || side === undefined) return false;
  const end = endOf(flow, name as EndName);
  end[side === "src" ? "sport" : "dport"] = number & 0xffff;
  // The tool puts the port where the protocol belongs: of an expectation of TCP, SCTP and DCCP the port's upper byte
  // is the protocol.
  const misplaced = name === "tuple" && (protonum === 6 || protonum === 132 || protonum === 33);
  end.protonum = misplaced ? (number >>> 8) & 0xff : protonum;
  return true;
}

function stateNumber(names: readonly string[], text: string, complaint: string): number {
  const state = names.indexOf(text);
  if (state < 0) throw new ConntrackUsageError(`${complaint} \`${text}'`);
  return state;
}

interface Ported {
  readonly name: string;
  readonly protonum: number;
  /** In the order of the tool's table. */
  readonly order: readonly string[];
  readonly legality: Legality;
  readonly word?: "key";
  readonly hints?: readonly [string, string];
  readonly extra?: Readonly<Record<string, (value: string, flow: Flow) => void>>;
  readonly help?: string;
}

const PORT_HINTS = ["`--sport' and `--dport'", "`--reply-src-port' and `--reply-dst-port'"] as const;
const PORTS = ["sport", "dport", "reply-port-src", "reply-port-dst", "mask-port-src", "mask-port-dst"] as const;
const TUPLE_PORTS = ["tuple-port-src", "tuple-port-dst"] as const;
const NOTHING = "0".repeat(11);

function ported({
  name,
  protonum,
  order,
  legality,
  word,
  hints = PORT_HINTS,
  extra = {},
  help = "",
}: Ported): FlowProtocol {
  const [source, destination] = order;
  const kind = word ?? "port";
  const number = word === "key" ? u16 : atol;
  const lines = [
    ["orig", "original source"],
    ["orig", "original destination"],
    ["reply", "reply source"],
    ["reply", "reply destination"],
    ["mask", "mask source"],
    ["mask", "mask destination"],
  ].map(([end, about], i) => `  --${end}-${kind}-${i % 2 === 0 ? "src" : "dst"}\t\t${about} ${kind}\n`);
  const tuple = ["src", "dst"].map((side) => `  --tuple-${kind}-src\t\texpectation tuple ${side} ${kind}\n`);
  return {
    name,
    protonum,
    options: {
      ...endOptions(kind, source, destination),
      ...Object.fromEntries(Object.keys(extra).map((option) => [option, option])),
    },
    take(option, value, flow) {
      if (!takeEnd(option, number(value), flow, protonum, source)) extra[option]?.(value, flow);
    },
    check(command, expect, given) {
      const legal = legalFor(legality, command, expect);
      checkLegal(given, order, legal, (option) => option);
      if (!legal.includes("3")) return;
      checkCoupled(
        given,
        [
          [source, destination],
          [order[2], order[3]],
        ],
        hints,
      );
    },
    help: lines.join("") + tuple.join("") + help,
  };
}

const UDP_LEGALITY: Legality = {
  filter: "22220000",
  create: "33330000",
  get: "33330000",
  none: NOTHING,
  "create-expect": "11001111",
  expect: "11110000",
};

function tcpState(value: string, flow: Flow): void {
  const known = value === "LISTEN" ? "SYN_SENT2" : value;
  flow.tcpState = stateNumber(TCP_STATE_NAMES, known, "unknown TCP state");
}

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;

function icmp(name: "icmp" | "icmpv6", protonum: number): FlowProtocol {
  const order = ["type", "code", "id"].map((word) => `${name}-${word}`);
  const legality: Legality = {
    filter: "222",
    create: "112",
    get: "112",
    none: NOTHING,
    "create-expect": NOTHING,
    expect: NOTHING,
  };
  return {
    name,
    protonum,
    options: Object.fromEntries(order.map((option) => [option, option])),
    take(option, value, flow) {
      const number = atol(value);
      if (option.endsWith("type")) flow.icmpType = number & 0xff;
      else if (option.endsWith("code")) flow.icmpCode = number & 0xff;
      else flow.icmpId = number & 0xffff;
    },
    check(command, expect, given) {
      checkLegal(given, order, legalFor(legality, command, expect), (option) => option);
    },
    help: ["type", "code", "id"].map((word) => `  --${name}-${word}\t\t\t${name} ${word}\n`).join(""),
  };
}

/** The protocols that the tool knows by name. */
export const PROTOCOLS: readonly FlowProtocol[] = [
  ported({
    name: "tcp",
    protonum: 6,
    order: [...PORTS, "state", ...TUPLE_PORTS],
    legality: {
      filter: "222200200",
      create: "333300100",
      get: "333300200",
      none: NOTHING,
      "create-expect": "110011011",
      expect: "111100000",
    },
    extra: { state: tcpState },
    help: "  --state\t\t\tTCP state, fe. ESTABLISHED\n",
  }),
  ported({ name: "udp", protonum: 17, order: [...PORTS, ...TUPLE_PORTS], legality: UDP_LEGALITY }),
  ported({ name: "udplite", protonum: 136, order: [...PORTS, ...TUPLE_PORTS], legality: UDP_LEGALITY }),
  ported({
    name: "sctp",
    protonum: 132,
    order: [...PORTS, "state", ...TUPLE_PORTS, "orig-vtag", "reply-vtag"],
    legality: {
      filter: "22220020000",
      update: "22220020022",
      create: "33330010011",
      get: "33330020022",
      none: NOTHING,
      "create-expect": "11001101111",
      expect: "11110000000",
    },
    extra: {
      state(value, flow) {
        flow.sctpState = stateNumber(SCTP_STATES, value, "unknown SCTP state");
      },
      "orig-vtag": (value, flow) => {
        flow.originalVtag = atol(value) >>> 0;
      },
      "reply-vtag": (value, flow) => {
        flow.replyVtag = atol(value) >>> 0;
      },
    },
    help:
      "  --state\t\t\tSCTP state, fe. ESTABLISHED\n  --orig-vtag\t\toriginal verification tag\n" +
      "  --reply-vtag\t\treply verification tag\n",
  }),
  ported({
    name: "dccp",
    protonum: 33,
    order: [...PORTS, "state", ...TUPLE_PORTS, "role"],
    legality: {
      filter: "2222002000",
      create: "3333001001",
      get: "3333002000",
      none: NOTHING,
      "create-expect": "1100110111",
      expect: "1111000000",
    },
    hints: [PORT_HINTS[0], "`--reply-port-src' and `--report-port-dst'"],
    extra: {
      state(value, flow) {
        stateNumber(DCCP_STATES, value, "Unknown DCCP state");
        flow.dccp = true;
      },
      role(value, flow) {
        const roles = ["client", "server"].filter((role) => role.startsWith(value.toLowerCase()));
        if (roles.length === 0) throw new ConntrackUsageError(`Unknown DCCP role \`${value}'`);
        flow.dccp = true;
      },
    },
    help: "  --state\t\t\tDCCP state, fe. RESPOND\n",
  }),
  icmp("icmp", IPPROTO_ICMP),
  icmp("icmpv6", IPPROTO_ICMPV6),
  ported({
    name: "gre",
    protonum: 47,
    word: "key",
    order: [
      "srckey",
      "dstkey",
      "reply-key-src",
      "reply-key-dst",
      "mask-key-src",
      "mask-key-dst",
      "tuple-key-src",
      "tuple-key-dst",
    ],
    legality: { ...UDP_LEGALITY, "create-expect": "11111111" },
    hints: ["`--srckey' and `--dstkey'", "`--reply-src-key' and `--reply-dst-key'"],
  }),
];

/** What the tool has no options for. */
const UNKNOWN: FlowProtocol = {
  name: "unknown",
  protonum: null,
  options: {},
  take() {},
  check() {},
  help: "  no options (unsupported)\n",
};

const IPPROTO_RAW = 255;

/** The protocol of `-p`, by name or number, and its number. Models `findproto()`. */
export function findProtocol(text: string): { readonly protocol: FlowProtocol; readonly protonum: number } {
  const named = PROTOCOLS.find(({ name }) => name === text.toLowerCase());
  if (named?.protonum !== undefined && named.protonum !== null) return { protocol: named, protonum: named.protonum };
  // `all` is iptables' own.
  const listed = text === "all" ? undefined : protocolNumber(text);
  const digits = /^\s*\+?(0x[\da-f]+|\d+)$/i.exec(text)?.[1];
  const number = listed ?? (digits === undefined ? undefined : Number(digits));
  if (number === undefined || number > IPPROTO_RAW) throw new ConntrackUsageError(`\`${text}' unsupported protocol`);
  const byNumber = listed === undefined ? PROTOCOLS.find(({ protonum }) => protonum === number) : undefined;
  return { protocol: byNumber ?? UNKNOWN, protonum: number };
}
