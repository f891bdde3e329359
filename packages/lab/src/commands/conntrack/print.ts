/**
 * Conntrack entries and events as text: `conntrack`'s lines, its XML and its save format (conntrack-tools 1.4.7), and
 * /proc/net/nf_conntrack.
 */
import {
  type ConntrackEvent,
  type ConntrackSnapshot,
  formatWholeIPv6,
  IPS_ASSURED,
  IPS_EXPECTED,
  IPS_FIXED_TIMEOUT,
  IPS_SEEN_REPLY,
  type LabelMap,
  NFPROTO_IPV6,
  parseIPv6,
  type TupleText,
} from "@netfilter-lab/engine";
import { isTranslated } from "./filter.js";

/** What `-o` asks for. */
export interface OutputFormat {
  readonly xml: boolean;
  readonly extended: boolean;
  readonly id: boolean;
  readonly timestamp: boolean;
  readonly ktimestamp: boolean;
  readonly save: boolean;
  /** The names of labels to print; null: none are printed. */
  readonly labels: LabelMap | null;
}

/** No `-o` at all. */
export const PLAIN_FORMAT: OutputFormat = {
  xml: false,
  extended: false,
  id: false,
  timestamp: false,
  ktimestamp: false,
  save: false,
  labels: null,
};

/** Which fields a message of the kernel carried. */
interface Carried {
  readonly timeout: boolean;
  readonly counters: boolean;
  readonly mark: boolean;
  readonly timestamp: boolean;
  readonly labels: boolean;
  readonly use: boolean;
}

const LISTED: Carried = { timeout: true, counters: true, mark: true, timestamp: true, labels: true, use: true };

const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "icmp"],
  [6, "tcp"],
  [17, "udp"],
  [33, "dccp"],
  [47, "gre"],
  [58, "icmpv6"],
  [132, "sctp"],
  [136, "udplite"],
]);

/** `tcp` of 6, `unknown` of a number that conntrack has no tracker for. */
export function protocolName(protonum: number): string {
  return PROTOCOL_NAMES.get(protonum) ?? "unknown";
}

const IPPROTO_DCCP = 33;
const IPPROTO_ICMPV6 = 58;

function tupleFields(tuple: TupleText, protonum: number, byKernel: boolean): string {
  const address = `src=${tuple.src} dst=${tuple.dst} `;
  if (tuple.sport !== undefined) return `${address}sport=${tuple.sport} dport=${tuple.dport} `;
  if (tuple.id !== undefined) return `${address}type=${tuple.type} code=${tuple.code} id=${tuple.id} `;
  if (tuple.srckey !== undefined)
    return `${address}srckey=0x${tuple.srckey.toString(16)} dstkey=0x${(tuple.dstkey ?? 0).toString(16)} `;
  // The tool knows of ports that the kernel, which has no tracker for DCCP, does not tell.
  if (protonum === IPPROTO_DCCP && !byKernel) return `${address}sport=0 dport=0 `;
  return address;
}

function head(entry: ConntrackSnapshot, timeout: boolean): string {
  const state = entry.tcpState === null ? "" : `${entry.tcpState} `;
  return `${protocolName(entry.protonum).padEnd(8)} ${entry.protonum} ${timeout ? `${entry.timeoutSeconds} ` : ""}${state}`;
}

/** The zone of one direction alone; the kernel's own file shows it even when its number is 0. */
function directedZone(entry: ConntrackSnapshot, direction: "original" | "reply", always = false): string {
  if (entry.zoneDirections !== direction || (entry.zone === 0 && !always)) return "";
  return `zone-${direction === "original" ? "orig" : "reply"}=${entry.zone} `;
}

/** The middle of a line, up to [ASSURED]; `byKernel`: as the kernel's own file has it. */
function tuples(entry: ConntrackSnapshot, counters: boolean, byKernel = false): string {
  const counted = (direction: 0 | 1): string =>
    entry.counters !== null && counters
      ? `packets=${entry.counters[direction].packets} bytes=${entry.counters[direction].bytes} `
      : "";
  const unreplied = entry.status & IPS_SEEN_REPLY ? "" : "[UNREPLIED] ";
  const assured = entry.status & IPS_ASSURED ? "[ASSURED] " : "";
  const [original, reply] = entry.tuple.map((tuple) => tupleFields(tuple, entry.protonum, byKernel));
  const zones = [directedZone(entry, "original", byKernel), directedZone(entry, "reply", byKernel)];
  return `${original}${zones[0]}${counted(0)}${unreplied}${reply}${zones[1]}${counted(1)}${assured}`;
}

