/**
 * Reads the lines of conntrack-tools (`conntrack -L`, `-E`, with `-o extended,id,timestamp`) back into entries and
 * events. Counters and flags stand where conntrack-tools puts them: counters behind each tuple, `[UNREPLIED]` between
 * the tuples, `[ASSURED]` behind them.
 */
import {
  type ConntrackEvent,
  type ConntrackSnapshot,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_DST_NAT,
  IPS_SEEN_REPLY,
  IPS_SRC_NAT,
  type TupleText,
} from "@netfilter-lab/engine";

/** Names as the engine's tuples have them; others are shown by number. */
const PROTOCOLS: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 132: "sctp" };

/** One line with `-o extended,id`: an entry. Throws a `SyntaxError` that shows a line that is none. */
export function parseEntry(line: string): ConntrackSnapshot {
  return parse(line).entry;
}

interface Parsed {
  readonly entry: ConntrackSnapshot;
  readonly hasTimeout: boolean;
  readonly hasMark: boolean;
}

function parse(line: string): Parsed {
  const words = line.trim().split(/\s+/);
  if (words[0] === "ipv4" || words[0] === "ipv6") words.splice(0, 2);
  const protonum = Number(words[1]);
  let at = 2;
  const hasTimeout = /^\d+$/.test(words[at] ?? "");
  const timeoutSeconds = hasTimeout ? Number(words[at++]) : 0;
  const tcpState = /^[A-Z][A-Z_0-9]*$/.test(words[at] ?? "") ? words[at++] : null;
  const tuples: Record<string, string>[] = [];
  const rest: Record<string, string> = {};
  let status = IPS_CONFIRMED | IPS_SEEN_REPLY;
  for (const word of words.slice(at)) {
    if (word === "[UNREPLIED]") status &= ~IPS_SEEN_REPLY;
    else if (word === "[ASSURED]") status |= IPS_ASSURED;
    else {
      const pair = /^\[?([a-z-]+)=([^\]]*)\]?$/.exec(word);
      if (pair === null) continue;
      const [, key, value] = pair;
      if (key === "src") tuples.push({});
      const inTuple = tuples.length > 0 && TUPLE_KEYS.has(key);
      // ICMP's id belongs to a tuple; the entry's own stands at the end, where both tuples have theirs or cannot.
      const last = tuples.at(-1);
      if (inTuple && last !== undefined && !(key in last) && !(key === "id" && !("type" in last))) last[key] = value;
      else rest[key] = value;
    }
  }
  if (tuples.length !== 2 || !Number.isInteger(protonum)) throw new SyntaxError(`not a conntrack entry: ${line}`);
  const tuple = [tupleOf(tuples[0], protonum), tupleOf(tuples[1], protonum)] as const;
  const [original, reply] = tuple;
  if (reply.dst !== original.src || reply.dport !== original.sport) status |= IPS_SRC_NAT;
  if (reply.src !== original.dst || reply.sport !== original.dport) status |= IPS_DST_NAT;
  const counters = tuples.map(({ packets, bytes }) => ({ packets: Number(packets), bytes: Number(bytes) }));
  return {
    hasTimeout,
    hasMark: "mark" in rest,
    entry: {
      handle: Number(rest.id ?? 0),
      id: Number(rest.id ?? 0),
      l3num: 2,
      protonum,
      status,
      timeoutSeconds,
      mark: Number(rest.mark ?? 0),
      zone: Number(rest.zone ?? 0),
      helper: rest.helper ?? null,
      zoneDirections: "both",
      vtags: null,
      greTimeouts: null,
      labels: null,
      tcpState,
      tuple,
      counters: "packets" in tuples[0] ? [counters[0], counters[1]] : null,
      timestamp: null,
      use: Number(rest.use ?? 1),
    },
  };
}

const TUPLE_KEYS: ReadonlySet<string> = new Set(
  "src dst sport dport type code id srckey dstkey packets bytes".split(" "),
);

function tupleOf(fields: Readonly<Record<string, string>>, protonum: number): TupleText {
  const { src, dst, sport, dport, type, code, id } = fields;
  const protocol = PROTOCOLS[protonum] ?? String(protonum);
  if (sport !== undefined) return { src, dst, protocol, sport: Number(sport), dport: Number(dport) };
  if (type !== undefined) return { src, dst, protocol, type: Number(type), code: Number(code), id: Number(id) };
  const { srckey, dstkey } = fields;
  if (srckey !== undefined) return { src, dst, protocol, srckey: Number(srckey), dstkey: Number(dstkey) };
  return { src, dst, protocol };
}

/** One line of `conntrack -E -o extended,id,timestamp`; `epochMicros` is when the lab began. */
export function parseEvent(line: string, epochMicros: number): ConntrackEvent {
  const match = /^\[(\d+)\.(\d+)\s*\]\s*\[(NEW|UPDATE|DESTROY)\]\s*(.*)$/.exec(line);
  if (match === null) throw new SyntaxError(`not a conntrack event: ${line}`);
  const { entry, hasTimeout, hasMark } = parse(match[4]);
  return {
    type: match[3] as ConntrackEvent["type"],
    entry,
    carries: {
      timeout: hasTimeout,
      tcpState: entry.tcpState !== null,
      counters: entry.counters !== null,
      timestamp: false,
      mark: hasMark,
      labels: false,
    },
    atMicros: Number(match[1]) * 1_000_000 + Number(match[2]) - epochMicros,
    portid: Number(/ portid=(\d+)/.exec(match[4])?.[1] ?? 0),
  };
}
