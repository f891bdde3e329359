/**
 * `xtables-monitor --trace`: what nf_tables tells of packets that TRACE marked, until it is ended. Events of the
 * ruleset (`--event`) are not supported, and say so.
 */
import {
  formatIPv4,
  formatIPv6,
  NF_ACCEPT,
  NF_DROP,
  NF_QUEUE,
  type NftTraceEvent,
  type TracedPacket,
  XT_CONTINUE,
  XT_RETURN,
} from "@netfilter-lab/engine";
import type { CommandProcess } from "../command.js";
import type { LabCommand, LabContext } from "../environment.js";
import { Flag } from "../scheduler.js";
import { OptionError, type OptionSpec, parseOptions } from "./getopt.js";
import { IPTABLES_VERSION } from "./iptables-tool.js";

const NAME = "xtables-monitor";

const OPTIONS: OptionSpec = {
  short: "ceth46V",
  long: {
    counters: { key: "c", value: "none" },
    trace: { key: "t", value: "none" },
    event: { key: "e", value: "none" },
    ipv4: { key: "4", value: "none" },
    ipv6: { key: "6", value: "none" },
    version: { key: "V", value: "none" },
    help: { key: "h", value: "none" },
  },
};

const USAGE = `${NAME} ${IPTABLES_VERSION} (nf_tables)
Usage: ${NAME} [ -t | -e ]
        --trace    -t    trace ruleset traversal of packets tagged via -j TRACE rule
        --event    -e    show events that modify the ruleset
Optional arguments:
        --ipv4     -4    only monitor IPv4
        --ipv6     -6    only monitor IPv6
	--counters -c    show counters in rules
`;

const AF_INET = 2;
const AF_INET6 = 10;
/** As the tool spells nf_tables' verdict of RETURN, which it has no name for. */
const NFT_RETURN = "0xfffffffb";

const IPPROTO = { tcp: 6, udp: 17, dccp: 33, sctp: 132, udplite: 136 } as const;
const WITH_PORTS: readonly number[] = Object.values(IPPROTO);
/** In the tool's order. */
const TCP_FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [0x02, "SYN"],
  [0x10, "ACK"],
  [0x01, "FIN"],
  [0x04, "RST"],
  [0x08, "PSH"],
  [0x20, "URG"],
];

function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

function get32(bytes: Uint8Array, at: number): number {
  return (get16(bytes, at) * 0x10000 + get16(bytes, at + 2)) >>> 0;
}

/** Six numbers, without leading zeros. */
function mac(address: Uint8Array): string {
  return [...address].map((byte) => byte.toString(16)).join(":");
}

/** Ports and flags, where as much of them is there as the kernel tells. */
function transport(bytes: Uint8Array, at: number, protocol: number): string {
  const length = bytes.length - at;
  if (!WITH_PORTS.includes(protocol) || length < (protocol === IPPROTO.tcp ? 20 : 4)) return "";
  const ports = `SPORT=${get16(bytes, at)} DPORT=${get16(bytes, at + 2)} `;
  if (protocol !== IPPROTO.tcp) return ports;
  const names = TCP_FLAGS.filter(([bit]) => bytes[at + 13] & bit).map(([, name]) => `${name} `);
  return ports + names.join("");
}

/** Options of IPv4; a byte of 128 and more is a negative number to the tool, and has eight digits. */
function ipOptions(bytes: Uint8Array, end: number): string {
  if (end <= 20) return "";
  let text = "";
  for (let at = 20; at < end; at++)
    text += `${bytes[at] < 0x80 ? "" : "FFFFFF"}${bytes[at].toString(16).toUpperCase().padStart(2, "0")}`;
  return `OPT (${text}) `;
}

function ipv4(bytes: Uint8Array): string {
  const fragment = get16(bytes, 6);
  const end = (bytes[0] & 15) * 4;
  let text = `SRC=${formatIPv4(get32(bytes, 12))} DST=${formatIPv4(get32(bytes, 16))} LEN=${get16(bytes, 2)} `;
  text += `TOS=0x${bytes[1].toString(16)} TTL=${bytes[8]} ID=${get16(bytes, 4)} `;
  if (fragment & 0x8000) text += "CE ";
  if (fragment & 0x4000) text += "DF ";
  if (fragment & 0x2000) text += "MF ";
  if (fragment & 0x1fff) text += `FRAG:${fragment & 0x1fff} `;
  text += ipOptions(bytes, end);
  return fragment & 0x1fff ? text : text + transport(bytes, end, bytes[9]);
}

