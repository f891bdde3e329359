/** Which entries a `conntrack` command is about: its parameters as a test of an entry. */
import {
  type Cidr,
  type ConntrackSnapshot,
  IPS_ASSURED,
  IPS_DST_NAT_DONE,
  IPS_EXPECTED,
  IPS_FIXED_TIMEOUT,
  IPS_OFFLOAD,
  IPS_SEEN_REPLY,
  IPS_SRC_NAT_DONE,
  parseCidr,
  parseIPv4,
  samePrefix,
} from "@netfilter-lab/engine";

/** A wrong option; the message goes behind `conntrack v1.4.7 (conntrack-tools): `. */
export class ConntrackUsageError extends Error {
  override readonly name = "ConntrackUsageError";
}

export type EntryTest = (entry: ConntrackSnapshot) => boolean;

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ["tcp", 6],
  ["udp", 17],
  ["icmp", 1],
  ["icmpv6", 58],
  ["udplite", 136],
  ["sctp", 132],
  ["dccp", 33],
  ["gre", 47],
]);

const TCP_STATES = new Set([
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "LISTEN",
]);

export function parseProtocol(text: string): number {
  const known = PROTOCOLS.get(text.toLowerCase());
  if (known !== undefined) return known;
  if (/^\d+$/.test(text) && Number(text) < 256) return Number(text);
  throw new ConntrackUsageError(`\`${text}' unsupported protocol`);
}

function isAddress(text: string): boolean {
  try {
    parseIPv4(text);
    return true;
  } catch {
    return false;
  }
}

function parseAddress(text: string): Cidr {
  try {
    return parseCidr(text);
  } catch {
    const [, address, length] = /^([\d.]+)\/(\d+)$/.exec(text) ?? [];
    if (address !== undefined && isAddress(address) && Number(length) > 32)
      throw new ConntrackUsageError("Invalid netmask");
    throw new ConntrackUsageError(`Invalid IP address \`${text}'`);
  }
}

const numberOf = (text: string): number =>
  /^0x/i.test(text) ? Number.parseInt(text, 16) : Number.parseInt(text, 10) || 0;

export function addressTest(text: string, direction: 0 | 1, end: "src" | "dst"): EntryTest {
  const { address, prefixLength } = parseAddress(text);
  return (entry) => samePrefix(parseIPv4(entry.tuple[direction][end]), address, prefixLength);
}

export function numberTest(
  text: string,
  direction: 0 | 1,
  field: "sport" | "dport" | "type" | "code" | "id",
): EntryTest {
  const wanted = numberOf(text);
  return (entry) => entry.tuple[direction][field] === wanted;
}

export function stateTest(text: string): EntryTest {
  if (!TCP_STATES.has(text)) throw new ConntrackUsageError(`unknown TCP state \`${text}'`);
  return (entry) => entry.tcpState === text;
}

/** `value` or `value/mask`. */
export function markTest(text: string): EntryTest {
  const [value, mask] = text.split("/");
  const bits = mask === undefined ? 0xffffffff : numberOf(mask);
  return (entry) => (entry.mark & bits) >>> 0 === (numberOf(value) & bits) >>> 0;
}

export function statusTest(text: string): EntryTest {
  let bits = 0;
  let unreplied = false;
  for (const name of text.split(",")) {
    if (name === "ASSURED") bits |= IPS_ASSURED;
    else if (name === "SEEN_REPLY") bits |= IPS_SEEN_REPLY;
    else if (name === "FIXED_TIMEOUT") bits |= IPS_FIXED_TIMEOUT;
    else if (name === "EXPECTED") bits |= IPS_EXPECTED;
    else if (name === "OFFLOAD") bits |= IPS_OFFLOAD;
    else if (name === "UNREPLIED") unreplied = true;
    else if (name !== "UNSET") throw new ConntrackUsageError(`Bad parameter \`${text}'`);
  }
  return (entry) => (entry.status & bits) === bits && !(unreplied && entry.status & IPS_SEEN_REPLY);
}

/**
 * `-n`, `-g`, `-j`: entries whose source, destination or either is translated, perhaps to a given address. The tool
 * compares the two tuples of an entry that NAT has looked at; of ICMP it compares identifier and type as if they were
 * ports, so those always differ.
 */
export function natTest(kind: "src" | "dst" | "any", text: string | null): EntryTest {
  const wanted = text === null || text === "" ? null : parseAddress(text);
  const within = (address: string): boolean =>
    wanted === null || samePrefix(parseIPv4(address), wanted.address, wanted.prefixLength);
  const source: EntryTest = ({ status, tuple: [original, reply] }) =>
    (status & IPS_SRC_NAT_DONE) !== 0 &&
    (original.src !== reply.dst || original.sport !== reply.dport || original.id !== undefined) &&
    within(reply.dst);
  const destination: EntryTest = ({ status, tuple: [original, reply] }) =>
    (status & IPS_DST_NAT_DONE) !== 0 &&
    (original.dst !== reply.src || original.dport !== reply.sport || original.id !== undefined) &&
    within(reply.src);
  if (kind === "src") return source;
  if (kind === "dst") return destination;
  return (entry) => source(entry) || destination(entry);
}