/** Seconds that an entry has lived, or lived. */
function deltaTime(entry: ConntrackSnapshot, nowNanos: bigint): string {
  const { timestamp } = entry;
  if (timestamp === null) return "";
  const stop = timestamp.stopNanos === 0n ? nowNanos : timestamp.stopNanos;
  return String((stop - timestamp.startNanos) / 1_000_000_000n);
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** As `ctime(3)` prints it, in UTC. */
function ctime(nanos: bigint): string {
  const date = new Date(Number(nanos / 1_000_000n));
  const day = String(date.getUTCDate()).padStart(2);
  const time = date.toISOString().slice(11, 19);
  return `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${day} ${time} ${date.getUTCFullYear()}`;
}

/** The labels that have names, when they are to be printed. */
function labelNames(entry: ConntrackSnapshot, format: OutputFormat, carried: Carried): string[] {
  return carried.labels ? (entry.labels ?? []).flatMap((label) => format.labels?.nameOf(label) ?? []) : [];
}

/** The family as `-o extended` and /proc show it. */
function familyText({ l3num }: ConntrackSnapshot): string {
  return `${(l3num === NFPROTO_IPV6 ? "ipv6" : "ipv4").padEnd(8)} ${l3num} `;
}

function plainLine(entry: ConntrackSnapshot, format: OutputFormat, carried: Carried, nowNanos: bigint): string {
  let text = format.extended ? familyText(entry) : "";
  text += head(entry, carried.timeout) + tuples(entry, carried.counters);
  if (carried.mark) text += `mark=${entry.mark} `;
  if (entry.zone !== 0 && entry.zoneDirections === "both") text += `zone=${entry.zone} `;
  if (carried.timestamp && entry.timestamp !== null) {
    text += `delta-time=${deltaTime(entry, nowNanos)} `;
    if (format.ktimestamp) {
      text += `[start=${ctime(entry.timestamp.startNanos)}] `;
      if (entry.timestamp.stopNanos !== 0n) text += `[stop=${ctime(entry.timestamp.stopNanos)}] `;
    }
  }
  if (entry.helper !== null) text += `helper=${entry.helper} `;
  if (carried.use) text += `use=${entry.use} `;
  if (format.id) text += `id=${entry.id} `;
  const labels = labelNames(entry, format, carried);
  if (labels.length > 0) text += `labels=${labels.join(",")} `;
  return text.trimEnd();
}

function xmlPorts({ sport, dport, srckey, dstkey }: TupleText): string {
  if (srckey !== undefined)
    return `<srckey>0x${srckey.toString(16)}</srckey><dstkey>0x${dstkey?.toString(16)}</dstkey>`;
  return sport === undefined ? "" : `<sport>${sport}</sport><dport>${dport}</dport>`;
}

/** When an event was told, for `-o timestamp`, in UTC; Sunday is 1. */
function xmlWhen(nanos: bigint): string {
  const date = new Date(Number(nanos / 1_000_000n));
  return (
    `<when><hour>${date.getUTCHours()}</hour><min>${date.getUTCMinutes()}</min><sec>${date.getUTCSeconds()}</sec>` +
    `<wday>${date.getUTCDay() + 1}</wday><day>${date.getUTCDate()}</day><month>${date.getUTCMonth() + 1}</month>` +
    `<year>${date.getUTCFullYear()}</year></when>`
  );
}

function xmlFlow(
  entry: ConntrackSnapshot,
  format: OutputFormat,
  carried: Carried,
  nowNanos: bigint,
  type: string | null,
): string {
  const meta = (direction: 0 | 1): string => {
    const tuple = entry.tuple[direction];
    const zone = directedZone(entry, direction === 0 ? "original" : "reply") ? `<zone>${entry.zone}</zone>` : "";
    const counters =
      entry.counters !== null && carried.counters
        ? `<counters><packets>${entry.counters[direction].packets}</packets><bytes>${entry.counters[direction].bytes}</bytes></counters>`
        : "";
    return (
      `<meta direction="${direction === 0 ? "original" : "reply"}"><layer3 protonum="${entry.l3num}" protoname="${entry.l3num === NFPROTO_IPV6 ? "ipv6" : "ipv4"}"><src>${tuple.src}</src>` +
      `<dst>${tuple.dst}</dst></layer3><layer4 protonum="${entry.protonum}" protoname="${protocolName(entry.protonum)}">` +
      `${xmlPorts(tuple)}</layer4>${zone}${counters}</meta>`
    );
  };
  let independent = "";
  if (entry.tcpState !== null) independent += `<state>${entry.tcpState}</state>`;
  if (carried.timeout) independent += `<timeout>${entry.timeoutSeconds}</timeout>`;
  if (carried.mark) independent += `<mark>${entry.mark}</mark>`;
  const labels = labelNames(entry, format, carried);
  if (labels.length > 0) independent += `<labels>${labels.map((name) => `<label>${name}</label>`).join("")}</labels>`;
  if (entry.zone !== 0 && entry.zoneDirections === "both") independent += `<zone>${entry.zone}</zone>`;
  if (carried.use) independent += `<use>${entry.use}</use>`;
  independent += `<id>${entry.id}</id>`;
  if (entry.status & IPS_ASSURED) independent += "<assured/>";
  if ((entry.status & IPS_SEEN_REPLY) === 0) independent += "<unreplied/>";
  if (carried.timestamp && entry.timestamp !== null) {
    if (format.ktimestamp) {
      const { startNanos, stopNanos } = entry.timestamp;
      const stop = stopNanos === 0n ? "" : `<stop>${stopNanos}</stop>`;
      independent += `<timestamp><start>${startNanos}</start>${stop}</timestamp>`;
    }
    independent += `<deltatime>${deltaTime(entry, nowNanos)}</deltatime>`;
  }
  const helper = entry.helper === null ? "" : `<helper>${entry.helper}</helper>`;
  return `<flow${type === null ? "" : ` type="${type}"`}>${meta(0)}${meta(1)}<meta direction="independent">${independent}</meta>${helper}${type !== null && format.timestamp ? xmlWhen(nowNanos) : ""}</flow>`;
}

/** Statuses in the order of their bits, as `-o save` names them. */
const SAVED_STATUSES = [
  [IPS_EXPECTED, "EXPECTED"],
  [IPS_SEEN_REPLY, "SEEN_REPLY"],
  [IPS_ASSURED, "ASSURED"],
  [IPS_FIXED_TIMEOUT, "FIXED_TIMEOUT"],
] as const;
const ANYWHERE = { address: null, port: null } as const;

/** What a protocol says of itself in `-o save`. */
function savedProtocol(entry: ConntrackSnapshot): string[] {
  const [original, reply] = entry.tuple;
  if (original.sport !== undefined) {
    const words = [`--sport ${original.sport} --dport ${original.dport}`];
    words.push(`--reply-port-src ${reply.sport} --reply-port-dst ${reply.dport}`);
    if (entry.tcpState !== null) words.push(`--state ${entry.tcpState}`);
    if (entry.vtags !== null && entry.tcpState !== null)
      words.push(`--orig-vtag ${entry.vtags[0]} --reply-vtag ${entry.vtags[1]}`);
    return words;
  }
  if (original.srckey !== undefined)
    return [
      `--srckey ${original.srckey} --dstkey ${original.dstkey}`,
      `--reply-key-src ${reply.srckey} --reply-key-dst ${reply.dstkey}`,
    ];
  if (original.id === undefined) return [];
  const icmp = entry.protonum === IPPROTO_ICMPV6 ? "icmpv6" : "icmp";
  return [`--${icmp}-type ${original.type} --${icmp}-code ${original.code} --${icmp}-id ${original.id}`];
}

/** The line as options that would make the entry again: `-A -t 30 -u UNSET -s ...`. Models `ct_save_snprintf()`. */
function saveLine(entry: ConntrackSnapshot, command: "A" | "U" | "D", timeout: boolean): string {
  const bits = SAVED_STATUSES.filter(([bit]) => entry.status & bit).map(([, name]) => name);
  const [original, reply] = entry.tuple;
  const words = [`-${command}`];
  if (timeout) words.push(`-t ${entry.timeoutSeconds}`);
  words.push(`-u ${bits.length > 0 ? bits.join(",") : "UNSET"}`);
  if (entry.zone !== 0)
    words.push(`${{ both: "-w", original: "--orig-zone", reply: "--reply-zone" }[entry.zoneDirections]} ${entry.zone}`);
  words.push(`-s ${original.src} -d ${original.dst}`);
  words.push(`-${isTranslated(entry, "dst", ANYWHERE) && original.dst !== reply.src ? "g" : "r"} ${reply.src}`);
  words.push(`-${isTranslated(entry, "src", ANYWHERE) && original.src !== reply.dst ? "n" : "q"} ${reply.dst}`);
  const name = protocolName(entry.protonum);
  words.push(`-p ${name === "unknown" ? entry.protonum : name}`);
  return [...words, ...savedProtocol(entry)].join(" ");
}

/** The opening of an XML output. */
export const XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n';
export const XML_TAIL = "</conntrack>\n";

/** One line of `conntrack -L`, without its newline. */
export function listLine(entry: ConntrackSnapshot, format: OutputFormat, nowNanos: bigint): string {
  return changedLine(entry, format, nowNanos, "A");
}

/** The line of an entry that a command listed or added (`A`) or deleted (`D`). */
export function changedLine(
  entry: ConntrackSnapshot,
  format: OutputFormat,
  nowNanos: bigint,
  command: "A" | "D",
): string {
  if (format.xml) return xmlFlow(entry, format, LISTED, nowNanos, null);
  if (format.save) return saveLine(entry, command, true);
  return plainLine(entry, format, LISTED, nowNanos);
}

/**
 * One line of `conntrack -E`, without its newline. `epochMicros` is what the lab's time zero stands for, and `program`
 * (null: nobody looked) the tool whose doing an event is, for `[USERSPACE]`.
 */
export function eventLine(
  event: ConntrackEvent,
  format: OutputFormat,
  epochMicros: number,
  program: string | null,
): string {
  const { entry, type, portid } = event;
  const { counters, mark, timestamp, labels } = event.carries;
  // A destroyed entry tells the time it had left, when it had any.
  const timeout = type !== "DESTROY" || entry.timeoutSeconds > 0;
  const carried: Carried = { timeout, counters, mark, timestamp, labels, use: false };
  const atMicros = epochMicros + event.atMicros;
  const nowNanos = BigInt(Math.round(atMicros)) * 1000n;
  const named = program === null ? "" : ` progname=${program}`;
  const userspace = portid === 0 ? "" : ` [USERSPACE] portid=${portid}${named}`;
  if (format.xml) return xmlFlow(entry, format, carried, nowNanos, type.toLowerCase()) + userspace;
  if (format.save) {
    const command = ({ NEW: "A", UPDATE: "U", DESTROY: "D" } as const)[type];
    return saveLine(entry, command, timeout) + userspace;
  }
  const stamp = format.timestamp
    ? `[${Math.floor(atMicros / 1_000_000)}.${String(atMicros % 1_000_000).padStart(6, "0")}]\t`
    : "";
  return `${stamp}${`[${type}]`.padStart(9)} ${plainLine(entry, format, carried, nowNanos)}${userspace}`;
}

/** An IPv6 address with nothing left out, as the kernel's own files have it. */
export function wholeAddress(text: string): string {
  return text.includes(":") ? formatWholeIPv6(parseIPv6(text)) : text;
}

/** An entry as the kernel itself writes it: it has no tracker for DCCP, so no name either. */
function asKernelTells(entry: ConntrackSnapshot): ConntrackSnapshot {
  const [original, reply] = entry.tuple.map(({ src, dst, ...ports }) => ({
    src: wholeAddress(src),
    dst: wholeAddress(dst),
    ...ports,
  }));
  return { ...entry, tuple: [original, reply] };
}

/**
 * One line of /proc/net/nf_conntrack, without its newline. Reading it holds a reference; a netlink listing does not.
 */
export function procConntrackLine(told: ConntrackSnapshot, nowNanos: bigint): string {
  const entry = asKernelTells(told);
  const zone = entry.zoneDirections === "both" ? `zone=${entry.zone} ` : "";
  const delta = entry.timestamp === null ? "" : `delta-time=${deltaTime(entry, nowNanos)} `;
  const gre = entry.greTimeouts;
  const timeouts = gre === null ? "" : `timeout=${gre[0]}, stream_timeout=${gre[1]} `;
  const state = entry.tcpState === null ? "" : `${entry.tcpState} `;
  const name = entry.protonum === IPPROTO_DCCP ? "unknown" : protocolName(entry.protonum);
  return (
    `${familyText(entry)}${name.padEnd(8)} ${entry.protonum} ${entry.timeoutSeconds} ${timeouts}${state}` +
    `${tuples(entry, true, true)}mark=${entry.mark} ${zone}${delta}use=${entry.use + 1}`
  );
}