/** The length is that of the payload and of IPv4's header. */
function ipv6(bytes: Uint8Array): string {
  const first = get32(bytes, 0);
  const words = Int32Array.from({ length: 8 }, (_, i) => get32(bytes, 8 + 4 * i));
  let text = `SRC=${formatIPv6(words)} DST=${formatIPv6(words, 4)} LEN=${get16(bytes, 4) + 20} `;
  text += `TC=${(first >>> 20) & 0xff} HOPLIMIT=${bytes[7]} FLOWLBL=${first & 0xfffff} `;
  return text + transport(bytes, 40, bytes[6]);
}

function packetText(packet: TracedPacket, isIPv4: boolean): string {
  const { bytes, iif, oif, loopback, macs, mark } = packet;
  let text = "";
  if (iif !== null) text += `IN=${iif} `;
  if (oif !== null) text += `OUT=${oif} `;
  if (loopback) text += "LOOPBACK ";
  else if (macs !== null)
    text += `MACSRC=${mac(macs.source)} MACDST=${mac(macs.destination)} MACPROTO=${isIPv4 ? "0800" : "86dd"} `;
  text += isIPv4 ? ipv4(bytes) : ipv6(bytes);
  return mark === 0 ? text : `${text}MARK=0x${mark.toString(16)} `;
}

function verdictText({ verdict, leadsTo }: NftTraceEvent): string {
  if (leadsTo !== null) return `${leadsTo.goto ? "GOTO" : "JUMP"}:${leadsTo.chain}`;
  if (verdict === XT_CONTINUE) return "CONTINUE";
  if (verdict === XT_RETURN) return NFT_RETURN;
  switch (verdict & 0xff) {
    case NF_ACCEPT:
      return "ACCEPT";
    case NF_DROP:
      return "DROP";
    case NF_QUEUE:
      return "QUEUE";
    default:
      return "STOLEN";
  }
}

/** The lines of one message: the packet, where the message has it, and what met it. */
export function traceText(event: NftTraceEvent): string {
  const { family, packet, table, chain, rule } = event;
  const isIPv4 = family === "ipv4";
  const who = `${isIPv4 ? AF_INET : AF_INET6} ${event.id.toString(16).padStart(8, "0")}`;
  const about = packet === null ? "" : `PACKET: ${who} ${packetText(packet, isIPv4)}\n`;
  const where = ` TRACE: ${who} ${table}:${chain}`;
  if (rule === null) return `${about}${where}:policy:${verdictText(event)} \n`;
  const command = `-${isIPv4 ? 4 : 6} -t ${table} ${rule.text}`;
  return `${about}${where}:rule:0x${rule.handle.toString(16)}:${verdictText(event)}  ${command}\n`;
}

function* follow({ net, stdout }: LabContext, families: ReadonlySet<string>): CommandProcess {
  const lines: string[] = [];
  const arrived = new Flag();
  const unsubscribe = net.nftTrace.subscribe((event) => {
    if (!families.has(event.family)) return;
    lines.push(traceText(event));
    arrived.set();
  });
  try {
    for (;;) {
      while (lines.length > 0) if (!stdout.write(lines.shift() as string)) return 1;
      arrived.clear();
      yield arrived.wait;
    }
  } finally {
    unsubscribe();
  }
}

export const xtablesMonitor: LabCommand = (context) => {
  const { args, argv0, stdout, stderr } = context;
  let given: Set<string>;
  try {
    given = new Set(parseOptions(argv0, args, OPTIONS).options.map(({ key }) => key));
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    stderr.write(`${NAME} ${IPTABLES_VERSION}: Bad argument.\nTry \`${NAME} -h' for more information.\n`);
    return 2;
  }
  if (given.has("V")) {
    stdout.write(`${NAME} ${IPTABLES_VERSION}\n`);
    return 0;
  }
  if (given.has("h") || (!given.has("t") && !given.has("e"))) {
    stdout.write(USAGE);
    return 1;
  }
  for (const [key, name] of [
    ["e", "--event"],
    ["c", "--counters"],
  ]) {
    if (!given.has(key)) continue;
    stderr.write(`${NAME}: ${name} is not supported by the lab\n`);
    return 1;
  }
  const only = ["4", "6"].filter((key) => given.has(key));
  return follow(context, new Set((only.length === 0 ? ["4", "6"] : only).map((key) => `ipv${key}`)));
};
